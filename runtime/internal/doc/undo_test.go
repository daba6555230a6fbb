package doc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// undoer is an Undo of a whole document, and who does something to that.
type undoer struct {
	*Undo
	t *testing.T
	d *Document
	h *host
}

func newUndoer(t *testing.T, v Note, by string) undoer {
	d, h, _ := create(t, v, 64)
	u := undoer{d.root.NewUndo(by, 100), t, d, h}
	t.Cleanup(u.Stop)
	return u
}

func (u undoer) by(c Cause, f func(n *Node)) {
	u.t.Helper()
	if _, err := root(u.d).Update(func(h unsafe.Pointer) error { f((*Object)(h).n); return nil }, c); err != nil {
		u.t.Fatal(err)
	}
}

func (u undoer) steps(back, again int) {
	u.t.Helper()
	if b, a := u.Steps(); b != back || a != again {
		u.t.Errorf("%d steps back and %d again, want %d and %d", b, a, back, again)
	}
}

// TestUndoNotMine holds that everybody's of this process are not those of others,
// nor what was folded because the listener was behind: who did that is not known.
func TestUndoNotMine(t *testing.T) {
	u := newUndoer(t, seedNote, "")
	u.by(Cause{Origin: Remote}, title("remote"))
	u.by(Cause{Origin: TakenBack}, title("taken back"))
	u.steps(0, 0)
	u.d.opts.Backlog = 2
	more := true
	u.d.lock()
	defer u.d.root.Watch(-1, func(*Commit) {
		if more { // who undoes has heard of this one, and not of the others
			more = false
			for i := range 5 {
				u.by(Cause{By: "bob"}, setMeta("k", int64(i)))
			}
		}
	}).Stop()
	u.d.mu.Unlock()
	u.by(Cause{}, title("mine"))
	u.steps(1, 0)
}

