// Quickstart imports notes into a store in a folder, finds some, edits one
// while a listener looks on, and shows that everything is there after the
// store was closed and opened again.
//
//	go run ./examples/quickstart -dir DIR [-import FILE.json]
//
// Run it twice: the second time it finds what the first one stored.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

//go:embed notes.json
var shipped []byte

func main() {
	dir := flag.String("dir", "", "the folder of the store; it is made if need be")
	file := flag.String("import", "", "a JSON export of notes to import instead of the shipped one")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: quickstart -dir DIR [-import FILE.json]")
		os.Exit(2)
	}
	// On an interrupt the store is closed as at the end: nothing is lost.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *dir, *file); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir, file string) error {
	name, data := "notes.json", shipped
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return err
		}
		name = file
	}
	all, err := parse(name, data)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s holds no note: there is nothing to show", name)
	}
	if err := first(ctx, out, dir, all); err != nil {
		return err
	}
	return second(ctx, out, dir, all[0].Query.Slug)
}

// withTable opens the store for as long as use runs. Closing it stores what
// is still on its way, so its error counts.
func withTable(ctx context.Context, dir string, use func(*notes.ONoteTable) error) (err error) {
	store, err := fs.Open(dir, nil)
	if err != nil {
		return err
	}
	db, err := destam.Open(ctx, store, nil)
	if err != nil {
		return errors.Join(err, store.Close(ctx))
	}
	defer func() { err = errors.Join(err, db.Close(context.WithoutCancel(ctx))) }()
	return use(notes.NoteTable(db))
}

// first imports, finds and edits.
func first(ctx context.Context, out io.Writer, dir string, all []notes.Note) error {
	return withTable(ctx, dir, func(table *notes.ONoteTable) error {
		created, err := importNotes(ctx, table, all)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "imported %d notes\n", created)
		count, err := destam.Count(ctx, table)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "found %d notes\n", count)
		if err := find(ctx, out, table, all[0].Query); err != nil {
			return err
		}
		return edit(ctx, out, table, all[0].Query.Slug)
	})
}

// find asks by an owner, by a label, and by a field of a nested object.
func find(ctx context.Context, out io.Writer, table *notes.ONoteTable, like notes.NoteQuery) error {
	where := notes.NoteWhere
	list := func(what string, preds ...destam.Predicate[*notes.ONote]) error {
		var slugs []string
		for hit, err := range table.QueryAll(ctx, preds...) {
			if err != nil {
				return err
			}
			slugs = append(slugs, hit.Query.Slug)
		}
		fmt.Fprintf(out, "%s: %s\n", what, some(slugs))
		return nil
	}
	fmt.Fprintln(out, "\nlooking for notes")
	if err := list("  of "+like.Owner, where.Owner().Is(like.Owner)); err != nil {
		return err
	}
	if len(like.Labels) > 0 {
		l := like.Labels[0]
		if err := list("  with the label "+l, where.Labels().Has(l)); err != nil {
			return err
		}
		if err := list("  of "+like.Owner+" with the label "+l, where.Owner().Is(like.Owner), where.Labels().Has(l)); err != nil {
			return err
		}
	}
	return list("  about "+like.Profile.Email, where.Profile().Email().Is(like.Profile.Email))
}

// some names the first few of many.
func some(names []string) string {
	const few = 4
	s := strings.Join(names[:min(few, len(names))], ", ")
	if more := len(names) - few; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// edit changes one note by setters and by one Update. All of it can be done
// again: what is there already changes nothing, and makes no version.
func edit(ctx context.Context, out io.Writer, table *notes.ONoteTable, slug string) error {
	note, err := table.Find(ctx, notes.NoteWhere.Slug().Is(slug))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nediting %s, version %d\n", slug, note.Version())
	stop := note.Watch(func(c *destam.Commit) { show(out, c) })
	defer stop()
	typing := note.Observe().Typing().WatchCommit(func(c *destam.Commit) { show(out, c) })
	defer typing()

	note.SetTyping(true) // heard by who asks for it, and never stored
	note.SetTitle("Milk and bread")
	note.Meta().Set("edited", "yes")
	if note.Tasks().Len() > 0 {
		note.Tasks().At(0).SetDone(true)
	}
	if err := note.Flush(ctx); err != nil { // from here on it survives a power failure
		return err
	}
	err = note.Update(func(n *notes.ONote) error { // all or nothing, one version
		n.Query().Profile().SetAdmin(true)
		n.Tags().Assign([]string{"food", "today"})
		for _, t := range n.Tasks().All() {
			if t.Text() == "buy bread" {
				return nil
			}
		}
		n.Tasks().Append(notes.Task{Text: "buy bread", Sub: []notes.Task{{Text: "rye"}}})
		return nil
	}, destam.By("ann"), destam.Because("the shop is open"))
	if err != nil {
		return err
	}
	failed := note.Update(func(n *notes.ONote) error {
		n.SetTitle("never seen")
		return errors.New("changed my mind")
	})
	fmt.Fprintf(out, "  an update that fails changes nothing: %v\n", failed)
	if err := destam.Settle(ctx, note); err != nil { // all listeners have heard all
		return err
	}
	return note.Flush(ctx)
}

// show prints what a listener hears.
func show(out io.Writer, c *destam.Commit) {
	if c.By != "" {
		fmt.Fprintf(out, "  by %s, because %s:\n", c.By, c.Because)
	}
	for _, d := range c.Deltas {
		fmt.Fprintf(out, "  %s %s: %s\n", d.Op(), d.Path(), change(d))
	}
}

// change shows a delta's values.
func change(d destam.Delta) string {
	switch d.Op() {
	case destam.Insert:
		return text(d.New())
	case destam.Delete:
		return text(d.Old()) + " is gone"
	}
	return text(d.Old()) + " is now " + text(d.New())
}

func text(v any) string {
	switch v := v.(type) {
	case notes.Task:
		return fmt.Sprintf("the task %q with %d below", v.Text, len(v.Sub))
	case *notes.OTask:
		return fmt.Sprintf("the task %q", v.Text())
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// second opens the store again and shows that all is there.
func second(ctx context.Context, out io.Writer, dir, slug string) error {
	fmt.Fprintln(out, "\nclosed, and opened again")
	return withTable(ctx, dir, func(table *notes.ONoteTable) error {
		count, err := destam.Count(ctx, table)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "found %d notes\n", count)
		hit, err := table.Query(ctx, notes.NoteWhere.Slug().Is(slug)) // reads no content yet
		if err != nil {
			return err
		}
		note, err := table.Instance(ctx, hit)
		if err != nil {
			return err
		}
		v := note.Snapshot()
		fmt.Fprintf(out, "%s: %q, tagged %s\n", v.Query.Slug, v.Title, strings.Join(v.Tags, " and "))
		printTasks(out, v.Tasks, "  ")
		fmt.Fprintf(out, "versions: %d\n", note.Version())
		return nil
	})
}

func printTasks(out io.Writer, ts []notes.Task, indent string) {
	for _, t := range ts {
		done := " "
		if t.Done {
			done = "x"
		}
		fmt.Fprintf(out, "%s[%s] %s\n", indent, done, t.Text)
		printTasks(out, t.Sub, indent+"  ")
	}
}
