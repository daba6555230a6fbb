package destam

import (
	"bytes"
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// lending is a store that remembers what it has lent to those who peek.
type lending struct {
	*memory.Store
	mu   sync.Mutex
	lent [][2][]byte // sections, and copies of them; guarded by mu
}

func (s *lending) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		for h, err := range s.Store.Find(ctx, table, q) {
			if q.Peek {
				s.mu.Lock()
				s.lent = append(s.lent, [2][]byte{h.Section[:cap(h.Section)], slices.Clone(h.Section)})
				s.mu.Unlock()
				h.Held = nil // as a driver may
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

// TestPeekLent asks, follows and changes documents at random: nothing is written
// into a section that the store has lent, nor behind it.
func TestPeekLent(t *testing.T) {
	store := &lending{Store: memory.Open(nil)}
	b := open(t, store, nil)
	r := rand.New(rand.NewPCG(1, 7))
	var lives []*followed
	for range 6 {
		q := randomQuestion(r)
		lives = append(lives, b.follow(q.text, q.pred))
	}
	var ids []ID
	for step := range 300 {
		if len(ids) < 8 {
			ids = append(ids, b.create(Card{Query: randomQuery(r)}).ID())
			continue
		}
		id := ids[r.IntN(len(ids))]
		o, err := b.cards.Get(ctx, id)
		switch {
		case err != nil:
			_, err = b.cards.Restore(ctx, id)
		case step%20 == 0:
			err = b.cards.Delete(ctx, id)
		case step%3 == 0:
			o.Query().Assign(randomQuery(r))
		case step%5 == 0:
			err = b.Flush(ctx)
		default:
			q := randomQuestion(r)
			_, err = Count(ctx, b.cards, q.pred)
			for h, failed := range b.cards.QueryAll(ctx, q.pred) {
				if err = failed; err == nil {
					h.Query.Owner, h.Query.Labels = "scribbled", append(h.Query.Labels, "scribbled")
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range lives {
		f.check(b)
		f.live.Close()
	}
	if len(store.lent) < 500 {
		t.Errorf("only %d sections were lent", len(store.lent))
	}
	for _, s := range store.lent {
		if !bytes.Equal(s[0], s[1]) {
			t.Fatalf("a section that was lent was %q, and is %q", s[1], s[0])
		}
	}
}
