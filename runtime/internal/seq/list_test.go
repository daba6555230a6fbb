package seq

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// check fails unless what a List says about its structure holds.
func (l *List[E]) check(t *testing.T) {
	t.Helper()
	total, before := 0, pos.Key("")
	for c := range l.chunks {
		chunk := l.chunks[c].all()
		if len(chunk) == 0 || len(chunk) > chunkMax {
			t.Fatalf("chunk %d has %d elements", c, len(chunk))
		}
		if l.index != nil && l.index.before(c) != total {
			t.Fatalf("index has %d elements before chunk %d, there are %d", l.index.before(c), c, total)
		}
		if l.index != nil && l.index.heads[c] != head(chunk[0].key) {
			t.Fatalf("index begins chunk %d with %x, its key is %x", c, l.index.heads[c], string(chunk[0].key))
		}
		for _, e := range chunk {
			if e.key <= before {
				t.Fatalf("keys do not ascend in chunk %d", c)
			}
			before = e.key
		}
		total += len(chunk)
		for i, e := range l.chunks[c].room {
			if inside := int(l.chunks[c].from) <= i && i < int(l.chunks[c].to); !inside && e.key != "" {
				t.Fatalf("chunk %d keeps a removed element", c)
			}
		}
	}
	if (l.index != nil) != (len(l.chunks) > 1) || l.Len() != total {
		t.Fatalf("%d elements in %d chunks, Len says %d", total, len(l.chunks), l.Len())
	}
	if l.index != nil && len(l.index.heads) != len(l.chunks) {
		t.Fatalf("index has %d heads of %d chunks", len(l.index.heads), len(l.chunks))
	}
	if len(l.chunks) > 8 && total < len(l.chunks)*chunkMax/8 {
		t.Fatalf("%d elements are spread over %d chunks", total, len(l.chunks))
	}
}

// model is a List beside what it should be.
type model struct {
	list        List[int]
	keys        []pos.Key
	vals        []int
	max         int
	next        int // next value
	renumbered  int // elements
	renumbering int // times
}

func (m *model) insert(i, n int) {
	keys, from, to, renumbered := Room(&m.list, i, n, m.max)
	if renumbered != nil {
		m.list.Rekey(from, renumbered)
		copy(m.keys[from:to], renumbered)
		m.renumbering++
		m.renumbered += len(renumbered)
	}
	vals := make([]int, n)
	for j := range vals {
		m.next++
		vals[j] = m.next
	}
	m.list.Insert(i, keys, vals)
	m.keys, m.vals = slices.Insert(m.keys, i, keys...), slices.Insert(m.vals, i, vals...)
}

func (m *model) remove(i, n int) {
	m.list.Remove(i, n)
	m.keys, m.vals = slices.Delete(m.keys, i, i+n), slices.Delete(m.vals, i, i+n)
}

// compare fails unless every question has the same answer.
func (m *model) compare(t *testing.T) {
	t.Helper()
	m.list.check(t)
	if m.list.Len() != len(m.vals) {
		t.Fatalf("%d elements, want %d", m.list.Len(), len(m.vals))
	}
	next := 0
	m.list.Ascend(0, func(i int, k pos.Key, e *int) bool {
		if i != next || k != m.keys[i] || *e != m.vals[i] {
			t.Fatalf("element %d is %x, %d; want element %d to be %x, %d", i, k, *e, next, m.keys[next], m.vals[next])
		}
		next++
		return true
	})
	if next != len(m.vals) {
		t.Fatalf("Ascend ends at %d of %d", next, len(m.vals))
	}
	for i, k := range m.keys {
		if len(k) > m.max || !pos.Valid(k) {
			t.Fatalf("key %x under a bound of %d", k, m.max)
		}
		if *m.list.At(i) != m.vals[i] || m.list.Key(i) != k {
			t.Fatalf("element %d is %x, %d; want %x, %d", i, m.list.Key(i), *m.list.At(i), k, m.vals[i])
		}
		if at, ok := m.list.Find(k); at != i || !ok {
			t.Fatalf("key of element %d is found at %d, %v", i, at, ok)
		}
		if at, ok := m.list.Find(k + "\x01"); at != i+1 || ok {
			t.Fatalf("a key behind element %d is found at %d, %v", i, at, ok)
		}
	}
	if at, ok := m.list.Find("\x00"); at != 0 || ok {
		t.Fatalf("a key before all is found at %d, %v", at, ok)
	}
}

