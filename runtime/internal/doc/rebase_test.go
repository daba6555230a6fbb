package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// shared is a store that orders the commits of several writers, each of which
// has a replica of one document.
type shared struct {
	t      testing.TB
	bodies [][]byte
	twin   *Document // what the commits, replayed, give
	races  int
	what   string
}

// writer is one of them.
type writer struct {
	*player
	h *host
}

func newShared(t testing.TB, bound int, seed uint64, writers int) (*shared, []*writer) {
	d, _, bodies := create(t, seedNote, bound)
	s := &shared{t: t, bodies: bodies, twin: replayed(t, bodies, bound), what: fmt.Sprintf("bound %d seed %d", bound, seed)}
	var all []*writer
	for i := range writers {
		h := &host{}
		e := New(noteType, d.ID, h, Options{KeyBound: bound})
		if err := e.Replay(1, bodies[0]); err != nil {
			t.Fatal(err)
		}
		e.Loaded()
		w := &writer{player: newPlayer(e, seed, 50+uint64(i)), h: h}
		for _, f := range []int{-1, fTasks, fQuery} {
			e.root.Watch(f, func(*Commit) {})
		}
		all = append(all, w)
	}
	return s, all
}

// push gives the store what a writer has pending, as far as it is the first.
func (s *shared) push(w *writer, most int) {
	for _, p := range w.d.Seal() {
		if most--; most < 0 || w.d.base != uint64(len(s.bodies)) {
			break
		}
		s.bodies = append(s.bodies, p.Body)
		seq := uint64(len(s.bodies))
		if err := s.twin.Replay(seq, p.Body); err != nil {
			s.t.Fatalf("commit %d: %v", seq, err)
		}
		checkHolders(s.t, s.twin)
		w.d.Stored(p, seq)
	}
}

// pull brings a writer up to a version.
func (s *shared) pull(w *writer, to int) {
	for seq := w.d.base + 1; seq <= uint64(to); seq++ {
		if _, pending := w.d.Version(); pending {
			s.races++
		}
		if err := w.d.Rebase(seq, s.bodies[seq-1], Cause{By: "other"}); err != nil {
			s.t.Fatalf("commit %d: %v", seq, err)
		}
		w.d.Deliver()
		w.check(s.t, fmt.Sprintf("%s after commit %d", s.what, seq))
	}
}

// rest goes on until the store has everything and everybody has that.
func (s *shared) rest(writers []*writer) {
	for before := -1; before != len(s.bodies); {
		before = len(s.bodies)
		for _, w := range writers {
			s.pull(w, len(s.bodies))
			s.push(w, 1)
		}
	}
}

func (w *writer) check(t testing.TB, what string) {
	t.Helper()
	checkFolds(t, what, w.d)
	checkHolders(t, w.d)
	if w.d.index != nil {
		w.d.root.nodes(func(n *Node) {
			if n != w.d.root && n.known && w.d.index[n.id] != n {
				t.Fatalf("%s: an object at %s is not found by its id", what, n.path())
			}
		})
		for id, n := range w.d.index {
			if n.id != id || !n.known || !n.stored() && !w.d.win.open && len(w.d.pending) == 0 {
				t.Fatalf("%s: an object is found that is not in the document", what)
			}
		}
	}
}

// TestRebase lets writers play with replicas of one document, whose commits a
// store puts in order: whoever comes late expresses what it has anew. All end
// equal, byte for byte, and so does who replays the store; what listeners
// heard, folded, is what is shown.
// (destam 133, 134)
func TestRebase(t *testing.T) {
	races := 0
	for _, bound := range bounds {
		for seed := range rounds(150) {
			races += converge(t, seed, bound)
		}
	}
	if races < 500 {
		t.Errorf("only %d commits met something pending", races)
	}
}

// FuzzRebase is TestRebase for seeds that a fuzzer finds.
func FuzzRebase(f *testing.F) {
	f.Add(uint64(1), true)
	f.Add(uint64(2), false)
	f.Fuzz(func(t *testing.T, seed uint64, narrow bool) {
		bound := 64
		if narrow {
			bound = 6
		}
		converge(t, seed, bound)
	})
}

func converge(t *testing.T, seed uint64, bound int) (races int) {
	r := rand.New(rand.NewPCG(seed, 60))
	s, writers := newShared(t, bound, seed, 2+int(seed%2))
	for range 25 {
		w := writers[r.IntN(len(writers))]
		switch r.IntN(4) {
		case 0:
			s.push(w, 1+r.IntN(3))
		case 1:
			if behind := len(s.bodies) - int(w.d.base); behind > 0 {
				s.pull(w, int(w.d.base)+1+r.IntN(behind))
			}
		default:
			w.some(t)
			if r.IntN(2) == 0 {
				w.d.Seal()
			}
		}
		if t.Failed() {
			t.Fatal(s.what)
		}
	}
	s.rest(writers)
	for i, w := range writers {
		w.check(t, s.what+" at the end")
		if !bytes.Equal(w.d.content(), s.twin.content()) {
			equalNotes(t, fmt.Sprintf("%s writer %d", s.what, i), storedPart(w.d), storedPart(s.twin))
			t.Fatalf("%s writer %d: ids or keys differ", s.what, i)
		}
		w.reports(t)
	}
	if t.Failed() {
		t.Fatal(s.what)
	}
	return s.races
}

