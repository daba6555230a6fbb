package doc

import "testing"

// putOff is a host that does later, when it is told to, what it is to do on
// another goroutine.
type putOff struct {
	host
	todo []func()
}

func (h *putOff) Go(f func()) { h.todo = append(h.todo, f) }

// TestHandover holds that who sets a value is not held by the commits of others
// for ever, here those of a listener: a goroutine delivers a number of them, and
// a fresh one the rest.
func TestHandover(t *testing.T) {
	h := &putOff{}
	d := New(noteType, NewID(), h, Options{})
	d.Init(ptrTo(Note{}), nil)
	const commits = 3 * handover
	heard := 0
	d.lock()
	s := d.root.Watch(-1, func(*Commit) {
		if heard++; heard < commits {
			do(root(d), setMeta("k", int64(heard)))
		}
	})
	d.mu.Unlock()
	defer s.Stop()
	do(root(d), title("mine"))
	if heard != 1+handover || len(h.todo) != 1 {
		t.Fatalf("%d commits were delivered, and %d goroutines asked for", heard, len(h.todo))
	}
	h.todo[0]()
	if heard != commits || len(h.todo) != 1 {
		t.Errorf("%d commits were delivered by %d goroutines", heard, 1+len(h.todo))
	}
}
