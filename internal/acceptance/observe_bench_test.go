package acceptance

import (
	"fmt"
	"math"
	"testing"

	"github.com/destam-go/destamgen/runtime/observe"
)

// benchObserve is the part of the workloads that needs no document: a value
// that is set, and those of destam's bench/memo.js.
func benchObserve(b *testing.B) {
	b.Run("observe/get", func(b *testing.B) {
		c, n := observe.Mutable(1), 0
		sampled(b, sets, nil, func() {
			for range sets {
				v, _ := c.Get()
				n += v
			}
		})
	})
	for _, n := range []int{0, 1, 10, 100} {
		b.Run(fmt.Sprintf("observe/set/%d-listeners", n), func(b *testing.B) {
			c := observe.Mutable(0)
			benchSets(b, c, n, c)
		})
	}
	b.Run("observe/watch+stop", func(b *testing.B) {
		c := observe.Mutable(0)
		sampled(b, sets, nil, func() {
			for range sets {
				c.Watch(func(observe.Change[int]) {})()
			}
		})
	})
	b.Run("observe/selector/1000-lenses", func(b *testing.B) {
		c, i := observe.Mutable(0), 0
		s := observe.Select(c)
		for i := range 1000 {
			s.At(i).Watch(func(observe.Change[bool]) {})
		}
		sampled(b, sets, nil, func() {
			for range sets {
				i++
				c.Set(i % 1000)
			}
		})
	})
	same := func(v int) int { return v }
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("observe/map/%d-watchers", n), func(b *testing.B) {
			c := observe.Mutable(0)
			benchSets(b, observe.Map(c, same), n, c)
		})
		b.Run(fmt.Sprintf("observe/map+memo/%d-watchers", n), func(b *testing.B) {
			c := observe.Mutable(0)
			benchSets(b, observe.Memo(observe.Map(c, same)), n, c)
		})
	}
	sum := func(vs []int) (n int) {
		for _, v := range vs {
			n += v
		}
		return n
	}
	for _, memo := range []bool{false, true} {
		b.Run(fmt.Sprintf("observe/all-10/100-watchers/memo-%v", memo), func(b *testing.B) {
			var cells []*observe.Cell[int]
			var srcs []observe.Source[int]
			for range 10 {
				c := observe.Mutable(0)
				cells, srcs = append(cells, c), append(srcs, c)
			}
			l := observe.Map(observe.All(srcs...), sum)
			if memo {
				l = observe.Memo(l)
			}
			benchSets(b, l, 100, cells...)
		})
	}
	b.Run("observe/memo/get", func(b *testing.B) {
		heavy := func(x float64) (acc float64) {
			for i := range 1000 {
				acc += math.Sqrt(x + float64(i))
			}
			return acc
		}
		l, n := observe.Memo(observe.Map(observe.Mutable(0.0), heavy)), 0.0
		l.Watch(func(observe.Change[float64]) {})
		sampled(b, sets, nil, func() {
			for range sets {
				v, _ := l.Get()
				n += v
			}
		})
	})
}

// benchSets sets cells by turns, while so many watch what is made of them.
func benchSets(b *testing.B, src interface {
	Watch(func(observe.Change[int])) func()
}, watchers int, cells ...*observe.Cell[int]) {
	for range watchers {
		src.Watch(func(observe.Change[int]) {})
	}
	i := 0
	sampled(b, sets, nil, func() {
		for range sets {
			i++
			cells[i%len(cells)].Set(i)
		}
	})
}
