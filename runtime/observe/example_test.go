package observe_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
)

// A value, what is computed from it, and an effect that follows it.
func Example() {
	name := observe.Mutable("ann")
	greeting := observe.Map(name, func(s string) string { return "hello " + s })
	stop := observe.Effect(greeting, func(s string, _ bool) (cleanup func()) {
		fmt.Println(s)
		return func() { fmt.Println("no longer", s) }
	})
	name.Set("bob")
	stop()
	name.Set("eve")
	// Output:
	// hello ann
	// no longer hello ann
	// hello bob
	// no longer hello bob
}

// Lenses of documents are sources: what is made from them follows the
// document, and what is set at the end goes into it.
func Example_document() {
	ctx := context.Background()
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close(ctx)
	note, err := notes.NoteTable(db).Create(ctx, notes.Note{Title: "milk"})
	if err != nil {
		log.Fatal(err)
	}

	headline := observe.TwoWay(note.Observe().Title(), strings.ToUpper, strings.ToLower)
	stop := headline.Watch(func(c observe.Change[string]) { fmt.Println(c.Old, "to", c.New) })
	defer stop()
	note.SetTitle("bread")
	headline.Set("CHEESE")
	fmt.Println(note.Title())
	// Output:
	// MILK to BREAD
	// BREAD to CHEESE
	// cheese
}

// Whole documents, arrays and maps of them are followed by what gives their
// value and what tells of their changes.
func ExampleFrom() {
	ctx := context.Background()
	db, err := destam.Open(ctx, memory.Open(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close(ctx)
	note, err := notes.NoteTable(db).Create(ctx, notes.Note{Tags: []string{"home"}})
	if err != nil {
		log.Fatal(err)
	}

	tags := observe.From(note.Tags().Snapshot, note.Tags().Watch)
	text := observe.Map(tags, func(tags []string) string { return strings.Join(tags, "+") })
	stop := text.Watch(func(c observe.Change[string]) { fmt.Println(c.New) })
	defer stop()
	note.Tags().Append("food")
	note.SetTitle("not a tag")
	// Output: home+food
}

// What is current can change: Unwrap follows whichever note was chosen.
func ExampleUnwrap() {
	a, b := observe.Mutable("a1"), observe.Mutable("b1")
	chosen := observe.Mutable(a)
	text := observe.Unwrap(chosen)
	stop := text.Watch(func(c observe.Change[string]) { fmt.Println(c.New) })
	defer stop()
	a.Set("a2")
	chosen.Set(b)
	a.Set("a3") // nobody looks
	text.Set("b2")
	// Output:
	// a2
	// b1
	// b2
}

func ExampleAll() {
	width, height := observe.Mutable(2), observe.Mutable(3)
	area := observe.Map(observe.All[int](width, height), func(v []int) int { return v[0] * v[1] })
	stop := area.Watch(func(c observe.Change[int]) { fmt.Println(c.New) })
	defer stop()
	width.Set(4)
	height.Set(5)
	// Output:
	// 12
	// 20
}

// A list with a selected row: each row watches whether it is the one, and only
// two of them hear of a change.
func ExampleSelector() {
	selected := observe.Mutable(1)
	s := observe.Select(selected)
	for row := range 4 {
		stop := s.At(row).Watch(func(c observe.Change[bool]) { fmt.Println("row", row, c.New) })
		defer stop()
	}
	selected.Set(3)
	s.At(2).Set(true)
	// Output:
	// row 1 false
	// row 3 true
	// row 3 false
	// row 2 true
}

// One computation for many watchers.
func ExampleMemo() {
	c := observe.Mutable(1)
	square := observe.Memo(observe.Map(c, func(v int) int {
		fmt.Println("computing")
		return v * v
	}))
	for range 3 {
		stop := square.Watch(func(c observe.Change[int]) { fmt.Println(c.New) })
		defer stop()
	}
	c.Set(2)
	// Output:
	// computing
	// computing
	// 4
	// 4
	// 4
}

func ExampleDefault() {
	var name observe.Cell[string]
	shown := observe.Default(&name, "nobody")
	stop := shown.Watch(func(c observe.Change[string]) { fmt.Println(c.New) })
	defer stop()
	name.Set("ann")
	name.Clear()
	// Output:
	// ann
	// nobody
}

// A connection that is there while somebody listens.
func ExampleLifetime() {
	price := observe.Mutable(10)
	live := observe.Lifetime(price, func() (end func()) {
		fmt.Println("connect")
		return func() { fmt.Println("disconnect") }
	})
	stop := live.Watch(func(c observe.Change[int]) { fmt.Println(c.New) })
	price.Set(11)
	stop()
	// Output:
	// connect
	// 11
	// disconnect
}

func ExampleDefined() {
	var answer observe.Cell[int]
	go answer.Set(42)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(observe.Defined(ctx, &answer, func(v int) bool { return v > 40 }))
	// Output: 42 <nil>
}

// What is typed is heard when the typing pauses.
func ExampleWait() {
	typed := observe.Mutable("")
	stop := observe.Wait(typed, time.Hour).Watch(func(c observe.Change[string]) { fmt.Println(c.New) })
	for _, s := range []string{"m", "mi", "milk"} {
		typed.Set(s)
	}
	stop() // tells what waits
	// Output: milk
}
