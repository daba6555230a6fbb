package doc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// TestFolds holds that a witness notices whatever may be wrong with what a
// subscription is told: each mutant stands between the document and the one that
// it tells.
func TestFolds(t *testing.T) {
	first := func(c *Commit) *Delta { return &c.Deltas[0] }
	mutants := []struct {
		name   string
		mutate func([]*Commit) []*Commit // of all that is told
		want   string
	}{
		{"none", func(cs []*Commit) []*Commit { return cs }, ""},
		{"a commit is lost", func(cs []*Commit) []*Commit { return slices.Delete(cs, 1, 2) }, "but the next one"},
		{"the last commit is lost", func(cs []*Commit) []*Commit { return cs[:len(cs)-1] }, "never told"},
		{"a commit is told twice", func(cs []*Commit) []*Commit { return slices.Insert(cs, 1, cs[0]) }, "second time"},
		{"two are told in another order", func(cs []*Commit) []*Commit { cs[0], cs[1] = cs[1], cs[0]; return cs }, "but the next one"},
		{"a delta is lost", func(cs []*Commit) []*Commit { cs[2].Deltas = cs[2].Deltas[1:]; return cs }, "it is"},
		{"a delta is there twice", func(cs []*Commit) []*Commit { cs[2].Deltas = append(cs[2].Deltas, *first(cs[2])); return cs }, "before that it is <nil>"},
		{"a value from before is another", func(cs []*Commit) []*Commit { first(cs[1]).Prev = "another"; return cs }, "was another"},
		{"a value is another", func(cs []*Commit) []*Commit { first(cs[1]).Val = "another"; return cs }, "before that it is another"},
		{"a value is said to be new", func(cs []*Commit) []*Commit { first(cs[1]).Had = false; return cs }, "where"},
		{"it is another field", func(cs []*Commit) []*Commit { first(cs[1]).F = fDraft; return cs }, "Note.draft"},
		{"it is another element", func(cs []*Commit) []*Commit { first(cs[3]).Key += "\x01"; return cs }, "Note.tags"},
		{"an object that is not there", func(cs []*Commit) []*Commit { first(cs[1]).N = &Node{typ: noteType}; return cs }, "not in view"},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			was := witness
			defer func() { witness = was }()
			own := NewFolds(nil)
			own.Begin()
			d, _, _ := create(t, seedNote, 64)
			var told []*Commit
			s := d.root.Watch(-1, func(*Commit) {})
			tell := s.call
			s.call = func(c *Commit) { told = append(told, c) }
			update := func(f func(n *Node)) {
				if _, err := root(d).Update(func(h unsafe.Pointer) error { f((*Object)(h).n); return nil }, Cause{}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 2 {
				update(func(n *Node) { setText(n, fTitle, fmt.Sprint("title ", i)) })
			}
			update(func(n *Node) {
				setText(n, fTitle, "third")
				n.List(fTasks).Remove(0, 1)
			})
			update(func(n *Node) { insertStrings(n, fTags, 1, "new") })
			for _, c := range m.mutate(told) {
				tell(c)
			}
			var wrong []string
			own.Check(func(text string) { wrong = append(wrong, text) })
			got := strings.Join(wrong, "\n")
			if !strings.Contains(got, m.want) || (m.want == "") != (got == "") {
				t.Errorf("noticed %q, want %q", got, m.want)
			}
			if got != "" && !strings.Contains(got, "folds_test.go:") {
				t.Errorf("nobody can tell which subscription it is: %s", got)
			}
		})
	}
}
