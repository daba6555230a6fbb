package doc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// setDone sets a value of the first task, alone.
func setDone(d *Document, done bool) {
	do((*Object)(d.root.List(fTasks).Node(0).Canonical()), func(n *Node) { n.SetLeaf(fDone, unsafe.Pointer(&done)) })
}

// TestAloneAllocates holds that a set allocates nothing for who listens by
// value, however many they are.
func TestAloneAllocates(t *testing.T) {
	t.Cleanup(folds.Pause())
	d, _, _ := create(t, seedNote, 64)
	heard := 0
	for range 3 {
		d.root.Listen(Listener{Field: -1, Lens: look(noteType, fTasks, each{}, fDone), Typed: true,
			Alone: func(*Alone) { heard++ }})
	}
	done := false
	o := (*Object)(d.root.List(fTasks).Node(0).Canonical())
	set := func(n *Node) { n.SetLeaf(fDone, unsafe.Pointer(&done)) }
	if n := testing.AllocsPerRun(100, func() { done = !done; do(o, set) }); n > 0 {
		t.Errorf("a set allocates %v times", n)
	}
	if heard < 300 {
		t.Errorf("heard %d", heard)
	}
}

// TestAloneElement edits lists of values by single edits and, in a second
// document, by the same edits in Updates: what is kept alone and what is logged
// is told to the same listeners with the same places and values.
func TestAloneElement(t *testing.T) {
	note := look(noteType)
	ignoring, ok := note.Ignore(note, look(noteType, fMeta, "new"))
	if !ok {
		t.Fatal("no lens")
	}
	edits := []func(n *Node){
		func(n *Node) { insertStrings(n, fTags, 0, "first") },
		func(n *Node) { insertStrings(n, fTags, 2, "c") },
		func(n *Node) { n.List(fTags).Remove(1, 1) },
		func(n *Node) { n.List(fTags).SetLeaf(0, ptrTo("other")) },
		func(n *Node) { n.List(fTags).SetLeaf(0, ptrTo("other")) },
		func(n *Node) { n.List(fTags).Move(0, 2) },
		func(n *Node) { n.List(fTags).Swap(0, 1) },
		func(n *Node) { insertStrings(n, fTags, 1, "x", "y") },
		func(n *Node) { n.List(fTags).Remove(0, 3) },
		func(n *Node) { n.List(fMeta).PutPlain("new", ptrTo(int64(3))) },
		func(n *Node) { n.List(fMeta).PutPlain("k", ptrTo(int64(4))) },
		func(n *Node) { i, _ := n.List(fMeta).Find("k"); n.List(fMeta).Remove(i, 1) },
		func(n *Node) { n.List(fMeta).PutPlain("", ptrTo(int64(5))) },
		func(n *Node) { insertStrings(n, fTags, 0, "again"); setText(n, fTitle, "both") },
	}
	listeners := map[string]Listener{
		"each":     {Field: -1, Lens: look(noteType, fTags, each{}), Typed: true},
		"at index": {Field: -1, Lens: look(noteType, fTags).Index(1), Typed: true},
		"each key": {Field: -1, Lens: look(noteType, fMeta, each{}), Typed: true},
		"a key":    {Field: -1, Lens: look(noteType, fMeta, "k"), Typed: true},
		"ignoring": {Field: -1, Lens: ignoring},
		"title":    {Field: -1, Lens: look(noteType, fTitle), Typed: true},
		"list":     {Field: -1, Lens: look(noteType, fTags)},
		"document": {Field: -1},
		"field":    {Field: fTags},
		"all":      {Field: -1, Lens: look(noteType)},
	}
	run := func(names []string, edit func(d *Document, f func(*Node))) (heard []string) {
		d, _, _ := create(t, seedNote, 64)
		for _, name := range names {
			l := listeners[name]
			l.Commit = func(c *Commit) {
				for _, x := range c.Deltas {
					if !l.Typed { // else nobody looks at them but who asks for the commit
						heard = append(heard, fmt.Sprintf("%s %s %v %v", name, x.LockedPath(), x.Prev, x.Val))
					}
				}
				for _, x := range c.Changes() {
					heard = append(heard, fmt.Sprintf("%s %v %x %v %x %v", name, x.from.l != nil, x.from.key, x.Prev, x.to.key, x.Val))
				}
			}
			d.root.Listen(l)
		}
		for _, f := range edits {
			edit(d, f)
		}
		return heard
	}
	for name := range listeners {
		for _, names := range [][]string{{name}, {"each", name}, {name, "at index", "document"}} {
			bare := run(names, func(d *Document, f func(*Node)) { do(root(d), f) })
			logged := run(names, func(d *Document, f func(*Node)) {
				if _, err := root(d).Update(func(h unsafe.Pointer) error { f((*Object)(h).n); return nil }, Cause{}); err != nil {
					t.Fatal(err)
				}
			})
			if diff := cmp.Diff(logged, bare); diff != "" || len(bare) == 0 {
				t.Errorf("%v heard in Updates, and of single edits (-updates +single):\n%s", names, diff)
			}
		}
	}
}

