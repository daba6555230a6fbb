package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Driver { return memory.Open(nil) }, nil)
}

// TestSharedDriver runs the suite on a store that is shared, while others come
// and go.
func TestSharedDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Driver {
		s := memory.Open(&memory.Options{Shared: true})
		other := s.Share()
		t.Cleanup(func() {
			if err := other.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return s.Share()
	}, nil)
}

// TestShare attaches and closes each of those who share a store on its own.
func TestShare(t *testing.T) {
	ctx := t.Context()
	a := memory.Open(&memory.Options{Shared: true})
	b := a.Share()
	for _, s := range []*memory.Store{a, b} {
		if err := s.Attach(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Attach(ctx); !errors.Is(err, driver.ErrAttached) {
			t.Fatalf("attached twice: %v", err)
		}
	}
	if err := a.Declare(ctx, driver.Schema{Table: "notes", Revision: 1}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.Sync(ctx); !errors.Is(err, driver.ErrClosed) {
		t.Errorf("a store that is closed: %v", err)
	}
	if n, err := b.Count(ctx, "notes", nil); n != 0 || err != nil {
		t.Errorf("the other: %d, %v", n, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a store that is not shared was")
		}
	}()
	memory.Open(nil).Share()
}

// TestOutdated makes a field unique by one of two stores: what the other knows
// of it was declared before.
func TestOutdated(t *testing.T) {
	older := memory.Open(&memory.Options{Shared: true})
	newer := older.Share()
	schema := driver.Schema{Table: "notes", Unique: []string{"slug"}, Revision: 1}
	for _, s := range []*memory.Store{older, newer} {
		if err := s.Declare(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
	c := driver.Commit{Table: "notes", ID: driver.ID{1}, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Time: time.Unix(1, 0).UTC(), Section: []byte{0x80}}
	if err := older.Append(t.Context(), []driver.Commit{c})[0].Err; err != nil {
		t.Fatal(err)
	}
	schema.Unique = []string{"owner", "slug"}
	if err := newer.Declare(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	c.ID = driver.ID{2}
	var outdated *driver.SchemaError
	if err := older.Append(t.Context(), []driver.Commit{c})[0].Err; !errors.As(err, &outdated) {
		t.Errorf("a commit by the schema of before: %v", err)
	}
	if err := newer.Append(t.Context(), []driver.Commit{c})[0].Err; err != nil {
		t.Error(err)
	}
}
