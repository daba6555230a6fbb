package doc

import (
	"fmt"
	"math/rand/v2"
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

// BenchmarkInsertAnywhere inserts an element at a random place of a large
// array and removes one at another, recorded and sealed each thousand: an
// operation is one of the two.
func BenchmarkInsertAnywhere(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("elements=%d", n), func(b *testing.B) {
			d, _, _ := create(b, Note{Tags: make([]string, n)}, 64)
			o, i := root(d), 0
			b.ReportAllocs()
			for b.Loop() {
				if i++; i%2 == 1 {
					do(o, func(r *Node) { insertStrings(r, fTags, rand.IntN(n), "new") })
				} else {
					do(o, func(r *Node) { r.List(fTags).Remove(rand.IntN(n), 1) })
				}
				if i%1000 == 0 {
					for _, p := range d.Seal() {
						d.Stored(p, d.base+1)
					}
				}
			}
		})
	}
}

// BenchmarkContent encodes an array that has grown at random places, as a
// checkpoint does: an operation is an element.
func BenchmarkContent(b *testing.B) {
	const n = 100_000
	d, _, _ := create(b, Note{Tags: make([]string, n/10)}, 64)
	o := root(d)
	for i := n / 10; i < n; i++ {
		do(o, func(r *Node) { insertStrings(r, fTags, rand.IntN(i), "new") })
	}
	b.ReportAllocs()
	for b.Loop() {
		d.content()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
	b.ReportMetric(0, "ns/op")
}