// TestAloneElementAllocates holds that to tell of an element that comes and
// goes takes no memory: what it takes is its key and the note of the window.
func TestAloneElementAllocates(t *testing.T) {
	t.Cleanup(folds.Pause())
	count := func(listeners int) float64 {
		d, _, _ := create(t, seedNote, 64)
		heard := 0
		for range listeners {
			d.root.Listen(Listener{Field: -1, Lens: look(noteType, fTags, each{}), Typed: true,
				Alone: func(*Alone) { heard++ }})
		}
		o, v := root(d), "new"
		at := func(int) unsafe.Pointer { return unsafe.Pointer(&v) }
		n := testing.AllocsPerRun(100, func() {
			do(o, func(n *Node) { n.List(fTags).InsertPlain(1, 1, at) })
			do(o, func(n *Node) { n.List(fTags).Remove(1, 1) })
		})
		if heard < 200*listeners {
			t.Errorf("heard %d", heard)
		}
		return n
	}
	if none, three := count(0), count(3); three > none {
		t.Errorf("an insert and a remove take %v pieces of memory with listeners, %v without", three, none)
	}
}

// TestAloneOrder lets listeners of all kinds write, panic, end their goroutine
// and stop others: everybody hears of everything once, in order. (destam 201)
func TestAloneOrder(t *testing.T) {
	d, h, _ := create(t, seedNote, 64)
	var mu sync.Mutex
	var said []string
	say := func(who string, v any) {
		mu.Lock()
		said = append(said, fmt.Sprint(who, v))
		mu.Unlock()
	}
	title := look(noteType, fTitle)
	d.root.Through(title, true, func(c *Commit) {
		v := c.Changes()[0].Val
		say("a", v)
		if v == "1" {
			do(root(d), func(n *Node) { setText(n, fTitle, "2") }) // becomes the next commit
		}
	})
	var s *Subscription
	d.root.Through(title, true, func(c *Commit) {
		v := c.Changes()[0].Val
		say("b", v)
		switch v {
		case "1":
			panic("on purpose")
		case "3":
			s.Stop()
			runtime.Goexit()
		}
	})
	s = d.root.Watch(-1, func(c *Commit) { say("c", c.Deltas[0].Val) })
	d.root.Watch(fTasks, func(c *Commit) { t.Error("heard of a title") })
	d.root.Watch(-1, func(c *Commit) { say("d", c.Deltas[0].Val) })
	do(root(d), func(n *Node) { setText(n, fTitle, "1") })
	gone := make(chan bool)
	go func() { // the listener ends it
		defer close(gone)
		do(root(d), func(n *Node) { setText(n, fTitle, "3") })
		t.Error("went on after Goexit")
	}()
	<-gone
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(root(d), func(n *Node) { setText(n, fTitle, "3") }) // what it is
	h.running.Wait()
	want := []string{"a1", "b1", "c1", "d1", "a2", "b2", "c2", "d2", "a3", "b3", "d3"}
	if !slices.Equal(said, want) {
		t.Errorf("heard %v, want %v", said, want)
	}
	reports := h.take()
	if len(reports) != 2 || !strings.Contains(reports[0].Error(), "on purpose") || !strings.Contains(reports[1].Error(), "Goexit") {
		t.Errorf("reported %v", reports)
	}
}

