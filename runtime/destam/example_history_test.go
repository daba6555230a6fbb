package destam_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// written gives a note with three versions.
func written(table *notes.ONoteTable) *notes.ONote {
	note, err := table.Create(ctx, notes.Note{Title: "Milk"})
	check(err)
	check(note.Update(func(n *notes.ONote) error {
		n.SetTitle("Milk and bread")
		n.Tasks().Append(notes.Task{Text: "buy"})
		return nil
	}, destam.By("ann")))
	check(note.Flush(ctx))
	check(note.Update(func(n *notes.ONote) error {
		n.Tasks().At(0).SetDone(true)
		return nil
	}, destam.By("bob"), destam.Because("the shop was open")))
	check(note.Flush(ctx))
	return note
}

// Every stored commit is a version: who, why, and what it changed.
func ExampleODocument_History() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	for v, err := range note.History(ctx, destam.Backwards()) {
		check(err)
		if v.Event == destam.Created {
			fmt.Println(v.Number, v.Event)
			continue
		}
		fmt.Println(v.Number, v.Event, "by", v.By, v.Because, v.Deltas)
	}
	// Output:
	// 3 changed by bob the shop was open [modify tasks.0.done: false to true]
	// 2 changed by ann  [modify title: "Milk" to "Milk and bread" insert tasks.0: a notes.Task]
	// 1 created
}

// A document as of a version is a plain struct; the live one is not touched.
func ExampleTable_At() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	old, err := table.At(ctx, note.ID(), 2)
	check(err)
	fmt.Println(old.Title, old.Tasks[0].Done, note.Tasks().At(0).Done())
	_, err = table.At(ctx, note.ID(), 9)
	fmt.Println(errors.Is(err, destam.ErrNotFound))
	// Output:
	// Milk and bread false true
	// true
}

// Revert makes a new version with the state of an old one; Undo takes back what
// one version did, and leaves the others.
func ExampleODocument_Revert() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	check(note.Undo(ctx, 3, destam.By("cy")))
	fmt.Println(note.Title(), note.Tasks().At(0).Done())
	check(note.Revert(ctx, 1))
	fmt.Println(note.Title(), note.Tasks().Len())
	check(note.Flush(ctx))
	fmt.Println("version", note.Version())

	err := note.Undo(ctx, 2) // version 5 changed the title too
	fmt.Println(errors.Is(err, destam.ErrTouched))
	// Output:
	// Milk and bread false
	// Milk 0
	// version 5
	// true
}

// Blame tells of every field who last set it.
func ExampleBlame() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	blamed, err := destam.Blame(ctx, table, note.ID())
	check(err)
	for _, b := range blamed {
		if b.By != "" {
			fmt.Println(b.Path, "version", b.Version, "by", b.By)
		}
	}
	// Output:
	// title version 2 by ann
	// tasks.0 version 2 by ann
	// tasks.0.text version 2 by ann
	// tasks.0.done version 3 by bob
}

// Diff leads from one version to another, here back.
func ExampleDiff() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	diff, err := destam.Diff(ctx, table, note.ID(), 3, 1)
	check(err)
	for _, d := range diff.Deltas {
		fmt.Println(d)
	}
	// Unordered output:
	// modify title: "Milk and bread" to "Milk"
	// delete tasks.0
}

// Patches gives the history as JSON Patch, which other programs read.
func ExamplePatches() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	for p, err := range destam.Patches(ctx, table, note.ID(), destam.Versions(3, 3)) {
		check(err)
		text, err := json.Marshal(p.Ops)
		check(err)
		fmt.Println(p.Version.Number, string(text))
	}
	// Output:
	// 3 [{"op":"replace","path":"/tasks/0/done","value":true}]
}

// Transact reads and writes as one step, also when others write the document:
// the function runs again when somebody was quicker.
func ExampleTable_Transact() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	err := table.Transact(ctx, note.ID(), func(n *notes.ONote) error {
		n.SetTitle(fmt.Sprintf("%s (%d)", n.Title(), n.Tasks().Len()))
		return nil
	}, destam.By("ann"))
	check(err)
	fmt.Println(note.Title(), "version", note.Version())
	// Output:
	// Milk and bread (1) version 4
}

// A live query is exactly the documents for which its predicates hold.
func ExampleTable_Live() {
	table, closeDB := openNotes()
	defer closeDB()
	live, err := table.Live(ctx, notes.NoteWhere.Owner().Is("ann"))
	check(err)
	defer live.Close()
	note, err := table.Create(ctx, notes.Note{})
	check(err)
	fmt.Println(live.Len())
	note.Query().SetOwner("ann") // not stored yet, and seen
	fmt.Println(live.Len(), live.Has(note.ID()), live.All()[0].Query.Owner)
	note.Query().SetOwner("bob")
	fmt.Println(live.Len())
	// Output:
	// 0
	// 1 true ann
	// 0
}

// Delete hides a document, Restore brings it back, Purge erases it.
func ExampleTable_Restore() {
	table, closeDB := openNotes()
	defer closeDB()
	note := written(table)
	id := note.ID()
	check(note.Delete(ctx))
	_, err := table.Get(ctx, id)
	fmt.Println(errors.Is(err, destam.ErrNotFound))
	note, err = table.Restore(ctx, id)
	check(err)
	fmt.Println(note.Title())
	check(table.Purge(ctx, id))
	_, err = table.Restore(ctx, id)
	fmt.Println(errors.Is(err, destam.ErrNotFound))
	// Output:
	// true
	// Milk and bread
	// true
}

// OnCommit hears what the store has accepted: for an audit log, say.
func ExampleOnCommit() {
	table, closeDB := openNotes()
	defer closeDB()
	stop := destam.OnCommit(table, func(n *notes.ONote, v destam.Version) {
		fmt.Println(v.Number, v.Event, v.By, len(v.Deltas))
	})
	defer stop()
	written(table)
	// Output:
	// 1 created  0
	// 2 changed ann 2
	// 3 changed bob 1
}