// reports demands that nothing but what a rebase has to tell was reported.
func (w *writer) reports(t testing.TB) {
	t.Helper()
	for _, err := range w.h.take() {
		over := (*Overwritten)(nil)
		switch {
		case errors.Is(err, ErrDetached), errors.Is(err, ErrConflict), errors.Is(err, ErrDropped):
		case errors.As(err, &over) && over.By == "other" && len(over.Paths) > 0:
		default:
			t.Fatal(err)
		}
	}
}

// TestRebaseRefused gives a document with pending commits a foreign one that
// does not fit it: nothing changes.
func TestRebaseRefused(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(60) {
			s, writers := newShared(t, bound, seed, 1)
			_, strangers := newShared(t, bound, seed+1000, 1)
			w, other := writers[0], strangers[0]
			for range 6 {
				w.some(t)
				w.d.Seal()
			}
			c := anyTask(other.r, other.d)
			do(root(other.d), func(*Node) { insertTasks(c, fSub, 0, Task{Text: "elsewhere"}) })
			foreign := other.d.Seal()[0].Body
			before, shown, version := w.d.Waiting(), snapshot(w.d), w.d.base
			for _, body := range [][]byte{foreign, {0x91}, {0xff}, s.bodies[0]} {
				if err := w.d.Rebase(version+1, body, Cause{}); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%x: %v", body, err)
				}
				w.d.Deliver()
				w.check(t, "after what does not fit")
				equalNotes(t, "after what does not fit", snapshot(w.d), shown)
			}
			if now := w.d.Waiting(); fmt.Sprint(now) != fmt.Sprint(before) || w.d.base != version {
				t.Fatal("what is pending has changed")
			}
			s.push(w, 100)
			if !bytes.Equal(w.d.content(), s.twin.content()) {
				t.Fatal("what was pending is stored as something else")
			}
		}
	}
}

// meeting is one local change and one that another writer stored before it.
type meeting struct {
	name         string
	theirs, ours func(n *Node)
	update       bool // ours is an Update
	want         func(v *Note)
	err          error // that is reported
	over         string
	heard        int // deltas of the Remote commit; -1 for no commit
	version      int // how many versions there are at the end
}

func setMeta(k string, v int64) func(*Node) {
	return func(n *Node) { n.EnsureList(fMeta).PutPlain(Key(k), unsafe.Pointer(&v)) }
}

func dropMeta(k string) func(*Node) {
	return func(n *Node) { n.EnsureList(fMeta).set(Key(k), false, nil) }
}

func title(s string) func(*Node) { return func(n *Node) { setText(n, fTitle, s) } }

func text(i int, s string) func(*Node) {
	return func(n *Node) { setText(n.List(fTasks).Node(i), fText, s) }
}

func dropTask(i int) func(*Node) { return func(n *Node) { n.List(fTasks).Remove(i, 1) } }

