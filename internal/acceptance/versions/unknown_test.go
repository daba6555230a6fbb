package versions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v1"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v2"
	"github.com/destam-go/destamgen/runtime/destam"
)

// pair is a document that two programs have at once, over one store. The old
// one does not know the query section's year, the boss, the people, nor what is
// done and below a task, at every depth.
type pair struct {
	t   *testing.T
	old *v1.ONote
	new *v2.ONote
}

func open2(t *testing.T, note v2.Note) *pair {
	ctx := context.Background()
	store := memory.Open(&memory.Options{Shared: true})
	p := &pair{t: t}
	opts := &destam.Options{Window: time.Hour, OnError: func(err error) { t.Error(err) }, OnConflict: func(destam.Conflict) {}}
	dbs := [2]*destam.DB{}
	for i, s := range []*memory.Store{store, store.Share()} {
		db, err := destam.Open(ctx, s, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(ctx); err != nil {
				t.Error(err)
			}
		})
		dbs[i] = db
	}
	var err error
	if p.new, err = v2.NoteTable(dbs[1]).Create(ctx, note); err == nil {
		p.old, err = v1.NoteTable(dbs[0]).Get(ctx, p.new.ID())
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flush stores what both have, and waits until both have it all.
func (p *pair) flush() {
	p.t.Helper()
	ctx := context.Background()
	for range 2 {
		if err := p.new.Flush(ctx); err != nil {
			p.t.Fatal(err)
		}
		if err := p.old.Flush(ctx); err != nil {
			p.t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); p.new.Version() != p.old.Version(); runtime.Gosched() {
		if time.Now().After(deadline) {
			p.t.Fatalf("versions %d and %d", p.new.Version(), p.old.Version())
		}
	}
}

// is holds that the new program shows want, and the old one what it knows of it.
func (p *pair) is(what string, want v2.Note) {
	p.t.Helper()
	p.flush()
	if got := p.new.Snapshot(); !reflect.DeepEqual(tidy(got), tidy(want)) {
		p.t.Fatalf("%s: the new program shows\n%+v, not\n%+v", what, got, want)
	}
	if got := p.old.Snapshot(); !reflect.DeepEqual(plain1(got), plain2(want)) {
		p.t.Fatalf("%s: the old program shows\n%+v of\n%+v", what, got, want)
	}
}

// tidy makes what is empty nil.
func tidy(n v2.Note) v2.Note {
	n.Tasks = tidyTasks(n.Tasks)
	if len(n.Tags) == 0 {
		n.Tags = nil
	}
	return n
}

func tidyTasks(ts []v2.Task) (tidied []v2.Task) {
	for _, t := range ts {
		t.Sub = tidyTasks(t.Sub)
		tidied = append(tidied, t)
	}
	return tidied
}

func full() v2.Note {
	year := 2026
	return v2.Note{
		Query: v2.NoteQuery{Owner: "ann", Slug: "s", Year: &year}, Title: "t", Tags: []string{"x"},
		Boss: &v2.Person{Name: "eve"}, People: map[string]v2.Person{"a": {Name: "al"}}, Meta: map[string]int{"k": 1},
		Tasks: []v2.Task{
			{Text: "0", Done: true, Sub: []v2.Task{{Text: "00", Done: true, Sub: []v2.Task{{Text: "000"}}}}},
			{Text: "1", Sub: []v2.Task{{Text: "10", Done: true}}},
			{Text: "2", Done: true},
		},
	}
}

// TestUnknownSurvives has a program that does not know fields, at every depth,
// assign, revert, undo and rebase: what it does not know is what it was.
func TestUnknownSurvives(t *testing.T) {
	ctx := context.Background()
	t.Run("Assign", func(t *testing.T) {
		p, want := open2(t, full()), full()
		v := p.old.Snapshot()
		v.Title, v.Query.Owner, v.Tasks[1].Text = "T", "bob", "one"
		v.Tasks = append(v.Tasks[:2], v1.Task{Text: "new"}) // the last goes, one comes
		p.old.Assign(v)
		want.Title, want.Query.Owner, want.Tasks[1].Text = "T", "bob", "one"
		want.Tasks[2].Text = "new"
		got := p.settled()
		want.Tasks[2] = got.Tasks[2] // changed, or another: either is the smallest
		p.is("Assign", want)
	})
	t.Run("Revert", func(t *testing.T) {
		p, want := open2(t, full()), full()
		p.old.SetTitle("later")
		p.old.Tasks().Remove(0, 1)
		p.old.Tasks().At(0).SetText("later")
		p.flush()
		p.new.Tasks().At(0).Sub().At(0).SetText("newer") // what comes back is as of then, what is there as of now
		p.new.SetBoss(v2.Person{Name: "newer"})
		want.Tasks[1].Sub[0].Text, want.Boss.Name = "newer", "newer"
		p.flush()
		if err := p.old.Revert(ctx, 1); err != nil {
			t.Fatal(err)
		}
		p.is("Revert", want)
	})
	t.Run("Undo", func(t *testing.T) {
		p, want := open2(t, full()), full()
		p.old.Tasks().Remove(0, 1)
		p.flush()
		version := p.old.Version()
		p.new.Query().SetYear(1)
		p.flush()
		year := 1
		want.Query.Year = &year
		if err := p.old.Undo(ctx, version); err != nil {
			t.Fatal(err)
		}
		p.is("Undo", want)
	})
	t.Run("rebase", func(t *testing.T) {
		p, want := open2(t, full()), full()
		p.old.SetTitle("old")
		p.old.Tasks().At(0).SetText("old")
		if err := p.old.Update(func(o *v1.ONote) error {
			o.Tasks().Move(0, 2)
			o.Query().SetOwner("old")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p.new.Tasks().At(0).Sub().At(0).Sub().At(0).SetText("new")
		p.new.Tasks().At(0).SetDone(false)
		p.new.People().Set("b", v2.Person{Name: "new"})
		p.new.ClearBoss()
		p.new.Query().SetYear(7)
		if err := p.new.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		year := 7
		want.Title, want.Query.Owner, want.Query.Year, want.Boss = "old", "old", &year, nil
		want.People["b"] = v2.Person{Name: "new"}
		want.Tasks[0].Text, want.Tasks[0].Done, want.Tasks[0].Sub[0].Sub[0].Text = "old", false, "new"
		want.Tasks = []v2.Task{want.Tasks[1], want.Tasks[2], want.Tasks[0]}
		p.is("rebase", want)
	})
}

// settled gives what the new program shows when both have all.
func (p *pair) settled() v2.Note {
	p.t.Helper()
	p.flush()
	return p.new.Snapshot()
}

// TestUnknownAtRandom has both programs change what they know, at once, with
// reverts in between, and compares what the old one must not touch.
func TestUnknownAtRandom(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 8))
		p := open2(t, full())
		for step := range 40 {
			before := p.new.Snapshot()
			switch r.IntN(4) {
			case 0:
				v := p.old.Snapshot()
				v.Title = fmt.Sprint("title ", step)
				for i := range v.Tasks {
					v.Tasks[i].Text += "."
				}
				p.old.Assign(v)
			case 1:
				p.old.Tasks().Move(r.IntN(3), r.IntN(3))
			case 2:
				if err := p.old.Revert(ctx, 1+r.Uint64N(p.old.Version())); err != nil {
					t.Fatal(err)
				}
			case 3: // the other program, at once with the old one
				p.old.SetTitle(fmt.Sprint("old ", step))
				p.new.Tasks().At(r.IntN(3)).Sub().Append(v2.Task{Text: fmt.Sprint(step), Done: true})
				p.new.Query().SetYear(step)
				before = p.new.Snapshot()
			}
			p.flush()
			after := p.new.Snapshot()
			if unknown(before) != unknown(after) {
				t.Fatalf("seed %d, step %d: unknown to the old program was\n%s, and is\n%s", seed, step, unknown(before), unknown(after))
			}
		}
	}
}

// unknown tells what the old program does not know, wherever its tasks are.
func unknown(n v2.Note) string {
	year := -1
	if n.Query.Year != nil {
		year = *n.Query.Year
	}
	tasks := map[string]int{}
	for _, task := range n.Tasks {
		tasks[fmt.Sprint(task.Done, task.Sub)]++
	}
	return fmt.Sprint(year, n.Boss, n.People, n.Pinned, tasks)
}
