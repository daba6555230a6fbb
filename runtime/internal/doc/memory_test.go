package doc

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// The memory of live documents: what the heap has more after many of a thing
// were made, recorded and stored, by thing. Texts and keys of maps are not
// counted: whoever sets them has them.

// thing is what has a budget.
type thing struct {
	name   string
	budget float64 // bytes
	make   func(d *Document, keys []string)
}

const things = 100_000

var memory = []thing{
	{"property", 64, func(d *Document, keys []string) {
		n, one := d.root, int64(1)
		for _, k := range keys {
			do(root(d), func(*Node) { n.EnsureList(fMeta).PutPlain(n.Key(fMeta, ptrTo(k)), ptrTo(one)) })
		}
	}},
	{"array-element/pushed", 64, func(d *Document, keys []string) {
		for range things {
			do(root(d), func(n *Node) { insertStrings(n, fTags, n.List(fTags).Len(), "value") })
		}
	}},
	{"array-element/in-the-middle", 64, func(d *Document, keys []string) {
		for i := range things {
			do(root(d), func(n *Node) { insertStrings(n, fTags, i*7919%(i+1), "value") })
		}
	}},
	// The node itself and the element that it is: 200 and 64.
	{"empty-node/in-an-array", 264, func(d *Document, keys []string) {
		for range things {
			do(root(d), func(n *Node) { insertTasks(n, fTasks, n.List(fTasks).Len(), Task{}) })
		}
	}},
	{"node-with-governed-listener", 200, func(d *Document, keys []string) {
		for range 10 { // of all that newDocument made
			d.root.Through(look(noteType, fTasks, each{}, fDone), true, func(*Commit) {})
		}
	}},
}

// bytes is what one of x takes.
func (x *thing) bytes(tb testing.TB) float64 {
	v := Note{}
	if strings.HasPrefix(x.name, "node-with") {
		v.Tasks = make([]Task, things)
	}
	d, _, _ := create(tb, v, 64)
	d.root.EnsureList(fTags)
	keys := make([]string, things)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	before := inUse()
	x.make(d, keys)
	for _, p := range d.Seal() {
		d.Stored(p, d.base+1)
	}
	d.pending = nil
	after := inUse()
	runtime.KeepAlive(d)
	runtime.KeepAlive(keys)
	return (after - before) / things
}

func inUse() float64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC() // also what cleanups let go of in the first
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}

// TestMemory holds the budgets.
func TestMemory(t *testing.T) {
	t.Cleanup(folds.Pause())
	for i := range memory {
		if x := &memory[i]; x.bytes(t) > x.budget {
			t.Errorf("%s takes %.1f bytes, at most %.0f are allowed", x.name, x.bytes(t), x.budget)
		}
	}
}

// BenchmarkMemory reports the bytes; its times say nothing.
func BenchmarkMemory(b *testing.B) {
	for i := range memory {
		x := &memory[i]
		b.Run("of="+x.name, func(b *testing.B) {
			sum := 0.0
			for range b.N {
				sum += x.bytes(b)
			}
			b.ReportMetric(sum/float64(b.N), "B/thing")
		})
	}
}