// TestMeeting is the table of design §3.12: what becomes of a pending change
// when another writer's commit comes before it.
func TestMeeting(t *testing.T) {
	for _, m := range []meeting{
		{name: "other slots", theirs: setMeta("k", 2), ours: title("ours"),
			want: func(v *Note) { v.Title, v.Meta["k"] = "ours", 2 }, heard: 1},
		// destam headline 3: two live peers that write one slot end equal.
		{name: "modify, modify", theirs: title("theirs"), ours: title("ours"),
			want: func(v *Note) { v.Title = "ours" }, over: "title", heard: -1},
		{name: "insert, insert", theirs: setMeta("n", 1), ours: setMeta("n", 2),
			want: func(v *Note) { v.Meta["n"] = 2 }, over: "meta.n", heard: -1},
		{name: "modify, delete", theirs: setMeta("k", 1), ours: dropMeta("k"),
			want: func(v *Note) { v.Meta = nil }, over: "meta.k", heard: -1},
		{name: "delete, modify", theirs: dropMeta("k"), ours: setMeta("k", 3),
			want: func(v *Note) { v.Meta["k"] = 3 }, over: "meta.k", heard: -1},
		{name: "delete, delete", theirs: dropMeta("k"), ours: dropMeta("k"),
			want: func(v *Note) { v.Meta = nil }, heard: -1, version: 2},
		{name: "equal results", theirs: title("same"), ours: title("same"),
			want: func(v *Note) { v.Title = "same" }, heard: -1, version: 2},
		{name: "inside of what is gone", theirs: dropTask(0), ours: text(0, "ours"),
			want: func(v *Note) { v.Tasks = v.Tasks[1:] }, err: ErrDropped, heard: 1, version: 2},
		{name: "inside of what is gone, an Update", update: true, theirs: dropTask(0),
			ours: func(n *Node) { text(0, "ours")(n); title("ours")(n) },
			want: func(v *Note) { v.Tasks = v.Tasks[1:] }, err: ErrConflict, heard: 2, version: 2},
		{name: "inside of what is gone, and elsewhere", theirs: dropTask(0),
			ours: func(n *Node) { text(0, "ours")(n); title("ours")(n) },
			want: func(v *Note) { v.Tasks, v.Title = v.Tasks[1:], "ours" }, err: ErrDropped, heard: 1},
		{name: "takes away what was written into", theirs: text(1, "theirs"), ours: dropTask(1),
			want: func(v *Note) { v.Tasks = v.Tasks[:1] }, over: "tasks.1.text", heard: -1},
		{name: "both insert at one place", theirs: func(n *Node) { insertStrings(n, fTags, 1, "theirs") },
			ours: func(n *Node) { insertStrings(n, fTags, 1, "ours") },
			want: func(v *Note) { v.Tags = []string{"a", "theirs", "ours", "b"} }, heard: 2},
		{name: "moved there, written here", theirs: func(n *Node) { n.List(fTasks).Move(0, 1) }, ours: text(0, "ours"),
			want: func(v *Note) { v.Tasks[0].Text = "ours"; v.Tasks = []Task{v.Tasks[1], v.Tasks[0]} }, heard: 2},
		{name: "a move into what is gone stays where it was", theirs: dropTask(0),
			ours: func(n *Node) {
				l := n.List(fTasks)
				c := l.Node(1)
				l.Remove(1, 1)
				to := l.Node(0).EnsureList(fSub)
				to.Open(0, 1)
				to.Put(0, c)
				to.Close(0, 1)
			},
			want: func(v *Note) { v.Tasks = v.Tasks[1:] }, err: ErrDropped, heard: -2, version: 2},
		{name: "brought back by both", theirs: func(n *Node) { n.SetChild(fBoss, nil) },
			ours: func(n *Node) {
				c := n.Child(fBoss)
				l := n.List(fTasks)
				l.Open(0, 1)
				l.Put(0, c)
				l.Close(0, 1)
			},
			want: func(v *Note) { v.Tasks, v.Boss = append([]Task{*v.Boss}, v.Tasks...), nil }, heard: 1},
	} {
		t.Run(m.name, func(t *testing.T) { m.run(t) })
	}
}

func (m *meeting) run(t *testing.T) {
	s, writers := newShared(t, 64, 1, 2)
	them, we := writers[0], writers[1]
	do(root(them.d), m.theirs)
	s.push(them, 1)
	if m.update {
		if _, err := root(we.d).Update(func(h unsafe.Pointer) error { m.ours((*Object)(h).n); return nil }, Cause{}); err != nil {
			t.Fatal(err)
		}
	} else {
		do(root(we.d), m.ours)
	}
	var heard []*Commit
	we.d.root.Watch(-1, func(c *Commit) { heard = append(heard, c) })
	s.pull(we, 2)
	switch {
	case m.heard == -2:
	case m.heard < 0 && len(heard) > 0:
		t.Errorf("heard of %d deltas, nothing that is shown has changed", len(heard[0].Deltas))
	case m.heard >= 0 && (len(heard) != 1 || heard[0].Origin != Remote || heard[0].By != "other" || len(heard[0].Deltas) != m.heard):
		t.Errorf("heard %d commits, of %+v", len(heard), heard)
	}
	s.push(we, 1)
	s.pull(them, len(s.bodies))
	want := seedNote
	want.Meta = map[string]int64{"k": 1 << 60}
	want.Tasks = []Task{{Text: "1", Sub: []Task{{Text: "1.1"}}}, {Text: "2"}}
	m.want(&want)
	for _, d := range []*Document{we.d, them.d, s.twin} {
		equalNotes(t, "at the end", snapshot(d), want)
	}
	if m.version == 0 {
		m.version = 3
	}
	if len(s.bodies) != m.version {
		t.Errorf("there are %d versions, want %d", len(s.bodies), m.version)
	}
	var over []string
	var err error
	for _, e := range we.h.take() {
		if o := (*Overwritten)(nil); errors.As(e, &o) {
			over = append(over, o.Paths...)
		} else {
			err = errors.Join(err, e)
		}
	}
	if got := fmt.Sprint(over); m.over == "" && over != nil || m.over != "" && got != "["+m.over+"]" {
		t.Errorf("overwritten %v, want %q", over, m.over)
	}
	if (m.err == nil) != (err == nil) || !errors.Is(err, m.err) {
		t.Errorf("reported %v, want %v", err, m.err)
	}
}
