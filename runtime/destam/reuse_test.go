package destam

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// lagging is a store whose queries do not know what was stored lately.
type lagging struct{ *memory.Store }

func (l lagging) Find(context.Context, string, driver.Query) iter.Seq2[driver.Head, error] {
	return func(func(driver.Head, error) bool) {}
}

// TestReuseLate asks for a document that another process has made and that
// queries do not show yet: who refuses a second one says which it is.
func TestReuseLate(t *testing.T) {
	ctx := t.Context()
	first := memory.Open(&memory.Options{Shared: true})
	a, b := open(t, first, nil), open(t, lagging{first.Share()}, nil)
	made := must(a.cards.Reuse(ctx, CardWhere.Slug().Is("inbox"), CardWhere.Owner().Is("ann")))(t)
	for range 2 {
		if o := must(b.cards.Reuse(ctx, CardWhere.Slug().Is("inbox"), CardWhere.Owner().Is("ann")))(t); o.ID() != made.ID() {
			t.Errorf("the document %s, want %s", o.ID(), made.ID())
		}
	}
	if _, err := b.cards.Reuse(ctx, CardWhere.Slug().Is("inbox"), CardWhere.Owner().Is("eve")); !errors.Is(err, ErrTaken) {
		t.Errorf("a document with the value for which another predicate does not hold: %v", err)
	}
	if err := made.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b makes another one", func() bool { // when it has heard of the deletion
		o, err := b.cards.Reuse(ctx, CardWhere.Slug().Is("inbox"))
		return err == nil && o.ID() != made.ID()
	})
}
