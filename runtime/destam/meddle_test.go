package destam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// meddled is a driver behind which somebody changes something, just before one of
// the calls that read.
type meddled struct {
	driver.Driver
	left   int // calls until then
	meddle func()
}

func (m *meddled) step() {
	if m.left--; m.left == 0 {
		m.meddle()
	}
}

func (m *meddled) Head(ctx context.Context, table string, id ID) (driver.Head, error) {
	m.step()
	return m.Driver.Head(ctx, table, id)
}

func (m *meddled) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	m.step()
	return m.Driver.Load(ctx, table, id, at)
}

func (m *meddled) Log(ctx context.Context, table string, id ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		m.step()
		m.Driver.Log(ctx, table, id, r)(yield)
	}
}

func (m *meddled) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		m.step()
		m.Driver.Find(ctx, table, q)(yield)
	}
}

// TestMeddled changes a document at every call that reads a store as a whole:
// nothing is taken for damage, and what comes out can be used.
func TestMeddled(t *testing.T) {
	for _, meddle := range []struct {
		what string
		do   func(b *base, o, other *OCard) error
	}{
		{"purged", func(b *base, o, _ *OCard) error { return b.cards.Purge(ctx, o.ID()) }},
		{"deleted", func(b *base, o, _ *OCard) error { return o.Delete(ctx) }},
		{"changed", func(b *base, o, _ *OCard) error { o.SetCount(7); return o.Flush(ctx) }},
		{"its value handed on", func(b *base, o, other *OCard) error {
			o.Query().ClearSlug()
			if err := o.Flush(ctx); err != nil {
				return err
			}
			return errors.Join(other.Query().SetSlug("it"), other.Flush(ctx))
		}},
	} {
		for _, read := range []struct {
			what string
			do   func(t *testing.T, b *base, id ID) error
		}{
			{"Verify", func(t *testing.T, b *base, _ ID) error {
				for f, err := range Verify(ctx, b.DB, nil) {
					if err != nil {
						return err
					}
					t.Errorf("found %v", f)
				}
				return nil
			}},
			{"Export", func(t *testing.T, b *base, _ ID) error {
				var text bytes.Buffer
				if _, err := Export(ctx, b.cards, &text, &ExportOptions{History: true}); err != nil {
					return err
				}
				to := open(t, memory.Open(nil), nil)
				_, err := Import(ctx, to.cards, &text, nil)
				if errors.Is(err, ErrTaken) && meddle.what == "its value handed on" {
					return nil
				}
				return err
			}},
			{"Copy", func(_ *testing.T, b *base, _ ID) error {
				_, err := Copy(ctx, b.DB.driver, memory.Open(nil), nil)
				if errors.Is(err, errMoved) {
					return nil
				}
				return err
			}},
			{"History", func(_ *testing.T, b *base, id ID) error {
				err := last(History(ctx, b.cards, id))
				if errors.Is(err, ErrNotFound) && meddle.what == "purged" {
					return nil
				}
				return err
			}},
		} {
			reached := true
			for call := 1; reached; call++ {
				t.Run(fmt.Sprintf("%s/%s/%d", read.what, meddle.what, call), func(t *testing.T) {
					store := memory.Open(&memory.Options{Shared: true})
					b := open(t, store.Share(), &Options{Window: time.Hour})
					slug := "it"
					o, other := b.create(Card{Query: CardQuery{Slug: &slug}}), b.create(Card{Title: "other"})
					o.SetTitle("a")
					if err := o.Flush(ctx); err != nil {
						t.Fatal(err)
					}
					m := &meddled{Driver: store.Share(), left: call, meddle: func() {
						if err := meddle.do(b, o, other); err != nil {
							t.Error(err)
						}
					}}
					if err := read.do(t, open(t, m, nil), o.ID()); err != nil {
						t.Error(err)
					}
					reached = m.left <= 0
				})
			}
		}
	}
}
