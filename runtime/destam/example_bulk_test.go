package destam_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// An export is text that people can read, and write.
func ExampleImport() {
	ctx := context.Background()
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	if err != nil {
		panic(err)
	}
	defer db.Close(ctx)
	text := `{"destam":"export","format":1,"table":"notes"}
{"document":{"title":"Milk","query":{"owner":"ann","slug":"milk"},"tags":["home"]}}
{"document":{"titel":"Bread"}}
{"end":{}}`
	_, err = destam.Import(ctx, notes.NoteTable(db), strings.NewReader(text), nil)
	fmt.Println(err)
	// Output:
	// destam: import notes: line 3: titel: no field that is stored has this name; what another program knows stands in $unknown
}

// With history every version goes along, and comes back as it was.
func ExampleExport() {
	ctx := context.Background()
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	if err != nil {
		panic(err)
	}
	defer db.Close(ctx)
	note, err := notes.NoteTable(db).Create(ctx, notes.Note{Title: "Milk"})
	if err != nil {
		panic(err)
	}
	note.SetTitle("Milk and bread")

	var file bytes.Buffer
	if _, err := destam.Export(ctx, notes.NoteTable(db), &file, &destam.ExportOptions{History: true}); err != nil {
		panic(err)
	}
	other, err := destam.Open(ctx, memory.Open(nil), nil)
	if err != nil {
		panic(err)
	}
	defer other.Close(ctx)
	done, err := destam.Import(ctx, notes.NoteTable(other), &file, nil)
	fmt.Println(done.Documents, done.Commits, err)
	first, err := notes.NoteTable(other).At(ctx, note.ID(), 1)
	fmt.Println(first.Title, err)
	// Output:
	// 1 2 <nil>
	// Milk <nil>
}

// A store is copied to another driver without the types of its documents.
func ExampleCopy() {
	ctx := context.Background()
	from, to := memory.Open(nil), memory.Open(nil) // fs and mongodb, say
	db, err := destam.Open(ctx, from, nil)
	if err != nil {
		panic(err)
	}
	defer db.Close(ctx)
	if _, err := notes.NoteTable(db).Create(ctx, notes.Note{Title: "Milk"}); err != nil {
		panic(err)
	}

	done, err := destam.Copy(ctx, from, to, nil)
	fmt.Println(done.Documents, done.Commits, err)

	copied, err := destam.Open(ctx, to, nil)
	if err != nil {
		panic(err)
	}
	defer copied.Close(ctx)
	for finding, err := range destam.Verify(ctx, copied, nil) {
		fmt.Println(finding, err) // nothing
	}
	// Output:
	// 1 1 <nil>
}
