package doc

import (
	"fmt"
	"testing"
)

// BenchmarkInsert inserts an element into an array of strings and removes it
// again, with listeners of both kinds.
func BenchmarkInsert(b *testing.B) {
	for _, c := range []struct{ typed, commits int }{{0, 0}, {1, 0}, {0, 1}} {
		b.Run(fmt.Sprintf("typed=%d/commits=%d", c.typed, c.commits), func(b *testing.B) {
			d, _, _ := create(b, Note{Tags: make([]string, 1000)}, 64)
			heard := 0
			for range c.typed {
				d.root.Through(look(noteType, fTags, each{}), true, func(*Commit) { heard++ })
			}
			for range c.commits {
				d.root.Watch(-1, func(*Commit) { heard++ })
			}
			o := root(d)
			b.ReportAllocs()
			for b.Loop() {
				do(o, func(n *Node) { insertStrings(n, fTags, 500, "new") })
				do(o, func(n *Node) { n.List(fTags).Remove(500, 1) })
			}
			if heard < 2*b.N*(c.typed+c.commits) {
				b.Fatalf("heard %d", heard)
			}
		})
	}
}
