package doc

import (
	"fmt"
	"testing"
	"unsafe"
)

// twoTexts are what benchmarks set in turn.
var twoTexts = [2]string{"one", "another"}

// benchTasks gives a document of n tasks whose creation is stored.
func benchTasks(b testing.TB, n int) (*Document, []*Object) {
	b.Helper()
	v := Note{}
	for range n {
		v.Tasks = append(v.Tasks, Task{})
	}
	d, _, _ := create(b, v, 64)
	var tasks []*Object
	for i := range n {
		tasks = append(tasks, (*Object)(d.root.List(fTasks).Node(i).Canonical()))
	}
	return d, tasks
}

// BenchmarkUpdate is an Update up to the bytes that a store gets, with so many
// sets in it.
func BenchmarkUpdate(b *testing.B) {
	for _, sets := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("sets=%d", sets), func(b *testing.B) {
			d, _ := benchTasks(b, sets)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				setTexts(b, d, sets, &twoTexts[i%2])
			}
		})
	}
}

// setTexts sets the texts of so many tasks in an Update, and stores it.
func setTexts(t testing.TB, d *Document, sets int, text *string) {
	p, err := root(d).Update(func(h unsafe.Pointer) error {
		o := (*Object)(h)
		l := o.n.List(fTasks)
		for j := range sets {
			t := (*Object)(o.Handle(l.Node(j)))
			if t.Write() {
				t.n.SetLeaf(fText, unsafe.Pointer(text))
				t.Wrote()
			}
		}
		return nil
	}, Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, d.base+1)
}

// BenchmarkSetRecorded sets a field of each of so many objects, and seals the
// window: recorded, and encoded for the store.
func BenchmarkSetRecorded(b *testing.B) {
	for _, slots := range []int{1, 1000} {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) {
			d, tasks := benchTasks(b, slots)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				if t := tasks[i%slots]; t.Write() {
					t.n.SetLeaf(fText, unsafe.Pointer(&twoTexts[i/slots%2]))
					t.Wrote()
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
