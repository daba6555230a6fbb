package destam

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestOneTypeATable uses one table with two types.
func TestOneTypeATable(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	b.create(Card{})
	other := newTable(b.DB, reflect.TypeFor[*OMemo](), reflect.TypeFor[Memo](), reflect.TypeFor[struct{}]())
	other.name = "cards"
	for range 2 {
		if err := other.ready(ctx); err == nil || !strings.Contains(err.Error(), "Memo") {
			t.Errorf("got %v", err)
		}
	}
	if CardTable(b.DB) != b.cards {
		t.Error("a table is made twice")
	}
}

// TestSchemaRefused declares a table that contradicts the store: that is the
// error of every operation on it, and of no other.
func TestSchemaRefused(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		if err := d.Declare(ctx, driver.Schema{Table: "memos", Unique: []string{"more"}}); err != nil {
			t.Fatal(err)
		}
		b := open(t, d, nil)
		memos := MemoTable(b.DB)
		var schema *driver.SchemaError
		_, err := memos.Create(ctx, Memo{})
		_, err2 := memos.Find(ctx)
		for _, err := range []error{err, err2, memos.Delete(ctx, ID{1}), memos.Flush(ctx, ID{1})} {
			if !errors.As(err, &schema) {
				t.Errorf("got %v", err)
			}
		}
		b.create(Card{})
	})
}
