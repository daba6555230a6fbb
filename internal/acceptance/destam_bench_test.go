package acceptance

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
)

// The workloads of bench/destam/destam.mjs, under the same names, through the
// public API on a database with a memory store: everything set here is recorded
// and stored in the background besides, which destam does not do. A sample is
// so many operations, its setup is not timed, and what is reported is the
// median of all samples and the shortest, by operation.

// sampled reports samples of ops operations.
func sampled(b *testing.B, ops int, setup, run func()) {
	var samples []float64
	for b.Loop() {
		if setup != nil {
			setup()
			runtime.GC() // its garbage is not the sample's
		}
		start := time.Now()
		run()
		samples = append(samples, float64(time.Since(start).Nanoseconds())/float64(ops))
	}
	slices.Sort(samples)
	b.ReportMetric(samples[len(samples)/2], "ns/op")
	b.ReportMetric(samples[0], "min-ns/op")
}

// sets is how many sets a sample has.
const sets = 10_000

func BenchmarkDestam(b *testing.B) {
	b.Run("get/no-listener", func(b *testing.B) {
		o, n := live(b), 0
		sampled(b, sets, nil, func() {
			for range sets {
				n += o.Int()
			}
		})
	})
	for name, watch := range map[string]func(o *OThing, part *OPart) int{
		"set/no-listener":                 func(*OThing, *OPart) int { return 0 },
		"set/1-listener-same-object":      func(_ *OThing, p *OPart) int { p.Observe().Count().Watch(func(destam.Change[int]) {}); return 1 },
		"set/1-root-listener-leaf-depth3": func(o *OThing, _ *OPart) int { o.Watch(func(*destam.Commit) {}); return 1 },
		"set/1-path-listener-leaf-depth3": func(o *OThing, _ *OPart) int {
			o.Observe().Parts().Each().Sub().Each().Count().Watch(func(destam.Change[int]) {})
			return 1
		},
		"set/1-root-listener-reads-path-leaf-depth3": func(o *OThing, _ *OPart) int {
			n := 0
			o.Watch(func(c *destam.Commit) { n += c.Deltas[0].Path().Len() })
			return 1
		},
		"set/10-root-listeners-leaf-depth3": func(o *OThing, _ *OPart) int {
			for range 10 {
				o.Watch(func(*destam.Commit) {})
			}
			return 10
		},
	} {
		b.Run(name, func(b *testing.B) {
			o := live(b)
			part, i := o.Parts().At(0).Sub().At(0), 0
			watch(o, part)
			sampled(b, sets, nil, func() {
				for range sets {
					i++
					part.SetCount(i)
				}
			})
		})
	}
	for _, props := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("set/digest-flush-every-1000/%d-props", props), func(b *testing.B) { benchDigest(b, props) })
	}
	b.Run("insert+delete/no-listener", func(b *testing.B) {
		m := live(b).Meta()
		keys := names(1000)
		sampled(b, 1000, nil, func() {
			for _, k := range keys {
				m.Set(k, "v")
				m.Delete(k)
			}
		})
	})
	benchArrays(b)
	benchApply(b)
	benchWatching(b)
	benchObserve(b)
}

// names are so many keys.
func names(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint("k", i))
	}
	return keys
}

// grown gives a document with n parts at its root, and these.
func grown(b *testing.B, n int) (*OThing, []*OPart) {
	o := live(b)
	o.Parts().Clear()
	o.Parts().Append(make([]Part, n)...)
	var parts []*OPart
	for _, p := range o.Parts().All() {
		parts = append(parts, p)
	}
	return o, parts
}

func benchDigest(b *testing.B, props int) {
	o, parts := grown(b, props)
	d, _, err := destam.NewDigest(o)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Stop()
	i, bytes := 0, 0
	sampled(b, sets, nil, func() {
		for range sets {
			i++
			parts[i%props].SetCount(i)
			if i%1000 == 0 {
				bytes += len(d.Flush())
			}
		}
	})
	if bytes == 0 {
		b.Fatal("nothing was flushed")
	}
}