// TestUndoStays holds that a step which cannot be taken back now can be later.
func TestUndoStays(t *testing.T) {
	u := newUndoer(t, seedNote, "")
	u.by(Cause{}, func(n *Node) { setText(n.inner(fQuery), fSlug, "mine") })
	no := errors.New("taken")
	u.h.admit = func([]byte) error { return no }
	if _, _, err := u.Back(t.Context(), Cause{}); !errors.Is(err, no) {
		t.Errorf("refused: %v", err)
	}
	u.h.admit = nil
	u.steps(1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var late error
	u.d.lock()
	s := u.d.root.Watch(-1, func(*Commit) { _, _, late = u.Back(ctx, Cause{}) })
	u.d.mu.Unlock()
	u.by(Cause{}, title("x"))
	s.Stop()
	if u.steps(2, 0); !errors.Is(late, context.Canceled) {
		t.Errorf("in a listener: %v", late)
	}
	for range 2 {
		if ok, skipped, err := u.Back(t.Context(), Cause{}); !ok || len(skipped) > 0 || err != nil {
			t.Errorf("%v, %v, %v", ok, skipped, err)
		}
	}
	if v := snapshot(u.d); v.Title != seedNote.Title || v.Query.Slug != seedNote.Query.Slug {
		t.Errorf("ended as %+v", v)
	}
}

// TestUndoInItself has a listener of what is taken back take a step, too, which
// waits for itself: that is reported, and ends with its context.
func TestUndoInItself(t *testing.T) {
	u := newUndoer(t, seedNote, "")
	u.by(Cause{}, title("1"))
	u.by(Cause{}, title("2"))
	u.d.opts.Patience = time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var late error
	u.d.lock()
	s := u.d.root.Watch(-1, func(*Commit) { _, _, late = u.Back(ctx, Cause{}) })
	u.d.mu.Unlock()
	defer s.Stop()
	over := make(chan error, 1)
	go func() {
		_, _, err := u.Back(t.Context(), Cause{})
		over <- err
	}()
	var reports []error
	for len(reports) == 0 && ctx.Err() == nil {
		reports = u.h.take()
		runtime.Gosched()
	}
	cancel()
	select {
	case err := <-over:
		if err != nil || !errors.Is(late, context.Canceled) {
			t.Errorf("ended with %v, inside with %v", err, late)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for itself for ever")
	}
	var e *LockError
	if len(reports) != 1 || !errors.As(reports[0], &e) || !strings.Contains(e.Waiter, "TestUndoInItself") {
		t.Errorf("reported %v", reports)
	}
	u.steps(1, 1)
}

// TestUndoGone takes back what has no place any more: in an object that somebody
// has taken out, and of one that somebody has put what held it into.
func TestUndoGone(t *testing.T) {
	u := newUndoer(t, Note{Tasks: []Task{{Text: "a", Sub: []Task{{Text: "b"}}}}}, "ann")
	a := u.d.root.List(fTasks).Node(0)
	b := a.List(fSub).Node(0)
	u.by(Cause{By: "ann"}, func(*Node) { setText(b, fText, "ann") })
	u.by(Cause{By: "ann"}, func(n *Node) { a.List(fSub).Remove(0, 1); n.SetChild(fBoss, b) })
	u.by(Cause{By: "bob"}, func(*Node) {
		l := b.EnsureList(fSub)
		l.Open(0, 1)
		l.Put(0, a)
		l.Close(0, 1)
	})
	ok, skipped, err := u.Back(t.Context(), Cause{By: "ann"})
	if !ok || len(skipped) != 1 || err != nil || a.within(b) && b.within(a) {
		t.Errorf("into itself: %v, %v, %v", ok, skipped, err)
	}
	u.by(Cause{By: "bob"}, func(n *Node) { n.SetChild(fBoss, nil) })
	if ok, skipped, err = u.Back(t.Context(), Cause{By: "ann"}); !ok || len(skipped) != 1 || err != nil {
		t.Errorf("in what is gone: %v, %v, %v", ok, skipped, err)
	}
	checkHolders(t, u.d)
}

// TestUndoStopped holds that nothing is taken back after the end.
func TestUndoStopped(t *testing.T) {
	u := newUndoer(t, seedNote, "")
	u.by(Cause{}, title("1"))
	u.by(Cause{}, title("2"))
	if _, _, err := u.Back(t.Context(), Cause{}); err != nil {
		t.Fatal(err)
	}
	u.Stop()
	u.Stop()
	u.by(Cause{}, title("3"))
	u.steps(0, 0)
	if ok, _, err := u.Back(t.Context(), Cause{}); ok || err != nil || u.d.undos.Load() != 0 {
		t.Errorf("%v, %v, and %d are left", ok, err, u.d.undos.Load())
	}
}

// TestUndoRenumbered takes back and does again edits of an array whose elements
// get other keys all the time: after each step all elements are where they were.
func TestUndoRenumbered(t *testing.T) {
	renumbered := 0
	for seed := range rounds(30) {
		r := rand.New(rand.NewPCG(seed, 92))
		d, _, _ := create(t, Note{Tags: []string{"a", "b"}}, 6)
		u := d.root.NewUndo("", 1000)
		tags := func() string { return fmt.Sprint(snapshot(d).Tags) }
		states := []string{tags()}
		l := d.root.List(fTags)
		for i := range 60 {
			do(root(d), func(n *Node) {
				switch k := r.IntN(8); {
				case k == 0 && l.Len() > 2:
					l.Remove(r.IntN(l.Len()-1), 2)
				case k == 1 && l.Len() > 2:
					from := r.IntN(l.Len())
					l.Move(from, (from+1+r.IntN(l.Len()-1))%l.Len())
				case k == 2:
					insertStrings(n, fTags, l.Len()/2, fmt.Sprint(i, "x"), fmt.Sprint(i, "y"))
				default:
					insertStrings(n, fTags, l.Len()/2, fmt.Sprint(i))
				}
			})
			states = append(states, tags())
		}
		renumbered += int(l.count)
		for range 2 {
			for i := len(states) - 2; i >= 0; i-- {
				if ok, skipped, err := u.Back(t.Context(), Cause{}); !ok || len(skipped) > 0 || err != nil || tags() != states[i] {
					t.Fatalf("seed %d: back to %d: %v, %v, %v:\n%s, want\n%s", seed, i, ok, skipped, err, tags(), states[i])
				}
			}
			for i, want := range states[1:] {
				if ok, skipped, err := u.Again(t.Context(), Cause{}); !ok || len(skipped) > 0 || err != nil || tags() != want {
					t.Fatalf("seed %d: again to %d: %v, %v, %v:\n%s, want\n%s", seed, i+1, ok, skipped, err, tags(), want)
				}
			}
		}
		u.Stop()
	}
	if renumbered < 50 {
		t.Errorf("only %d renumberings", renumbered)
	}
}
