package doc

import (
	"errors"
	"testing"
)

// TestLinkable holds what may be in a slot: nothing that has its place for ever,
// and nothing of another type, whatever the types of handles let through.
func TestLinkable(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	n := d.root
	task := n.List(fTasks).Node(0)
	for what, c := range map[string]struct {
		n    *Node
		f    int
		want error
	}{
		"an element": {task, fBoss, nil}, "the document": {n, fBoss, ErrRequired},
		"an object that is always there": {n.inner(fQuery), fBoss, ErrRequired}, "what is no task": {task, fQuery, ErrType},
	} {
		if err := n.Linkable(c.f, c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}
