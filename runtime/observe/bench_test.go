package observe_test

import (
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/observe"
)

// What concerns a value alone, by one mutation, Get or Watch; the workloads of
// destam's bench/memo.js are in internal/acceptance, beside destam's figures.

const watchers = 100

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
