package destam

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestInTransaction asks bound handles for what may wait for the store.
func TestInTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{})
		o.SetTitle("a")
		check := func(in *OCard) error {
			for name, err := range map[string]error{"Flush": in.Flush(ctx), "Delete": in.Delete(ctx), "Settle": Settle(ctx, in)} {
				var e *Error
				if !errors.Is(err, ErrInTransaction) || !errors.As(err, &e) || e.ID != o.ID() {
					t.Errorf("%s: %v", name, err)
				}
			}
			if in.ID() != o.ID() || in.Version() != 1 || !in.Pending() {
				t.Errorf("id %s, version %d, pending %v", in.ID(), in.Version(), in.Pending())
			}
			if got, err := b.cards.Find(ctx); err != nil || got != o {
				t.Errorf("Find in a transaction: %v, %v", got, err)
			}
			return nil
		}
		if err := errors.Join(o.Update(check), o.View(check)); err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateErrors looks at what Update gives back.
func TestUpdateErrors(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	o := b.create(Card{})
	mine := slice{"not comparable"}
	err := o.Update(func(o *OCard) error { o.SetTitle("x"); return mine })
	if got, ok := err.(slice); !ok || got[0] != mine[0] || o.Title() != "" {
		t.Errorf("got %v, title %q", err, o.Title())
	}
	ran := func(*OCard) error { t.Error("ran"); return nil }
	for name, opt := range map[string]CommitOption{
		"long author": By(strings.Repeat("x", driver.MaxBy+1)), "author": By("\xff"), "reason": Because("\xff"),
	} {
		var e *Error
		if err := o.Update(ran, opt); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err = o.Update(func(o *OCard) error { return o.Update(ran, By("x")) })
	if err == nil {
		t.Error("a nested Update took an author")
	}
}

// slice is an error that == cannot compare.
type slice []string

func (s slice) Error() string { return s[0] }
