package observe_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/observe"
)

// The workloads of destam's bench/memo.js and those of the micro benches that
// concern a mutable value, under their names. One operation is one mutation or
// one Get, so a pass of memo.js, with its 100 mutations or 1000 Gets, is to be
// divided by that.

const watchers = 100

// heavy is the work that a watched value costs in memo.js.
func heavy(x float64) float64 {
	acc := 0.0
	for i := range 1000 {
		acc += math.Sqrt(x + float64(i))
	}
	return acc
}

func attach[T any](b *testing.B, src observe.Source[T], n int) {
	for range n {
		_, _, stop := src.Follow(func(T, bool, T, bool) {})
		b.Cleanup(stop)
	}
	b.ReportAllocs()
	b.ResetTimer()
}

func BenchmarkGet(b *testing.B) {
	c := observe.Mutable(1)
	b.ReportAllocs()
	for b.Loop() {
		c.Get()
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{0, 1, 10, 100} {
		b.Run(fmt.Sprintf("listeners=%d", n), func(b *testing.B) {
			c := observe.Mutable(0)
			attach(b, c, n)
			for i := range b.N {
				c.Set(i + 1)
			}
		})
	}
}

func BenchmarkWatchAndStop(b *testing.B) {
	c := observe.Mutable(0)
	attach(b, c, watchers)
	for b.Loop() {
		_, _, stop := c.Follow(func(int, bool, int, bool) {})
		stop()
	}
}

// BenchmarkMemo is memo.js: cheap and heavy upstream, one watcher and many,
// with and without memo.
func BenchmarkMemo(b *testing.B) {
	for _, n := range []int{1, watchers} {
		for _, memo := range []bool{false, true} {
			name := fmt.Sprintf("watchers=%d/memo=%v", n, memo)
			b.Run("upstream=cheap/"+name, func(b *testing.B) {
				c := observe.Mutable(0)
				l := observe.Map(c, func(v int) int { return v })
				if memo {
					l = observe.Memo(l)
				}
				attach(b, l, n)
				for i := range b.N {
					c.Set(i + 1)
				}
			})
			b.Run("upstream=heavy/"+name, func(b *testing.B) {
				c := observe.Mutable(0.0)
				l := observe.Map(c, heavy)
				if memo {
					l = observe.Memo(l)
				}
				attach(b, l, n)
				for i := range b.N {
					c.Set(float64(i + 1))
				}
			})
		}
	}
}

// BenchmarkAll is memo.js: ten sources, a hundred watchers.
func BenchmarkAll(b *testing.B) {
	for _, memo := range []bool{false, true} {
		b.Run(fmt.Sprintf("watchers=%d/memo=%v", watchers, memo), func(b *testing.B) {
			var cells []*observe.Cell[int]
			var srcs []observe.Source[int]
			for range 10 {
				c := observe.Mutable(0)
				cells, srcs = append(cells, c), append(srcs, c)
			}
			l := observe.Map(observe.All(srcs...), func(vs []int) (n int) {
				for _, v := range vs {
					n += v
				}
				return n
			})
			if memo {
				l = observe.Memo(l)
			}
			attach(b, l, watchers)
			for i := range b.N {
				cells[i%len(cells)].Set(i + 1)
			}
		})
	}
}

// BenchmarkSelection is memo.js: the value that is current is inside what is
// selected.
func BenchmarkSelection(b *testing.B) {
	c := observe.Mutable(0)
	l := observe.Memo(observe.Unwrap(observe.Mutable(c)))
	attach(b, l, watchers)
	for i := range b.N {
		c.Set(i + 1)
	}
}

// BenchmarkGetHeavy is memo.js: many Gets of a value that is dear.
func BenchmarkGetHeavy(b *testing.B) {
	for _, n := range []int{0, 1} {
		for _, memo := range []bool{false, true} {
			b.Run(fmt.Sprintf("memo=%v/watchers=%d", memo, n), func(b *testing.B) {
				l := observe.Map(observe.Mutable(0.0), heavy)
				if memo {
					l = observe.Memo(l)
				}
				attach(b, l, n)
				for range b.N {
					l.Get()
				}
			})
		}
	}
}

// BenchmarkSelector is one of many that is selected: it costs the same however
// many there are.
func BenchmarkSelector(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("lenses=%d", n), func(b *testing.B) {
			c := observe.Mutable(0)
			s := observe.Select(c)
			for i := range n {
				attach(b, s.At(i), 1)
			}
			for i := range b.N {
				c.Set(i % n)
			}
		})
	}
}

// BenchmarkDocument is a set of a document's field that is watched through
// what is made of its lens.
func BenchmarkDocument(b *testing.B) {
	for _, steps := range []int{0, 1, 2} {
		b.Run(fmt.Sprintf("maps=%d", steps), func(b *testing.B) {
			note := newNote(b, notes.Note{})
			var src observe.Source[bool] = note.Observe().Typing()
			for range steps {
				src = observe.Map(src, func(v bool) bool { return !v })
			}
			attach(b, src, 1)
			for i := range b.N {
				note.SetTyping(i%2 == 0)
			}
		})
	}
}
