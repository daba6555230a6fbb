package observe_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/observe"
)

// world is random lenses over a few cells, each beside a function that says
// what its value must be.
type world struct {
	t     *testing.T
	rand  *rand.Rand
	cells []*counted[int]
	nodes []node
	watch []*recorder[int]
	ends  atomic.Int64 // hooks that were begun and have not ended
}

// node is a lens and its model.
type node struct {
	how   string
	src   observe.Source[int]
	model func() (int, bool)
}

// pick gives one of the nodes.
func (w *world) pick() node { return w.nodes[w.rand.IntN(len(w.nodes))] }

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 4 {
		c := count(i)
		w.cells = append(w.cells, c)
		w.nodes = append(w.nodes, node{fmt.Sprintf("c%d", i), c, c.Get})
	}
	for range 2 + w.rand.IntN(12) {
		w.grow()
	}
	return w
}

// grow makes a lens of others.
func (w *world) grow() {
	a, b, c := w.pick(), w.pick(), w.pick()
	k := w.rand.IntN(4)
	var n node
	switch w.rand.IntN(11) {
	case 0:
		n = node{fmt.Sprintf("half(%s)", a.how), observe.Map(a.src, func(v int) int { return v / 2 }), func() (int, bool) {
			v, ok := a.model()
			return v / 2, ok
		}}
	case 1:
		n = node{fmt.Sprintf("above%d(%s)", k, a.how), observe.Derive(a.src, func(v int, ok bool) (int, bool) { return v, ok && v > k }), func() (int, bool) {
			v, ok := a.model()
			return v, ok && v > k
		}}
	case 2:
		n = node{fmt.Sprintf("default%d(%s)", k, a.how), observe.Default(a.src, k), func() (int, bool) {
			if v, ok := a.model(); ok {
				return v, true
			}
			return k, true
		}}
	case 3:
		n = node{fmt.Sprintf("from(%s, %s)", a.how, b.how), observe.DefaultFrom(a.src, b.src), func() (int, bool) {
			if v, ok := a.model(); ok {
				return v, true
			}
			return b.model()
		}}
	case 4:
		n = node{fmt.Sprintf("memo(%s)", a.how), observe.Memo(a.src), a.model}
	case 5:
		which := observe.Derive(a.src, func(v int, ok bool) (observe.Source[int], bool) {
			if v%2 == 0 {
				return b.src, ok
			}
			return c.src, ok
		})
		n = node{fmt.Sprintf("if(%s, %s, %s)", a.how, b.how, c.how), observe.Unwrap[int](which), func() (int, bool) {
			switch v, ok := a.model(); {
			case !ok:
				return 0, false
			case v%2 == 0:
				return b.model()
			}
			return c.model()
		}}
	case 6:
		n = node{fmt.Sprintf("sum(%s, %s, %s)", a.how, b.how, c.how), observe.Map(observe.All(a.src, b.src, c.src), sum), func() (int, bool) {
			x, xok := a.model()
			y, yok := b.model()
			z, zok := c.model()
			return sum([]int{where(x, xok), where(y, yok), where(z, zok)}), true
		}}
	case 7:
		is := observe.Select(a.src).At(k)
		n = node{fmt.Sprintf("is%d(%s)", k, a.how), observe.Map(is, where1), func() (int, bool) {
			v, ok := a.model()
			return where1(ok && v == k), true
		}}
	case 8:
		n = node{fmt.Sprintf("alive(%s)", a.how), observe.Lifetime(a.src, func() func() {
			w.ends.Add(1)
			return func() { w.ends.Add(-1) }
		}), a.model}
	case 9:
		n = node{fmt.Sprintf("plus(%s)", a.how), observe.TwoWay(a.src, func(v int) int { return v + 1 }, func(v int) int { return v - 1 }), func() (int, bool) {
			v, ok := a.model()
			return v + 1, ok
		}}
	case 10:
		n = node{fmt.Sprintf("immutable(%s)", a.how), observe.Immutable(a.src), a.model}
	}
	w.nodes = append(w.nodes, n)
}

func sum(vs []int) (n int) {
	for _, v := range vs {
		n += v
	}
	return n % 5
}

func where(v int, ok bool) int {
	if ok {
		return v
	}
	return 0
}

func where1(is bool) int {
	if is {
		return 1
	}
	return 0
}

