package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// A database does this for its user; here a driver is used as it is.
func Example() {
	ctx := context.Background()
	store := memory.Open(nil)
	defer store.Close(ctx)
	store.Attach(ctx)
	store.Declare(ctx, driver.Schema{Table: "notes", Unique: []string{"slug"}})

	section := driver.Object{{Name: "slug", Value: "inbox"}, {Name: "owner", Value: "ann"}}
	encoded, _ := driver.AppendValue(nil, section)
	first := driver.Commit{
		Table: "notes", ID: driver.ID{15: 1}, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange,
		Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Body: []byte("what was created"),
		Section: encoded, Held: driver.Held(section, []string{"slug"}),
	}
	second := first
	second.ID, second.Try = driver.ID{15: 2}, [16]byte{2}
	for _, r := range store.Append(ctx, []driver.Commit{first, second}) {
		fmt.Println(r.Err)
	}

	owner := driver.Predicate{Path: []string{"owner"}, Op: driver.OpIs, Value: "ann"}
	terms := driver.Needs([]driver.Predicate{owner})
	for head, err := range store.Find(ctx, "notes", driver.Query{Terms: terms}) {
		fmt.Println(head.ID, head.Seq, err)
	}
	// Output:
	// <nil>
	// value of unique field slug is taken by document 00000000000000000000000001
	// 00000000000000000000000001 1 <nil>
}
