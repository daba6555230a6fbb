package destam

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// limited is a driver that takes commits up to a size.
type limited struct {
	driver.Driver
	max int
}

func (d limited) Limits() driver.Limits {
	l := d.Driver.Limits()
	l.Commit = d.max
	return l
}

// TestTooLarge holds that Create and Update are refused before they return
// when the store would refuse them, and that a window loses nothing else.
func TestTooLarge(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, limited{d, 4096}, &Options{Window: time.Hour})
		long := strings.Repeat("x", 5000)
		var limit *driver.LimitError
		if _, err := b.cards.Create(ctx, Card{Title: long}); !errors.As(err, &limit) || limit.Max != 4096 {
			t.Errorf("Create gave %v", err)
		}
		if n := must(Count(ctx, b.cards))(t); n != 0 {
			t.Errorf("%d documents", n)
		}
		o := b.create(Card{Title: "a"})
		err := o.Update(func(o *OCard) error { o.SetCount(1); o.SetTitle(long); return nil })
		if e := (*Error)(nil); !errors.As(err, &limit) || !errors.As(err, &e) || e.Op != "update" || e.ID != o.ID() {
			t.Errorf("Update gave %v", err)
		}
		if o.Title() != "a" || o.Count() != 0 || o.Pending() {
			t.Errorf("after it: %q, %d, pending %v", o.Title(), o.Count(), o.Pending())
		}
		if err := o.Update(func(o *OCard) error { o.SetTitle(long[:3900]); return nil }); err != nil {
			t.Errorf("one that just fits: %v", err)
		}
		o.SetTitle(long)
		if err := o.Flush(ctx); !errors.As(err, &limit) {
			t.Errorf("Flush of a window gave %v", err)
		}
		if len(b.errs.take()) != 1 || o.Title() != long[:3900] {
			t.Errorf("a window was not taken back: title of %d", len(o.Title()))
		}
		if err := o.Flush(ctx); err != nil || o.Pending() {
			t.Errorf("the next Flush gave %v, pending %v", err, o.Pending())
		}
	})
}

// TestNobody holds that an error names no document that never came to be, and
// says what to do about an empty unique value.
func TestNobody(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		first := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		for name, create := range map[string]func() error{
			"create": func() error {
				_, err := b.cards.Create(ctx, Card{Query: CardQuery{Slug: ptr("a")}})
				return err
			},
			"reuse": func() error {
				_, err := b.cards.Reuse(ctx, CardWhere.Slug().Is("a"), CardWhere.Owner().Is("x"))
				return err
			},
		} {
			err := create()
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrTaken) || !e.ID.IsZero() || e.Op != name {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.Contains(err.Error(), first.ID().String()) {
				t.Errorf("%s does not name the holder: %v", name, err)
			}
		}
		gardens := tableOf[*Table[*OGarden, Garden, GardenQuery]](b.DB)
		if _, err := gardens.Create(ctx, Garden{}); err != nil {
			t.Fatal(err)
		}
		_, err := gardens.Create(ctx, Garden{})
		if !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "make the field a pointer") {
			t.Errorf("an empty value: %v", err)
		}
	})
}
