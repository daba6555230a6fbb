package destam_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/examples/orders"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// The examples work with the notes of examples/quickstart, whose model is in
// examples/quickstart/notes/note.go.

var ctx = context.Background()

// openNotes gives an empty table of notes in memory, and what closes it.
func openNotes() (*notes.ONoteTable, func()) {
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	check(err)
	return notes.NoteTable(db), func() { check(db.Close(ctx)) }
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A store in a folder, a document in it, and the same document after the store
// was opened again.
func Example() {
	dir, err := os.MkdirTemp("", "notes")
	check(err)
	defer os.RemoveAll(dir)
	open := func() (*destam.DB, *notes.ONoteTable) {
		store, err := fs.Open(filepath.Join(dir, "data"), nil)
		check(err)
		db, err := destam.Open(ctx, store, nil) // db.Close closes the store too
		check(err)
		return db, notes.NoteTable(db)
	}

	db, table := open()
	note, err := table.Create(ctx, notes.Note{Title: "Milk"}) // accepted by the store
	check(err)
	note.SetTitle("Milk and bread") // seen at once, stored in the background
	note.Tasks().Append(notes.Task{Text: "buy"})
	check(note.Flush(ctx)) // from here on it survives a power failure
	fmt.Println("version", note.Version())
	check(db.Close(ctx))

	db, table = open()
	note, err = table.Get(ctx, note.ID())
	check(err)
	fmt.Println(note.Title(), "-", note.Tasks().At(0).Text())
	check(db.Close(ctx))
	// Output:
	// version 2
	// Milk and bread - buy
}

func ExampleDB_Close() {
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	check(err)
	note, err := notes.NoteTable(db).Create(ctx, notes.Note{Title: "Milk"})
	check(err)
	note.SetTitle("Milk and bread")
	check(db.Close(ctx)) // stores it

	fmt.Println(note.Title()) // what was shown last can be read
	fmt.Println(errors.Is(note.Flush(ctx), destam.ErrClosed))
	// Output:
	// Milk and bread
	// true
}

// A handle's Update method is all or nothing: an error takes back what the
// function has changed.
func ExampleUpdate() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{Title: "Milk", Tags: []string{"food"}})
	check(err)

	err = note.Update(func(n *notes.ONote) error { // only n is used in here
		n.SetTitle("Milk and bread")
		n.Tags().Append("today")
		return nil
	}, destam.By("ann"), destam.Because("the shop is open"))
	fmt.Println(err, note.Title(), note.Tags().Snapshot())

	full := errors.New("the basket is full")
	err = note.Update(func(n *notes.ONote) error {
		n.SetTitle("Milk, bread and cheese")
		n.Tags().Clear()
		return full
	})
	fmt.Println(err, "|", note.Title(), note.Tags().Snapshot())
	// Output:
	// <nil> Milk and bread [food today]
	// the basket is full | Milk and bread [food today]
}

// Watch calls a function with every commit: each setter is one, and an Update
// is one, whatever it changes.
func ExampleOObject_Watch() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{Title: "Milk"})
	check(err)

	stop := note.Watch(func(c *destam.Commit) { fmt.Println(c.By, c.Deltas) })
	note.SetTitle("Bread")
	note.Meta().Set("shop", "corner")
	check(note.Update(func(n *notes.ONote) error {
		n.SetTitle("Bread and milk")
		n.Meta().Delete("shop")
		return nil
	}, destam.By("ann")))
	check(destam.Settle(ctx, note)) // everything was heard
	stop()
	note.SetTitle("not heard")
	// Output:
	// [modify title: "Milk" to "Bread"]
	//  [insert meta.shop: "corner"]
	// ann [modify title: "Bread" to "Bread and milk" delete meta.shop]
}

// Changes yields commits to a loop, which may take its time.
func ExampleOObject_Changes() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{})
	check(err)

	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { // somebody who edits
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				note.SetTitle(fmt.Sprint("title ", i))
			}
		}
	})
	for commit, err := range note.Changes(ctx) {
		check(err)
		fmt.Println(commit.Deltas[0].Op(), commit.Deltas[0].Path())
		break // ends the subscription
	}
	close(stop)
	others.Wait()
	// Output:
	// modify title
}

// A lens leads to one place, or behind Each to one in every element, and tells
// its values before and after, whatever brought the change about.
func ExampleLens_Watch() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{Tasks: []notes.Task{{Text: "buy"}, {Text: "cook"}}})
	check(err)

	stop := note.Observe().Tasks().Each().Done().Watch(func(c destam.Change[bool]) {
		fmt.Println("was", c.Old, c.WasAbsent, "is", c.New, c.Absent)
	})
	defer stop()
	note.Tasks().At(1).SetDone(true)
	note.Tasks().Append(notes.Task{Text: "eat"})
	note.Tasks().Remove(0, 1)
	note.SetTitle("of no concern")
	check(destam.Settle(ctx, note))
	// Output:
	// was false false is true false
	// was false true is false false
	// was false false is false true
}