// TestStopInside stops subscriptions inside an Update and a View of their
// document: at once, and without waiting for itself.
func TestStopInside(t *testing.T) {
	d, h, _ := create(t, seedNote, 64)
	heard := 0
	one := d.root.Watch(-1, func(*Commit) { heard++ })
	two := d.root.Through(look(noteType, fTitle), true, func(*Commit) { heard++ })
	root(d).Update(func(p unsafe.Pointer) error {
		setText((*Object)(p).n, fTitle, "x")
		one.Stop()
		return nil
	}, Cause{})
	if heard != 1 {
		t.Errorf("%d calls, want the other's", heard)
	}
	root(d).View(func(unsafe.Pointer) error { two.Stop(); two.Stop(); return nil })
	h.running.Wait()
	if d.watching != 0 || h.watched || d.root.watchers != nil {
		t.Error("still watched")
	}
}

// TestLockSelf uses an outer handle inside its own Update: that panics with
// what to do, and the Update is rolled back. In an Update of another document
// it is only a wait.
func TestLockSelf(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	other, _, _ := create(t, seedNote, 64)
	for other.spelled() == d.spelled() {
		other, _, _ = create(t, seedNote, 64)
	}
	d.opts.Patience = time.Millisecond
	said := func() (said string) {
		defer func() { said = fmt.Sprint(recover()) }()
		root(other).View(func(unsafe.Pointer) error {
			_, err := root(d).Update(func(p unsafe.Pointer) error {
				setText((*Object)(p).n, fTitle, "x")
				setDone(d, true)
				return nil
			}, Cause{})
			return err
		})
		return ""
	}()
	if !strings.Contains(said, d.ID.String()) || !strings.Contains(said, "use the handle that the function was given") ||
		!strings.Contains(said, "TestLockSelf") {
		t.Errorf("panicked with %s", said)
	}
	if v := snapshot(d); v.Title != seedNote.Title {
		t.Errorf("the Update was not rolled back: %v", v.Title)
	}
}

// TestLockReport lets a goroutine wait long for another: both stacks are told,
// and the lock is got in the end.
func TestLockReport(t *testing.T) {
	d, h, _ := create(t, seedNote, 64)
	d.opts.Patience = time.Millisecond
	inside, waiting := make(chan bool), make(chan bool)
	go root(d).Update(func(unsafe.Pointer) error { close(inside); holdingOn(waiting); return nil }, Cause{})
	<-inside
	go func() {
		for {
			if rs := h.take(); len(rs) > 0 {
				var e *LockError
				if !errors.As(rs[0], &e) || !strings.Contains(e.Holder, "holdingOn") || !strings.Contains(e.Waiter, "TestLockReport") {
					t.Errorf("reported %v", rs[0])
				}
				close(waiting)
				return
			}
			runtime.Gosched()
		}
	}()
	setDone(d, true)
}

