package destam_test

import (
	"encoding/json"
	"fmt"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// A query that comes from outside of the program.
func ExampleDynamic() {
	table, done := openNotes()
	defer done()
	_, err := table.Create(ctx, notes.Note{Title: "Milk", Query: notes.NoteQuery{
		Owner: "ann", Slug: "milk", Labels: []string{"home", "shop"}, Profile: notes.Profile{Email: "a@b.c"},
	}})
	check(err)

	for _, text := range []string{
		`{"owner": "ann", "labels": "shop", "profile.email": "a@b.c"}`,
		`{"owner": "ann", "lables": "shop"}`,
		`{}`,
	} {
		var query map[string]any
		check(json.Unmarshal([]byte(text), &query))
		n, err := destam.Count(ctx, table, destam.Dynamic(table, query)...)
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 0 <nil>
	// 1 <nil>
}