func benchArrays(b *testing.B) {
	for _, size := range []int{1000, 10_000, 100_000} {
		base := names(size)
		tags := func(b *testing.B, watched bool) (destam.Array[string], func()) {
			o := live(b)
			if watched {
				o.Watch(func(*destam.Commit) {})
			}
			a := o.Tags()
			return a, func() {
				a.Clear()
				a.Append(base...)
				if err := o.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
		run := func(name string, watched bool, ops int, op func(a destam.Array[string], i int)) {
			b.Run(fmt.Sprintf("array/%s/%dk", name, size/1000)+map[bool]string{true: "+1-listener"}[watched], func(b *testing.B) {
				a, fresh := tags(b, watched)
				sampled(b, ops, fresh, func() {
					for i := range ops {
						op(a, i)
					}
				})
			})
		}
		push := func(a destam.Array[string], i int) { a.Append("new") }
		middle := func(a destam.Array[string], i int) { a.Insert(a.Len()/2, "new") }
		run("push", false, 100, push)
		run("push-steady-10000", false, 10_000, push)
		run("insert-middle", false, 100, middle)
		run("insert-random", false, 100, func(a destam.Array[string], i int) { a.Insert(rand.IntN(a.Len()), "new") })
		run("remove-middle", false, 100, func(a destam.Array[string], i int) { a.Remove(a.Len()/2, 1) })
		run("set-index", false, 100, func(a destam.Array[string], i int) { a.Set(i*7919%size, "set") })
		if size == 10_000 {
			run("push", true, 100, push)
			run("insert-middle", true, 100, middle)
		}
	}
}

// benchApply applies what a digest of a document is flushed into to a copy in
// another database.
func benchApply(b *testing.B) {
	keys := names(1000)
	for _, c := range []struct {
		name         string
		change, back func(o *OThing, parts []*OPart, round int)
	}{
		{"1000-modify-commit", func(_ *OThing, parts []*OPart, round int) {
			for i, p := range parts {
				p.SetCount(i + round)
			}
		}, nil},
		{"1000-insert-commit", func(o *OThing, _ []*OPart, round int) {
			for _, k := range keys {
				o.Meta().Set(k, "v")
			}
		}, func(o *OThing, _ []*OPart, _ int) { o.Meta().Clear() }},
		{"1000-array-insert-commit", func(o *OThing, _ []*OPart, _ int) { o.Tags().Append(keys...) },
			func(o *OThing, _ []*OPart, _ int) { o.Tags().Clear() }},
	} {
		b.Run("apply/"+c.name, func(b *testing.B) {
			o, parts, copied, d := replicas(b)
			round := 0
			var body []byte
			sampled(b, 1000, func() {
				if c.back != nil {
					c.back(o, parts, round)
					apply(b, copied, d.Flush())
				}
				round++
				c.change(o, parts, round)
				body = d.Flush()
			}, func() { apply(b, copied, body) })
		})
	}
	b.Run("apply/1000-single-delta-commits", func(b *testing.B) {
		_, parts, copied, d := replicas(b)
		i := 0
		var bodies [][]byte
		sampled(b, 1000, func() {
			bodies = bodies[:0]
			for _, p := range parts {
				i++
				p.SetCount(i)
				bodies = append(bodies, d.Flush())
			}
		}, func() {
			for _, body := range bodies {
				apply(b, copied, body)
			}
		})
	})
	b.Run("sync-loop/1000-props", func(b *testing.B) {
		_, parts, copied, d := replicas(b)
		i := 0
		sampled(b, 1000, nil, func() {
			for _, p := range parts {
				i++
				p.SetCount(i)
			}
			apply(b, copied, d.Flush())
		})
	})
}

func apply(b *testing.B, o *OThing, body []byte) {
	if body == nil {
		return
	}
	if err := destam.Apply(o, body); err != nil {
		b.Fatal(err)
	}
}

// replicas gives a document of a thousand parts and a copy of it elsewhere.
func replicas(b *testing.B) (*OThing, []*OPart, *OThing, *destam.Digest) {
	o, parts := grown(b, 1000)
	o.Meta().Clear()
	o.Tags().Clear()
	d, first, err := destam.NewDigest(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Stop)
	copied, err := destam.Adopt(b.Context(), ThingTable(open(b, "memory").DB), first)
	if err != nil {
		b.Fatal(err)
	}
	return o, parts, copied, d
}

// benchWatching begins and ends subscriptions and digests.
func benchWatching(b *testing.B) {
	tree := func(b *testing.B) *OThing { // of 111 objects
		o := live(b)
		o.Parts().Clear()
		for range 10 {
			o.Parts().Append(Part{Sub: make([]Part, 10)})
		}
		return o
	}
	b.Run("watch+unwatch/root-of-111-object-tree", func(b *testing.B) {
		o := tree(b)
		sampled(b, 100, nil, func() {
			for range 100 {
				o.Watch(func(*destam.Commit) {})()
			}
		})
	})
	b.Run("createNetwork+remove/111-object-tree", func(b *testing.B) {
		o := tree(b)
		sampled(b, 1, nil, func() {
			d, _, err := destam.NewDigest(o)
			if err != nil {
				b.Fatal(err)
			}
			d.Stop()
		})
	})
	b.Run("encode/tree-10x10x10", func(b *testing.B) {
		o := tree(b)
		sampled(b, 1, nil, func() { o.Snapshot() })
	})
	chain := Part{}
	for range 100 {
		chain = Part{Sub: []Part{chain}}
	}
	b.Run("watch/1000-listeners-on-root-of-chain-100", func(b *testing.B) {
		o := live(b)
		o.Parts().Clear()
		o.Parts().Append(chain)
		var stops []func()
		stop := func() {
			for _, s := range stops {
				s()
			}
			stops = stops[:0]
		}
		sampled(b, 1000, stop, func() {
			for range 1000 {
				stops = append(stops, o.Watch(func(*destam.Commit) {}))
			}
		})
	})
}