// Predicates begin at NoteWhere and lead along the fields of the query
// section: a typo does not compile.
func ExampleTable_Find() {
	table, closeDB := openNotes()
	defer closeDB()
	for _, n := range []notes.Note{
		{Title: "Milk", Query: notes.NoteQuery{Owner: "ann", Slug: "milk", Labels: []string{"home", "shop"}}},
		{Title: "Tax", Query: notes.NoteQuery{Owner: "ann", Slug: "tax", Profile: notes.Profile{Email: "tax@example.org"}}},
	} {
		_, err := table.Create(ctx, n)
		check(err)
	}

	where := notes.NoteWhere
	note, err := table.Find(ctx, where.Owner().Is("ann"), where.Labels().Has("home")) // both hold
	check(err)
	fmt.Println(note.Title())
	note, err = table.Find(ctx, where.Profile().Email().Is("tax@example.org"))
	check(err)
	fmt.Println(note.Title())
	_, err = table.Find(ctx, where.Owner().Is("bob"))
	fmt.Println(errors.Is(err, destam.ErrNotFound), err)
	// Output:
	// Milk
	// Tax
	// true destam: find notes: not found
}

// QueryAll reads query sections and nothing else of the documents. Predicates
// on an array of objects: Any holds for some element, each predicate for one
// of its own; Match asks for one element that meets all.
func ExampleTable_QueryAll() {
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	check(err)
	defer db.Close(ctx)
	table := orders.OrderTable(db)
	coupon := "SPRING"
	for i, q := range []orders.OrderQuery{
		{Customer: "ann", Items: []orders.Item{{SKU: "tea", Count: 1}, {SKU: "cup", Count: 2}}},
		{Customer: "bob", Items: []orders.Item{{SKU: "tea", Count: 2}}, Coupon: &coupon},
	} {
		q.Number = i + 1
		_, err := table.Create(ctx, orders.Order{Query: q})
		check(err)
	}

	list := func(what string, preds ...destam.Predicate[*orders.OOrder]) {
		fmt.Print(what, ":")
		for hit, err := range table.QueryAll(ctx, preds...) {
			check(err)
			fmt.Print(" ", hit.Query.Customer)
		}
		fmt.Println()
	}
	items := orders.OrderWhere.Items()
	list("all")
	list("some tea", items.Any().SKU().Is("tea"))
	list("some tea, and two of something", items.Any().SKU().Is("tea"), items.Any().Count().Is(2))
	list("two tea", items.Match(items.Any().SKU().Is("tea"), items.Any().Count().Is(2)))
	list("exactly one tea among them", items.Has(orders.Item{SKU: "tea", Count: 1}))
	list("no coupon", orders.OrderWhere.Coupon().Absent())
	list("the first", table.Limit(1))
	// Output:
	// all: ann bob
	// some tea: ann bob
	// some tea, and two of something: ann bob
	// two tea: bob
	// exactly one tea among them: ann
	// no coupon: ann
	// the first: ann
}

// Reuse finds, or creates what the predicates describe.
func ExampleTable_Reuse() {
	table, closeDB := openNotes()
	defer closeDB()

	inbox, err := table.Reuse(ctx, notes.NoteWhere.Slug().Is("inbox"), notes.NoteWhere.Labels().Has("home"))
	check(err)
	fmt.Println(inbox.Query().Slug(), inbox.Query().Labels().Snapshot())
	again, err := table.Reuse(ctx, notes.NoteWhere.Slug().Is("inbox"))
	check(err)
	fmt.Println(inbox == again) // one document, one handle
	// Output:
	// inbox [home]
	// true
}

// A unique value belongs to one document. Where it is taken, nothing changes.
func ExampleError() {
	table, closeDB := openNotes()
	defer closeDB()
	_, err := table.Create(ctx, notes.Note{Query: notes.NoteQuery{Slug: "milk"}})
	check(err)
	other, err := table.Create(ctx, notes.Note{Query: notes.NoteQuery{Slug: "bread"}})
	check(err)

	err = other.Query().SetSlug("milk") // the setter of a unique field returns an error
	var e *destam.Error
	if errors.As(err, &e) {
		fmt.Println(e.Op, e.Table, e.Path, e.ID == other.ID())
	}
	fmt.Println(errors.Is(err, destam.ErrTaken), other.Query().Slug())
	// Output:
	// set notes query.slug true
	// true bread
}

// Objects in an array keep their identity: a handle goes on leading to its
// object, wherever that is moved, and an object can be in two places.
func ExampleObjectArray() {
	table, closeDB := openNotes()
	defer closeDB()
	note, err := table.Create(ctx, notes.Note{Tasks: []notes.Task{{Text: "buy"}, {Text: "cook"}, {Text: "eat"}}})
	check(err)

	buy := note.Tasks().At(0)
	note.Tasks().Move(0, 2)
	buy.SetText("buy it")
	for i, task := range note.Tasks().All() {
		fmt.Println(i, task.Text(), task == buy)
	}
	check(note.Tasks().At(0).Sub().Link(0, buy)) // below the first task too
	buy.SetDone(true)
	fmt.Println(note.Tasks().At(0).Sub().At(0).Done())
	note.Tasks().Remove(2, 1)
	fmt.Println(destam.Detached(buy)) // it still has the other place
	// Output:
	// 0 cook false
	// 1 eat false
	// 2 buy it true
	// true
	// false
}

// Errors that have no caller reach OnError: here that of a setter after the
// document was deleted. Without it they are logged.
func ExampleOptions() {
	db, err := destam.Open(ctx, memory.Open(nil), &destam.Options{
		OnError: func(err error) { fmt.Println(errors.Is(err, destam.ErrDeleted)) },
	})
	check(err)
	defer db.Close(ctx)
	note, err := notes.NoteTable(db).Create(ctx, notes.Note{Title: "Milk"})
	check(err)
	check(note.Delete(ctx, destam.By("ann"), destam.Because("bought")))
	note.SetTitle("Bread")    // changes nothing
	fmt.Println(note.Title()) // what it was
	// Output:
	// true
	// Milk
}
