package doc

import (
	"fmt"
	"testing"
	"unsafe"
)

// BenchmarkLens sets a value three levels below the root, with typed
// listeners to it and with listeners to other places.
func BenchmarkLens(b *testing.B) {
	for _, c := range []struct{ here, beside, elsewhere int }{
		{0, 0, 0}, {0, 0, 1}, {0, 0, 1000}, {0, 1, 0}, {1, 0, 0}, {10, 0, 0}, {1, 0, 1000},
	} {
		b.Run(fmt.Sprintf("here=%d/beside=%d/elsewhere=%d", c.here, c.beside, c.elsewhere), func(b *testing.B) {
			d, _, _ := create(b, seedNote, 64)
			heard := 0
			for range c.here {
				d.root.Through(look(noteType, fTasks, each{}, fDone), true, func(*Commit) { heard++ })
			}
			for range c.beside {
				d.root.Through(look(noteType, fTasks, each{}, fText), true, func(*Commit) { heard++ })
			}
			for range c.elsewhere {
				d.root.Through(look(noteType, fQuery, fOwner), true, func(*Commit) { heard++ })
			}
			o := (*Object)(d.root.List(fTasks).Node(0).Canonical())
			done := false
			b.ReportAllocs()
			for b.Loop() {
				done = !done
				if o.Write() {
					o.n.SetLeaf(fDone, unsafe.Pointer(&done))
					o.Wrote()
				}
			}
			if want := b.N * c.here; heard < want {
				b.Fatalf("heard %d of %d", heard, want)
			}
		})
	}
}