// step makes one random change.
func (m *model) step(r *rand.Rand) {
	n := len(m.vals)
	switch r.IntN(12) {
	case 0:
		m.insert(r.IntN(n+1), 1+r.IntN(700))
	case 1, 2:
		m.insert(n, 1+r.IntN(3))
	case 3:
		m.insert(0, 1+r.IntN(3))
	case 4, 5, 6:
		m.insert(r.IntN(n+1), 1)
	case 7:
		i := r.IntN(n + 1)
		m.remove(i, min(n-i, r.IntN(900)))
	case 8, 9:
		i := r.IntN(n + 1)
		m.remove(i, min(n-i, r.IntN(3)))
	case 10: // always in the middle, which lengthens keys fastest
		for range 30 {
			m.insert(len(m.vals)/2, 1)
		}
	case 11:
		if r.IntN(20) == 0 {
			m.remove(0, n)
		}
	}
}

func TestListAgainstSlice(t *testing.T) {
	for _, bound := range []int{6, 8, 10, pos.Max} {
		t.Run(fmt.Sprintf("max=%d", bound), func(t *testing.T) {
			for seed := range uint64(8) {
				r := rand.New(rand.NewPCG(seed, uint64(bound)))
				m := &model{max: bound}
				for i := range 400 {
					m.step(r)
					if i%20 == 0 {
						m.compare(t)
					}
				}
				m.compare(t)
				if bound < 10 && m.renumbering == 0 {
					t.Errorf("seed %d: nothing was renumbered", seed)
				}
			}
		})
	}
}

func FuzzList(f *testing.F) {
	f.Add(uint8(6), []byte{0, 0, 200, 4, 100, 1, 8, 50, 90})
	f.Add(uint8(64), []byte{4, 0, 0, 4, 1, 0, 4, 1, 0, 9, 0, 1})
	f.Fuzz(func(t *testing.T, bound uint8, steps []byte) {
		m := &model{max: 6 + int(bound)%59}
		steps = steps[:min(len(steps), 3*50)] // more take too long to check
		for ; len(steps) >= 3; steps = steps[3:] {
			n := len(m.vals)
			i := int(steps[1]) * (n + 1) / 256
			count := 1 + int(steps[2])
			if steps[0] >= 128 {
				count *= 8
			}
			if steps[0]%3 == 0 {
				m.remove(i, min(n-i, count))
			} else {
				m.insert(i, count)
			}
			m.list.check(t)
		}
		m.compare(t)
	})
}

func TestEmptyList(t *testing.T) {
	var l List[int]
	l.Insert(0, nil, nil)
	l.Remove(0, 0)
	l.Rekey(0, nil)
	l.Ascend(0, func(int, pos.Key, *int) bool { t.Error("an element"); return true })
	if i, ok := l.Find("!"); l.Len() != 0 || i != 0 || ok {
		t.Errorf("%d elements, found at %d, %v", l.Len(), i, ok)
	}
	l.Insert(0, []pos.Key{"!"}, []int{1})
	if l.Reset(); l.Len() != 0 {
		t.Error("elements after Reset")
	}
}

func TestAscend(t *testing.T) {
	m := &model{max: pos.Max}
	m.insert(0, 1000)
	var got []int
	m.list.Ascend(700, func(i int, k pos.Key, e *int) bool {
		got = append(got, *e)
		return i < 900
	})
	if want := m.vals[700:901]; !slices.Equal(got, want) {
		t.Errorf("got %d elements from %d, want %d from %d", len(got), got[0], len(want), want[0])
	}
	m.list.Ascend(1000, func(int, pos.Key, *int) bool { t.Error("an element past the end"); return true })
}