// step does something.
func (w *world) step() {
	switch c := w.cells[w.rand.IntN(len(w.cells))]; w.rand.IntN(8) {
	case 0, 1, 2:
		c.Set(w.rand.IntN(6))
	case 3:
		c.Clear()
	case 4: // through a lens, which may lead anywhere or nowhere
		if l, ok := w.pick().src.(*observe.Lens[int]); ok && l.CanSet() {
			l.Set(w.rand.IntN(6))
		}
	case 5, 6:
		w.watch = append(w.watch, record(w.t, w.pick().src))
	case 7:
		if n := len(w.watch); n > 0 {
			i := w.rand.IntN(n)
			w.watch[i].stop()
			w.watch = append(w.watch[:i], w.watch[i+1:]...)
		}
	}
}

// check holds everything against the model.
func (w *world) check() {
	for _, n := range w.nodes {
		v, ok := n.src.Get()
		want, there := n.model()
		if ok != there || ok && v != want {
			w.t.Errorf("%s is %s, want %s", n.how, show(v, ok), show(want, there))
		}
	}
	for _, r := range w.watch {
		r.settled()
	}
}

// Whatever lenses are made of others, whoever watches them, and whatever is
// set: each has the value that it must, each watcher was led to it, and in the
// end nobody is subscribed to anything.
func TestModel(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		w := newWorld(t, seed)
		for range 60 {
			w.step()
			w.check()
		}
		for _, r := range w.watch {
			r.stop()
		}
		for i, c := range w.cells {
			if c.watchers != 0 {
				t.Errorf("c%d is watched %d times", i, c.watchers)
			}
		}
		if n := w.ends.Load(); n != 0 {
			t.Errorf("%d hooks did not end", n)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// The same with many goroutines, with listeners that set, watch, stop, panic
// and end their goroutine, and with collections: each watcher is led from
// change to change, to what must be there in the end, and nothing is left.
func TestModelRace(t *testing.T) {
	got := reports(t)
	seeds := uint64(12)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		w := newWorld(t, seed)
		for range 10 {
			w.watch = append(w.watch, record(t, w.pick().src))
		}
		var stops []func()
		for i := range 4 {
			_, _, stop := w.pick().src.Follow(w.bad(i))
			stops = append(stops, stop)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { w.storm(rand.New(rand.NewPCG(seed, uint64(i)))) })
		}
		wg.Wait()
		for _, stop := range stops {
			stop()
		}
		for _, c := range w.cells {
			delivered(c.Cell)
			c.Set(1)
		}
		for _, r := range w.watch {
			r.eventually()
		}
		w.check()
		for _, r := range w.watch {
			r.stop()
		}
		w.quiet()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, v := range got() {
		if v != "bad" && v != "runtime.Goexit" {
			t.Errorf("reported %v", v)
		}
	}
}

// bad is a listener that does what listeners may not, or seldom do.
func (w *world) bad(i int) func(int, bool, int, bool) {
	n := 0
	src, c := w.pick().src, w.cells[i]
	return func(int, bool, int, bool) {
		if n++; n > 20 {
			return
		}
		switch i {
		case 0:
			panic("bad")
		case 1:
			c.Set(n % 3)
		case 2:
			_, _, stop := src.Follow(func(int, bool, int, bool) {})
			stop()
		case 3:
			if n == 3 {
				runtime.Goexit()
			}
		}
	}
}

// storm is what one goroutine does.
func (w *world) storm(r *rand.Rand) {
	for range 60 {
		c := w.cells[r.IntN(len(w.cells))]
		src := w.nodes[r.IntN(len(w.nodes))].src
		switch r.IntN(6) {
		case 0, 1:
			v := r.IntN(6)
			apart(func() { c.Set(v) })
		case 2:
			apart(func() { c.Clear() })
		case 3:
			record(w.t, src).stop()
		case 4:
			src.Get()
		case 5:
			runtime.GC()
		}
	}
}

// apart calls f on a goroutine that a listener may end.
func apart(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// quiet waits until nothing is watched any more: the last hooks and
// subscriptions may be ended by another goroutine.
func (w *world) quiet() {
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		left := w.ends.Load()
		for _, c := range w.cells {
			left += int64(c.now())
		}
		if left == 0 {
			return
		}
		runtime.Gosched()
	}
	w.t.Errorf("%d hooks did not end", w.ends.Load())
	for i, c := range w.cells {
		w.t.Errorf("c%d is watched %d times", i, c.now())
	}
}
