package acceptance

import (
	"errors"
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/runtime/destam"
)

// live gives a stored document for benchmarks.
func live(b *testing.B) *OThing {
	b.Helper()
	o, err := ThingTable(open(b, "memory").DB).Create(b.Context(), full("bench"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return o
}

func BenchmarkGet(b *testing.B) {
	o := live(b)
	part := o.Parts().At(0).Sub().At(0)
	var n int
	b.Run("depth=1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n += len(o.Text())
		}
	})
	b.Run("depth=3", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n += len(part.Name())
		}
	})
	b.Run("at=0", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n += o.Parts().At(0).Count()
		}
	})
	b.Run("transaction", func(b *testing.B) {
		b.ReportAllocs()
		o.View(func(o *OThing) error {
			for b.Loop() {
				n += len(o.Text())
			}
			return nil
		})
	})
	_ = n
}

func BenchmarkSet(b *testing.B) {
	for _, listeners := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("listeners=%d/kind=commit/depth=3", listeners), func(b *testing.B) {
			o := live(b)
			part := o.Parts().At(0).Sub().At(0)
			heard := 0
			for range listeners {
				defer o.Watch(func(*destam.Commit) { heard++ })()
			}
			i := 0
			for b.Loop() {
				i++
				part.SetCount(i)
			}
			if heard != listeners*i {
				b.Fatalf("%d listeners heard %d of %d", listeners, heard, i)
			}
		})
		if listeners == 0 {
			continue
		}
		b.Run(fmt.Sprintf("listeners=%d/kind=typed/depth=3", listeners), func(b *testing.B) {
			o := live(b)
			part := o.Parts().At(0).Sub().At(0)
			heard := 0
			for range listeners {
				defer o.Observe().Parts().Each().Sub().Each().Count().Watch(func(destam.Change[int]) { heard++ })()
			}
			i := 0
			for b.Loop() {
				i++
				part.SetCount(i)
			}
			if heard != listeners*i {
				b.Fatalf("%d listeners heard %d of %d", listeners, heard, i)
			}
		})
	}
}

// BenchmarkSetStored sets distinct fields and stores them: recorded, sealed,
// encoded and given to the memory driver, for each set.
func BenchmarkSetStored(b *testing.B) {
	o := live(b)
	for range 1000 {
		o.Parts().Append(Part{})
	}
	var parts []*OPart
	for _, p := range o.Parts().All() {
		parts = append(parts, p)
	}
	if err := o.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		parts[i%len(parts)].SetCount(i)
		if i%len(parts) == 0 {
			if err := o.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, sets := range []int{1, 10} {
		b.Run(fmt.Sprintf("sets=%d", sets), func(b *testing.B) {
			o := live(b)
			for range 10 {
				o.Parts().Append(Part{})
			}
			undo := errors.New("undo") // a rolled back one: storing is not measured here
			i := 0
			for b.Loop() {
				i++
				o.Update(func(o *OThing) error {
					for j := range sets {
						o.Parts().At(j).SetCount(i)
					}
					return undo
				})
			}
		})
	}
}
