package doc

import (
	"errors"
	"testing"
	"unsafe"
)

// nestedTask is a task that has so many inside each other.
func nestedTask(depth int) Task {
	v := Task{Text: "bottom"}
	for range depth - 1 {
		v = Task{Sub: []Task{v}}
	}
	return v
}

// TestNest refuses what would be nested too deeply when it is committed: what
// was accepted can be loaded.
func TestNest(t *testing.T) {
	d, h, bodies := create(t, Note{}, 64)
	fits, tooDeep := nestedTask(maxNest-1), nestedTask(maxNest)
	if _, err := root(d).Update(func(o unsafe.Pointer) error {
		insertTasks((*Object)(o).n, fTasks, 0, tooDeep)
		return nil
	}, Cause{}); !errors.Is(err, ErrDepth) || d.root.List(fTasks).Len() > 0 {
		t.Fatalf("an Update: %v", err)
	}
	do(root(d), func(n *Node) { insertTasks(n, fTasks, 0, tooDeep) })
	if bodies = store(d, bodies); len(bodies) != 1 || d.root.List(fTasks).Len() > 0 {
		t.Fatal("a setter's objects are stored")
	}
	if errs := h.take(); len(errs) != 1 || !errors.Is(errs[0], ErrDepth) {
		t.Fatalf("reported %v", errs)
	}
	do(root(d), func(n *Node) { insertTasks(n, fTasks, 0, fits) })
	if bodies = store(d, bodies); len(bodies) != 2 {
		t.Fatal("what just fits is refused")
	}
	bottom := d.root.List(fTasks).Node(0)
	for bottom.List(fSub).Len() > 0 {
		bottom = bottom.List(fSub).Node(0)
	}
	if _, err := root(d).Update(func(unsafe.Pointer) error {
		insertTasks(bottom, fSub, 0, Task{})
		return nil
	}, Cause{}); !errors.Is(err, ErrDepth) {
		t.Errorf("one more: %v", err)
	}
	twin := replayed(t, bodies, 64)
	loaded := fromCheckpoint(t, d, 64)
	for _, again := range []*Document{twin, loaded} { // and go on holding the limit
		b := again.root.List(fTasks).Node(0)
		for b.List(fSub).Len() > 0 {
			b = b.List(fSub).Node(0)
		}
		if _, err := root(again).Update(func(unsafe.Pointer) error { insertTasks(b, fSub, 0, Task{}); return nil }, Cause{}); !errors.Is(err, ErrDepth) {
			t.Errorf("one more, once loaded: %v", err)
		}
	}
	for range 20 { // wide is not deep
		do(root(d), func(n *Node) { insertTasks(n, fTasks, 0, make([]Task, 5000)...) })
		d.Seal()
	}
	if n := d.root.List(fTasks).Len(); n != 100_001 || len(h.take()) > 0 {
		t.Errorf("%d elements", n)
	}
	e := New(noteType, NewID(), h, Options{KeyBound: 64})
	e.root.fill(unsafe.Pointer(&Note{Tasks: []Task{tooDeep}}))
	if _, err := e.Create(Cause{}); !errors.Is(err, ErrDepth) {
		t.Errorf("a creation: %v", err)
	}
}
