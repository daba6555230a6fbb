package destam

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// BenchmarkLoadSealed loads documents of fs that nobody has, after a restart: a
// checkpoint of 400 bytes and 20 changes of 80 each, written in turns.
// part=driver is what the store does of it when it gives the state away, and
// part=lent when it lends it.
func BenchmarkLoadSealed(b *testing.B) {
	const documents, changes = 2000, 20
	dir := b.TempDir()
	reopen := func() *OCardTable {
		store, err := fs.Open(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		return benched(b, store)
	}
	cards := reopen()
	live := make([]*OCard, documents)
	ids := make([]ID, documents)
	for i := range live {
		live[i] = must(cards.Create(ctx, Card{Title: strings.Repeat("x", 340), Query: CardQuery{Owner: fmt.Sprint("owner ", i)}}))(b)
		ids[i] = live[i].ID()
		seq, content, err := of(&live[i].OObject).content(ctx)
		if err == nil {
			err = cards.t.db.driver.Checkpoint(ctx, "cards", ids[i], seq, content)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for n := range changes {
		for _, o := range live {
			o.SetTitle(fmt.Sprintf("%080d", n))
		}
		if err := cards.t.db.Flush(ctx); err != nil {
			b.Fatal(err)
		}
	}
	if err := cards.t.db.Close(ctx); err != nil {
		b.Fatal(err)
	}
	cards = reopen()
	rand.Shuffle(documents, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	i := 0
	next := func() ID {
		i = (i + 1) % documents
		return ids[i]
	}
	b.Run("part=driver", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if s, err := cards.t.db.driver.Load(ctx, "cards", next(), 0); err != nil || len(s.Commits) != changes {
				b.Fatal(len(s.Commits), err)
			}
		}
	})
	b.Run("part=lent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := driver.Lend(ctx, cards.t.db.driver, "cards", next(), 0, func(s *driver.State) error {
				if len(s.Commits) != changes {
					b.Fatal(len(s.Commits))
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("part=all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cards.t.read(ctx, next()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
