package doc

import (
	"fmt"
	"testing"
	"unsafe"
)

// TestMadeUnwatched: an object that was made while nobody listened is not new
// to whoever listens later: what changes in it is a delta like others.
func TestMadeUnwatched(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	do(root(d), func(n *Node) { insertTasks(n, fTasks, 0, Task{Text: "made"}) })
	var heard []string
	s := d.root.Watch(-1, func(c *Commit) {
		for i := range c.Deltas {
			heard = append(heard, c.Deltas[i].LockedPath().String())
		}
	})
	defer s.Stop()
	_, err := root(d).Update(func(p unsafe.Pointer) error {
		n := (*Object)(p).n
		setText(n, fTitle, "new")
		setText(n.List(fTasks).Node(0), fText, "new")
		return nil
	}, Cause{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(heard), "[title tasks.0.text]"; got != want {
		t.Errorf("heard of %s, want %s", got, want)
	}
}