// TestSettleReport has listeners wait for what they are being told, of a value
// set alone and of a commit: it is reported, with where they wait.
func TestSettleReport(t *testing.T) {
	for name, listen := range map[string]func(d *Document, heard func()) *Subscription{
		"alone": func(d *Document, heard func()) *Subscription {
			return d.root.Listen(Listener{Field: -1, Lens: look(noteType, fTasks, each{}, fDone), Typed: true,
				Alone: func(*Alone) { heard() }})
		},
		"commit": func(d *Document, heard func()) *Subscription {
			return d.root.Watch(-1, func(*Commit) { heard() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, h, _ := create(t, seedNote, 64)
			d.opts.Patience = time.Millisecond
			ctx, cancel := context.WithCancel(context.Background())
			over := make(chan []error, 1)
			go func() {
				defer cancel()
				for {
					if reports := h.take(); len(reports) > 0 || ctx.Err() != nil {
						over <- reports
						return
					}
					runtime.Gosched()
				}
			}()
			defer listen(d, func() {
				if err := d.Settle(ctx); err == nil {
					t.Error("it did not wait")
				}
			}).Stop()
			setDone(d, true)
			cancel()
			var e *LockError
			if reports := <-over; len(reports) != 1 || !errors.As(reports[0], &e) || !strings.Contains(e.Waiter, "TestSettleReport") {
				t.Errorf("reported %v", reports)
			}
		})
	}
}

//go:noinline
func holdingOn(until chan bool) { <-until }

// TestEarshot sets one field again and again while its object is moved and
// those who listen come and go: what is kept of who hears is never used once
// it is wrong.
func TestEarshot(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	var heard []string
	hears := func(who string, l *Lens) *Subscription {
		return d.root.Through(l, true, func(*Commit) { heard = append(heard, who) })
	}
	tasks := hears("tasks", look(noteType, fTasks, each{}, fText))
	hears("draft", look(noteType, fDraft, each{}, fText))
	n := d.root.List(fTasks).Node(0)
	o := (*Object)(n.Canonical())
	i := 0
	set := func(want ...string) {
		t.Helper()
		for range 2 { // the second time from what is kept
			heard = nil
			i++
			do(o, func(n *Node) { setText(n, fText, fmt.Sprint("set ", i)) })
			if !slices.Equal(heard, want) {
				t.Errorf("heard by %q, want %q", heard, want)
			}
		}
	}
	move := func(from, to int) {
		do(root(d), func(r *Node) {
			r.List(from).Remove(0, 1)
			l := r.EnsureList(to)
			l.Open(0, 1)
			l.Put(0, n)
			l.Close(0, 1)
		})
	}
	set("tasks")
	first := d.root.Through(look(noteType, fTasks).Index(0).Into(fText), true, func(*Commit) { heard = append(heard, "first") })
	set("tasks", "first")
	do(root(d), func(r *Node) { insertTasks(r, fTasks, 0, Task{Text: "before"}) })
	set("tasks")
	do(root(d), func(r *Node) { r.List(fTasks).Remove(0, 1) })
	set("tasks", "first")
	move(fTasks, fDraft)
	set("draft")
	move(fDraft, fTasks)
	set("tasks", "first")
	first.Stop()
	set("tasks")
	tasks.Stop()
	set()
}

// TestPathKept holds that the path of a commit's delta is where the slot is at
// the moment of asking, whatever came and went since another was asked for it.
func TestPathKept(t *testing.T) {
	kept := 0
	for seed := range rounds(60) {
		d, _, _ := create(t, seedNote, 64)
		p := newPlayer(d, seed, 12)
		var heard []*Head
		d.root.Watch(-1, func(c *Commit) {
			for i := range c.Deltas {
				if x := &c.Deltas[i]; x.Renamed() == nil {
					heard = append(heard, &x.Head)
				}
			}
		})
		for step := range 40 {
			p.some(t)
			if n := p.any(); n != nil && n.typ == noteType.Fields[fTasks].typ {
				do((*Object)(n.Canonical()), func(n *Node) { setText(n, fText, fmt.Sprint("step ", step)) })
			}
			for _, h := range heard[max(0, len(heard)-20):] {
				got := h.LockedPath()
				d.lock()
				want := (*Delta)(unsafe.Pointer(h)).Path()
				if at := d.out.near; at != nil && at[hashed(h.N, h.F)%earshots].path != nil {
					kept++
				}
				d.mu.Unlock()
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: the path is %q, was given as %q", seed, step, want, got)
				}
			}
		}
	}
	if kept == 0 {
		t.Error("no path was kept")
	}
}

// TestSingle holds that what a Single says is what the Delta would.
func TestSingle(t *testing.T) {
	x := Alone{n: &Node{typ: noteType}, f: int32(fRate), leaf: noteType.Fields[fRate].leaf}
	for _, c := range []struct{ had, has bool }{{true, true}, {true, false}, {false, true}} {
		x.had, x.has = c.had, c.has
		x.prev.number, x.val.number = 3, 5
		if !x.Small() {
			t.Fatal("a number needs more than a Single")
		}
		var s Single
		var room, want Delta
		var cells [2]Cell
		x.Single(&s)
		x.Delta(&want, &cells)
		if got := s.Head.Delta(&room); *got != want {
			t.Errorf("had %v, has %v: the delta is %v, want %v", c.had, c.has, *got, want)
		}
		if got := want.Head.Delta(&room); got != &want {
			t.Error("a Delta is not its own")
		}
	}
}
