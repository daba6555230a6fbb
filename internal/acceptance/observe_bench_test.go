package acceptance

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
)

// several is of how many one is got by turns, a power of two. From one alone V8
// may take the value out of the loop.
const several = 16

// sink takes what was got, so that no compiler leaves the getting out.
var sink float64

// benchObserve is the part of the workloads that needs no document: a value
// that is set, and what is made of it, again and again with the same lenses.
func benchObserve(b *testing.B) {
	b.Run("observe/get", func(b *testing.B) {
		var cells []*observe.Cell[float64]
		for i := range several {
			cells = append(cells, observe.Mutable(float64(i)))
		}
		sampled(b, sets, nil, func() {
			for i := range sets {
				v, _ := cells[i%several].Get()
				sink += v
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
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("observe/map/%d-watchers", n), func(b *testing.B) {
			c := observe.Mutable(0)
			benchSets(b, observe.Map(c, itself), n, c)
		})
		b.Run(fmt.Sprintf("observe/map+memo/%d-watchers", n), func(b *testing.B) {
			c := observe.Mutable(0)
			benchSets(b, observe.Memo(observe.Map(c, itself)), n, c)
		})
	}
	for _, memo := range []bool{false, true} {
		b.Run(fmt.Sprintf("observe/all-10/100-watchers/memo-%v", memo), func(b *testing.B) {
			l, cells := sums(memo)
			benchSets(b, l, 100, cells...)
		})
	}
	b.Run("observe/memo/get", func(b *testing.B) {
		var memos []*observe.Lens[float64]
		for i := range several {
			l := observe.Memo(observe.Map(observe.Mutable(float64(i)), heavy))
			l.Watch(func(observe.Change[float64]) {})
			memos = append(memos, l)
		}
		sampled(b, sets, nil, func() {
			for i := range sets {
				v, _ := memos[i%several].Get()
				sink += v
			}
		})
	})
	benchMemoJS(b)
}

// itself and heavy are the functions of bench/memo.js.
func itself(v int) int { return v }

func heavy(x float64) (acc float64) {
	for i := range 1000 {
		acc += math.Sqrt(x + float64(i))
	}
	return acc
}

// sums are ten cells and their sum.
func sums(memo bool) (*observe.Lens[int], []*observe.Cell[int]) {
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
	return l, cells
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

// passes reports what happens between setup and cleanup of many passes, each
// with lenses of its own, which is how bench/memo.js measures.
func passes(b *testing.B, ops int, setup func() (run, cleanup func())) {
	var samples []float64
	for b.Loop() {
		run, cleanup := setup()
		start := time.Now()
		run()
		samples = append(samples, float64(time.Since(start).Nanoseconds())/float64(ops))
		cleanup()
	}
	slices.Sort(samples)
	b.ReportMetric(samples[len(samples)/2], "ns/op")
	b.ReportMetric(samples[0], "min-ns/op")
}

// benchMemoJS is destam's bench/memo.js: what it measures between setup and
// cleanup, by mutation or Get. But for its last two workloads ten mutations
// are enough, not a hundred.
func benchMemoJS(b *testing.B) {
	const mutations, gets = 100, 1000
	for _, n := range []int{1, 100} {
		for _, memo := range []bool{false, true} {
			name := fmt.Sprintf("%d-watchers/memo-%v", n, memo)
			b.Run("observe/memo.js/cheap/"+name, func(b *testing.B) {
				passes(b, mutations, func() (run, cleanup func()) {
					c := observe.Mutable(-1)
					stop := attach(made(c, itself, memo), n)
					return func() { mutate(mutations, c.Set) }, stop
				})
			})
			b.Run("observe/memo.js/heavy/"+name, func(b *testing.B) {
				passes(b, mutations, func() (run, cleanup func()) {
					c := observe.Mutable(-1.0)
					stop := attach(made(c, heavy, memo), n)
					return func() { mutate(mutations, func(v int) bool { return c.Set(float64(v)) }) }, stop
				})
			})
		}
	}
	for _, memo := range []bool{false, true} {
		b.Run(fmt.Sprintf("observe/memo.js/all-10/100-watchers/memo-%v", memo), func(b *testing.B) {
			passes(b, mutations, func() (run, cleanup func()) {
				l, cells := sums(memo)
				stop := attach(l, 100)
				return func() { mutate(mutations, func(v int) bool { return cells[v%len(cells)].Set(v + 1) }) }, stop
			})
		})
	}
	b.Run("observe/memo.js/current-selection/100-watchers", func(b *testing.B) {
		part, i := live(b).Parts().At(0).Sub().At(0), 0
		passes(b, mutations, func() (run, cleanup func()) {
			selected := observe.Mutable(part)
			l := observe.Memo(observe.Unwrap(observe.Map(selected, func(p *OPart) *destam.Lens[int] { return p.Observe().Count() })))
			stop := attach(l, 100)
			return func() {
				mutate(mutations, func(int) bool {
					p, _ := selected.Get()
					i++
					p.SetCount(i)
					return true
				})
			}, stop
		})
	})
	for _, how := range []struct {
		name     string
		memo     bool
		watchers int
	}{{"", false, 0}, {"+memo", true, 0}, {"+memo+1-watcher", true, 1}} {
		b.Run("observe/memo.js/gets"+how.name, func(b *testing.B) {
			passes(b, gets, func() (run, cleanup func()) {
				l := made(observe.Mutable(0.0), heavy, how.memo)
				stop := attach(l, how.watchers)
				return func() { get(l, gets) }, stop
			})
		})
		if how.memo && how.watchers == 0 {
			continue
		}
		b.Run("observe/memo.js/set+1000-gets"+how.name, func(b *testing.B) {
			passes(b, 10*gets, func() (run, cleanup func()) {
				c := observe.Mutable(-1.0)
				l := made(c, heavy, how.memo)
				stop := attach(l, how.watchers)
				return func() { mutate(10, func(v int) bool { c.Set(float64(v)); get(l, gets); return true }) }, stop
			})
		})
	}
}

// made is a map of c.
func made[T any](c *observe.Cell[T], f func(T) T, memo bool) *observe.Lens[T] {
	l := observe.Map(c, f)
	if memo {
		l = observe.Memo(l)
	}
	return l
}

func mutate(n int, set func(int) bool) {
	for i := range n {
		set(i)
	}
}

func get(l *observe.Lens[float64], n int) {
	for range n {
		v, _ := l.Get()
		sink += v
	}
}

// attach lets so many watch.
func attach[T any](l *observe.Lens[T], n int) (stop func()) {
	var stops []func()
	for range n {
		stops = append(stops, l.Watch(func(observe.Change[T]) {}))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}
