package destam_test

import (
	"fmt"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// A copy of a note in another process, which would get the bytes over a
// connection: first the whole, then what has changed since, as one commit.
func ExampleNewDigest() {
	table, closeDB := openNotes()
	defer closeDB()
	elsewhere, closeOther := openNotes()
	defer closeOther()

	note, err := table.Create(ctx, notes.Note{Title: "Milk"})
	check(err)
	digest, first, err := destam.NewDigest(note)
	check(err)
	defer digest.Stop()
	other, err := destam.Adopt(ctx, elsewhere, first)
	check(err)

	note.SetTitle("Milk and bread")
	note.SetTitle("Milk and cheese")
	note.Tasks().Append(notes.Task{Text: "buy"})
	check(destam.Apply(other, digest.Flush()))
	fmt.Println(other.Title(), "-", other.Tasks().At(0).Text())
	fmt.Println("more to send:", digest.Flush() != nil)
	// Output:
	// Milk and cheese - buy
	// more to send: false
}

// What ann did is taken back; what bob has changed since is left alone.
func ExampleNewUndo() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{Title: "Milk"})
	check(err)
	undo := destam.NewUndo(note, &destam.UndoOptions{Author: "ann"})
	defer undo.Stop()

	check(note.Update(func(n *notes.ONote) error {
		n.SetTitle("Milk and bread")
		n.Tags().Append("food")
		return nil
	}, destam.By("ann")))
	check(note.Update(func(n *notes.ONote) error { n.SetTitle("Cheese"); return nil }, destam.By("bob")))

	_, skipped, err := undo.Undo(ctx)
	check(err)
	fmt.Println(note.Title(), note.Tags().Snapshot(), "left alone:", skipped[0].Path())
	// Output:
	// Cheese [] left alone: title
}
