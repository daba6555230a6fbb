package destam

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestListenerEnds lets listeners end the goroutine that calls them, which is
// the database's: what it was doing is done all the same.
func TestListenerEnds(t *testing.T) {
	ends := func(origin Origin) func(*Commit) {
		once := sync.Once{}
		return func(c *Commit) {
			if c.Origin == origin {
				once.Do(runtime.Goexit)
			}
		}
	}
	ended := func(b *base) {
		b.t.Helper()
		found := 0
		for _, err := range b.errs.take() {
			switch {
			case strings.Contains(err.Error(), "runtime.Goexit"):
				found++
			case !errors.Is(err, ErrTaken):
				b.t.Error(err)
			}
		}
		if found != 1 {
			b.t.Errorf("%d ends were reported", found)
		}
	}
	t.Run("a Transact", func(t *testing.T) {
		onEach(t, func(t *testing.T, d driver.Driver) {
			b := open(t, d, &Options{Window: time.Hour})
			o := b.create(Card{})
			o.Watch(ends(Remote))
			for n := range 2 {
				if err := b.cards.Transact(ctx, o.ID(), func(c *OCard) error { c.SetCount(n + 1); return nil }); err != nil {
					t.Error(err)
				}
			}
			eventually(t, "both are shown", func() bool { return o.Count() == 2 })
			ended(b)
		})
	})
	t.Run("what others store", func(t *testing.T) {
		w := writers(t, 2, true, &Options{Window: time.Hour})
		o := w[0].create(Card{})
		theirs := must(w[1].cards.Get(ctx, o.ID()))(t)
		theirs.Watch(ends(Remote))
		for n := range 3 {
			o.SetCount(n + 1)
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is heard of", func() bool { return theirs.Count() == n+1 })
		}
		ended(w[1])
	})
	t.Run("what is taken back", func(t *testing.T) {
		onEach(t, func(t *testing.T, d driver.Driver) {
			b := open(t, d, &Options{Window: time.Millisecond})
			holder := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
			of(&holder.OObject).forget() // as if nobody had it: only the store knows that the value is taken
			b.cards.t.claims.drop(of(&holder.OObject).claimed.Load())
			o := b.create(Card{})
			o.Watch(ends(TakenBack))
			if err := o.Query().SetSlug("a"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "nothing is left to store", func() bool { return !o.Pending() })
			if _, has := o.Query().Slug(); has {
				t.Error("it is shown")
			}
			ended(b)
			runtime.KeepAlive(holder)
		})
	})
}
