package destam

import (
	"testing"
	"testing/synctest"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestIDs makes ids with a clock that stands still, and after one from the
// future was seen.
// (destam 425)
func TestIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g ids
		last := g.next()
		for range 1 << 17 { // over the lower half of the counter
			id := g.next()
			if id.Compare(last) <= 0 {
				t.Fatalf("%s after %s", id, last)
			}
			last = id
		}
		future := last
		future[0]++
		g.seen(future)
		if id := g.next(); id.Compare(future) <= 0 {
			t.Errorf("%s after %s was seen", id, future)
		}
		g.seen(last)
		if id := g.next(); id.Compare(future) <= 0 {
			t.Errorf("%s after an older one was seen", id)
		}
	})
}

// TestIDsSeen creates after what the store has from a clock that ran ahead.
func TestIDsSeen(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		future := b.create(Card{}).ID()
		section := must(driver.AppendValue(nil, driver.Object{}))(t)
		for i, see := range []func() error{
			func() error { _, err := b.cards.Query(ctx, b.cards.After(future)); return err },
			func() error { _, err := b.cards.Get(ctx, future); return err },
		} {
			last := future
			future[1]++
			r := d.Append(ctx, []driver.Commit{{
				Table: "cards", ID: future, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Body: []byte{0x90}, Section: section,
			}})
			if r[0].Err != nil {
				t.Fatal(r[0].Err)
			}
			if i == 0 {
				future, last = last, future
			}
			if err := see(); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				future = last
			}
			if id := b.create(Card{}).ID(); id.Compare(future) <= 0 {
				t.Errorf("%s after %s was seen", id, future)
			}
		}
	})
}