func TestListRefuses(t *testing.T) {
	var l List[int]
	l.Insert(0, []pos.Key{"!", "#"}, []int{1, 2})
	for name, misuse := range map[string]func(){
		"insert past the end":    func() { l.Insert(3, []pos.Key{"%"}, []int{3}) },
		"insert without a key":   func() { l.Insert(2, nil, []int{3}) },
		"remove past the end":    func() { l.Remove(1, 2) },
		"remove a negative":      func() { l.Remove(1, -1) },
		"element past the end":   func() { l.At(2) },
		"element before all":     func() { l.Key(-1) },
		"negative start to cut":  func() { l.Remove(-1, 1) },
		"insert before elements": func() { l.Insert(-1, []pos.Key{"\x20"}, []int{3}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			misuse()
		}()
	}
	if l.Len() != 2 || *l.At(0) != 1 || *l.At(1) != 2 {
		t.Error("a refused call changed the list")
	}
}

// TestRoom holds how many elements get another key where inserts hit one place
// again and again: for each insert, and at most at once.
func TestRoom(t *testing.T) {
	const inserts = 50_000
	tests := []struct {
		name  string
		first int                              // elements that are there
		each  int                              // elements of an insert
		where func(r *rand.Rand, i, n int) int // of insert i into n elements
		times float64                          // elements that get another key for each that comes
		most  int
	}{
		{"middle", 0, 1, func(_ *rand.Rand, _, n int) int { return n / 2 }, 1.2, 256},
		{"middle of many", 100_000, 1, func(_ *rand.Rand, _, n int) int { return n / 2 }, 1.2, 256},
		{"middle, five at once", 0, 5, func(_ *rand.Rand, _, n int) int { return n / 2 }, 1.2, 256},
		{"at a third", 0, 1, func(_ *rand.Rand, _, n int) int { return n / 3 }, 2.2, 256},
		{"ten places in turn", 1000, 1, func(_ *rand.Rand, i, n int) int { return n * (2*(i/2000%10) + 1) / 21 }, 2, 4096},
		{"ten places at random", 1000, 1, func(r *rand.Rand, _, n int) int { return n * (2*r.IntN(10) + 1) / 21 }, 1.2, 4096},
		{"a place that moves", 1000, 1, func(_ *rand.Rand, i, n int) int { return 500 + i/300*7 + i%300/2 }, 2, 4096},
		{"near the middle", 1000, 1, func(r *rand.Rand, _, n int) int { return n/2 + r.IntN(11) - 5 }, 2, 4096},
		{"before the last", 1, 1, func(_ *rand.Rand, _, n int) int { return n - 1 }, 0, 0},
		{"anywhere", 0, 1, func(r *rand.Rand, _, n int) int { return r.IntN(n + 1) }, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			var l List[byte]
			moved, most := 0, 0
			insert := func(at, n int) {
				keys, from, _, renumbered := Room(&l, at, n, pos.Max)
				l.Rekey(from, renumbered)
				l.Insert(at, keys, make([]byte, n))
				moved, most = moved+len(renumbered), max(most, len(renumbered))
			}
			insert(0, tt.first)
			for i := range inserts {
				insert(tt.where(r, i, l.Len()), tt.each)
			}
			l.check(t)
			times := float64(moved) / float64(inserts*tt.each)
			t.Logf("%.2f elements get a new key for each that comes, %d at most", times, most)
			if times > tt.times || most > tt.most {
				t.Errorf("%.2f elements get a new key for each that comes, %d at most; want no more than %.1f and %d", times, most, tt.times, tt.most)
			}
		})
	}
}

// TestRemoveLetsGo checks that the collector gets what is removed.
func TestRemoveLetsGo(t *testing.T) {
	var l List[*[1024]byte]
	keys, _ := pos.Between("", "", 600, pos.Max)
	vals := make([]*[1024]byte, len(keys))
	freed := make(chan int, len(keys))
	for i := range vals {
		vals[i] = new([1024]byte)
		runtime.AddCleanup(vals[i], func(i int) { freed <- i }, i)
	}
	l.Insert(0, keys, vals)
	clear(vals)
	l.Remove(10, 580)
	l.Remove(0, 5)
	for removed := 585; removed > 0; runtime.GC() {
		for len(freed) > 0 {
			<-freed
			removed--
		}
	}
	if l.Len() != 15 || *l.At(0) == nil {
		t.Error("what stays is gone too")
	}
}

func TestListMemory(t *testing.T) {
	type value [2]uint64 // as large as an interface or a string
	tests := []struct {
		name string
		n    int
		fill func(m *List[value], i int) int // where to insert
		want float64                         // bytes for an element
	}{
		{"append", 100_000, func(l *List[value], i int) int { return l.Len() }, 64},
		{"random", 100_000, func(l *List[value], i int) int { return int(uint32(i)*2654435761>>1) % (l.Len() + 1) }, 64},
		{"three", 3, func(l *List[value], i int) int { return l.Len() }, 64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lists := make([]List[value], max(1, 30_000/tt.n))
			before := heap()
			for k := range lists {
				for i := range tt.n {
					at := tt.fill(&lists[k], i)
					keys, _, _, _ := Room(&lists[k], at, 1, pos.Max)
					lists[k].Insert(at, keys, make([]value, 1))
				}
			}
			per := float64(heap()-before) / float64(len(lists)*tt.n)
			runtime.KeepAlive(lists)
			t.Logf("%.1f bytes an element", per)
			if per > tt.want {
				t.Errorf("%.1f bytes an element, want at most %.0f", per, tt.want)
			}
		})
	}
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
