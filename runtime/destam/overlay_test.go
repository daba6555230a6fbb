package destam

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestQueryMeanwhile asks while sections change and are stored: a document for
// which the predicates hold all the time is found every time, in any page, and
// once.
func TestQueryMeanwhile(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: 100 * time.Microsecond})
		const n = 12
		var cards [n]*OCard
		for i := range cards {
			cards[i] = b.create(Card{Query: CardQuery{Owner: "ann"}})
		}
		var stop atomic.Bool
		var setters, askers sync.WaitGroup
		for g := range 2 {
			setters.Go(func() {
				for i := 0; !stop.Load(); i++ {
					o := cards[(g+2*i)%n]
					o.Query().Place().SetCity(fmt.Sprint(i))
					if i%5 == 0 {
						if err := o.Flush(ctx); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		for g := range 2 {
			askers.Go(func() {
				for range 20 {
					seen := map[ID]bool{}
					for after, page := (ID{}), 5; ; {
						got := 0
						for hit, err := range b.cards.QueryAll(ctx, CardWhere.Owner().Is("ann"), b.cards.After(after), b.cards.Limit(page)) {
							if err != nil || seen[hit.ID] {
								t.Errorf("%v, twice %v", err, seen[hit.ID])
							}
							seen[hit.ID], after = true, hit.ID
							got++
						}
						if got < page {
							break
						}
					}
					if len(seen) != n {
						t.Errorf("asker %d found %d of %d", g, len(seen), n)
						return
					}
				}
			})
		}
		askers.Wait()
		stop.Store(true)
		setters.Wait()
		if v := b.cards.t.overlay.views; v != 0 {
			t.Errorf("%d queries are not over", v)
		}
	})
}
