package destam

import (
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
)

// BenchmarkSetLive sets a field of a query section while there are live queries
// that have nothing to do with it.
func BenchmarkSetLive(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("foreign=%d", n), func(b *testing.B) {
			cards := benched(b, memory.Open(nil))
			o := must(cards.Create(ctx, sample()))(b)
			for i := range n {
				live := must(cards.Live(ctx, CardWhere.Owner().Is(fmt.Sprint("nobody ", i))))(b)
				defer live.Close()
			}
			owners := [2]string{"ann", "bob"}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				o.Query().SetOwner(owners[i%2])
			}
		})
	}
}
