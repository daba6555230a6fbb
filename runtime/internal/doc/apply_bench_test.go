package doc

import (
	"fmt"
	"testing"
)

// benchCommit is a commit of n deltas, of one kind, and the document that it is
// for, as a checkpoint.
func benchCommit(b *testing.B, inserts bool, n int) (content, body []byte) {
	b.Helper()
	v := Note{}
	for i := range n {
		v.Tags = append(v.Tags, fmt.Sprint(i))
	}
	d, _, _ := create(b, v, 64)
	content = d.content()
	do(root(d), func(r *Node) {
		for i := range n {
			if inserts {
				insertStrings(r, fTags, 2*i, "new")
			} else {
				r.List(fTags).SetLeaf(i, ptrTo("changed"))
			}
		}
	})
	return content, d.Seal()[0].Body
}

// BenchmarkApply applies commits of another writer to a document that nobody
// watches and that has nothing pending.
func BenchmarkApply(b *testing.B) {
	for _, kind := range []string{"sets", "inserts"} {
		for _, n := range []int{1000, 100_000} {
			b.Run(fmt.Sprintf("%s/deltas=%d", kind, n), func(b *testing.B) {
				content, body := benchCommit(b, kind == "inserts", n)
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					d := New(noteType, ID{1}, &host{}, Options{KeyBound: 64})
					if err := d.Load(1, content); err != nil {
						b.Fatal(err)
					}
					d.Loaded()
					b.StartTimer()
					if err := d.Rebase(2, body, Cause{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delta")
			})
		}
	}
}

// BenchmarkDigest sets one of so many values under a digest, which is flushed
// every thousand sets. destam: set/digest-flush-every-1000
func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("values=%d", n), func(b *testing.B) {
			v := Note{}
			for range n {
				v.Tasks = append(v.Tasks, Task{})
			}
			d, _, _ := create(b, v, 64)
			w, _ := d.NewDigest()
			var nodes []*Node
			for i := range n {
				nodes = append(nodes, d.root.List(fTasks).Node(i))
			}
			texts := [2]string{"a", "b"}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				o := (*Object)(nodes[i%n].Canonical())
				if o.Write() {
					o.n.SetLeaf(fText, ptrTo(texts[i/n%2]))
					o.Wrote()
				}
				if i++; i%1000 == 0 {
					w.Flush()
				}
			}
		})
	}
}

// BenchmarkApplySingle applies commits of one set each, which a digest made, up
// to the bytes that the copy's own store gets. destam:
// apply/1000-single-delta-commits
func BenchmarkApplySingle(b *testing.B) {
	d, tasks := benchTasks(b, 1000)
	r := newReplica(b, d, 64, "")
	var bodies [][]byte
	for i := range 2 * len(tasks) {
		do(tasks[i%len(tasks)], func(n *Node) { setText(n, fText, twoTexts[i/len(tasks)]) })
		bodies = append(bodies, r.from.Flush())
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		p, err := r.d.Apply(bodies[i%len(bodies)], Cause{})
		if err != nil {
			b.Fatal(err)
		}
		r.d.Stored(p, r.d.base+1)
		i++
	}
}
