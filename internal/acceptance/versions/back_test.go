package versions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/internal/acceptance/versions/author"
	"github.com/destam-go/destamgen/internal/acceptance/versions/person"
	"github.com/destam-go/destamgen/runtime/destam"
)

// page is a page as one of two programs has it.
type page interface {
	destam.Handle
	ID() destam.ID
	Version() uint64
	Flush(context.Context) error
	Revert(context.Context, uint64, ...destam.CommitOption) error
	Undo(context.Context, uint64, ...destam.CommitOption) error
}

// sight is what one of two programs sees of one page.
type sight struct {
	name     string
	get      func(*testing.T, *destam.DB, destam.ID) page
	edit     func(*rand.Rand, page)
	snapshot func(page) any
	at       func(*testing.T, *destam.DB, destam.ID, uint64) any
	transact func(*testing.T, *destam.DB, destam.ID, func(page) error) error
}

var sights = []sight{{
	name: "the older program",
	get: func(t *testing.T, db *destam.DB, id destam.ID) page {
		o, err := author.PageTable(db).Get(t.Context(), id)
		must(err)
		return o
	},
	edit:     func(r *rand.Rand, p page) { write(r, p.(*author.OPage)) },
	snapshot: func(p page) any { return p.(*author.OPage).Snapshot() },
	at: func(t *testing.T, db *destam.DB, id destam.ID, version uint64) any {
		v, err := author.PageTable(db).At(t.Context(), id, version)
		must(err)
		return v
	},
	transact: func(t *testing.T, db *destam.DB, id destam.ID, fn func(page) error) error {
		return author.PageTable(db).Transact(t.Context(), id, func(o *author.OPage) error { return fn(o) })
	},
}, {
	name: "the newer program",
	get: func(t *testing.T, db *destam.DB, id destam.ID) page {
		o, err := person.PageTable(db).Get(t.Context(), id)
		must(err)
		return o
	},
	edit: func(r *rand.Rand, p page) {
		o := p.(*person.OPage)
		newerEdit(r, o, &author.Page{Notes: make([]author.Note, o.Notes().Len())})
	},
	snapshot: func(p page) any { return p.(*person.OPage).Snapshot() },
	at: func(t *testing.T, db *destam.DB, id destam.ID, version uint64) any {
		v, err := person.PageTable(db).At(t.Context(), id, version)
		must(err)
		return v
	},
	transact: func(t *testing.T, db *destam.DB, id destam.ID, fn func(page) error) error {
		return person.PageTable(db).Transact(t.Context(), id, func(o *person.OPage) error { return fn(o) })
	},
}}

// TestPersonsBack has both programs write one page in turns, and go back and
// forth in what both wrote: to any version (Revert), by one version (Undo), and
// by steps of their own (NewUndo). Each comes to where it was, stays there when it
// opens the store again, and the other one reads it.
func TestPersonsBack(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			seeds, turns := uint64(8), 40
			if name == "fs" { // which is slow to open
				seeds, turns = 2, 15
			}
			for seed := range seeds {
				open, r := store(t), rand.New(rand.NewPCG(seed, 12))
				var id destam.ID
				program(t, open, func(db *destam.DB) {
					o, err := author.PageTable(db).Create(t.Context(), author.Page{Author: somebody(r)})
					must(err)
					id = o.ID()
				})
				last := map[string]any{} // what a program had, until the other one wrote
				for turn := range turns {
					s := sights[r.IntN(2)]
					program(t, open, func(db *destam.DB) {
						p := s.get(t, db, id)
						g := going{t, r, s, db, p, fmt.Sprintf("seed %d turn %d: %s", seed, turn, s.name)}
						g.equal("opens it", s.snapshot(p), s.at(t, db, id, p.Version()))
						if had := last[s.name]; had != nil {
							g.equal("opens it again", s.snapshot(p), had)
						}
						switch r.IntN(5) {
						case 0:
							g.revert()
						case 1:
							g.undo()
						case 2:
							g.steps()
						default:
							for range 1 + r.IntN(10) {
								s.edit(r, p)
								must(p.Flush(t.Context()))
							}
						}
						clear(last)
						last[s.name] = s.snapshot(p)
					})
				}
			}
		})
	}
}

// going is one program that goes back.
type going struct {
	t    *testing.T
	r    *rand.Rand
	s    sight
	db   *destam.DB
	p    page
	what string
}

func (g *going) equal(what string, got, want any) {
	g.t.Helper()
	if !reflect.DeepEqual(got, want) {
		g.t.Fatalf("%s %s:\n got %+v\nwant %+v", g.what, what, got, want)
	}
}

// now is what the program has, with all of it stored.
func (g *going) now() any {
	g.t.Helper()
	must(g.p.Flush(g.t.Context()))
	return g.s.snapshot(g.p)
}

// revert goes to a version and, by taking that back, to where it was.
func (g *going) revert() {
	was, head := g.now(), g.p.Version()
	to := 1 + g.r.Uint64N(head)
	want := g.s.at(g.t, g.db, g.p.ID(), to)
	must(g.p.Revert(g.t.Context(), to))
	g.equal(fmt.Sprintf("reverts to %d of %d", to, head), g.now(), want)
	if g.p.Version() > head && g.r.IntN(2) == 0 {
		must(g.p.Undo(g.t.Context(), g.p.Version()))
		g.equal(fmt.Sprintf("undoes reverting to %d of %d", to, head), g.now(), was)
	}
}

// undo takes back the newest version, whoever made it, and then that.
func (g *going) undo() {
	was, head := g.now(), g.p.Version()
	if head == 1 {
		return
	}
	want := g.s.at(g.t, g.db, g.p.ID(), head-1)
	err := g.p.Undo(g.t.Context(), head)
	if errors.Is(err, destam.ErrTouched) && strings.Contains(err.Error(), "this program does not know") {
		err = g.p.Undo(g.t.Context(), head, destam.Force())
	}
	must(err)
	g.equal(fmt.Sprintf("undoes %d", head), g.now(), want)
	if g.p.Version() > head {
		must(g.p.Undo(g.t.Context(), g.p.Version()))
		g.equal(fmt.Sprintf("undoes undoing %d", head), g.now(), was)
	}
}

// steps makes some, takes them back and makes them again.
func (g *going) steps() {
	u := destam.NewUndo(g.p, nil)
	defer u.Stop()
	states := []any{g.now()}
	for range 1 + g.r.IntN(10) {
		had, _ := u.Steps()
		g.s.edit(g.r, g.p)
		now := g.now()
		must(destam.Settle(g.t.Context(), g.p))
		switch has, _ := u.Steps(); has - had {
		case 0:
		case 1:
			states = append(states, now)
		default: // an edit of several setters
			for range has - had {
				ok, _, err := u.Undo(g.t.Context())
				if must(err); !ok {
					g.t.Fatal("no step")
				}
			}
		}
	}
	go1 := func(what string, step func(context.Context, ...destam.CommitOption) (bool, []destam.Delta, error), want any) {
		g.t.Helper()
		ok, skipped, err := step(g.t.Context())
		if must(err); !ok || len(skipped) > 0 {
			g.t.Fatalf("%s %s: %v, and skips %v", g.what, what, ok, skipped)
		}
		g.equal(what, g.now(), want)
	}
	last := len(states) - 1
	for i := last - 1; i >= 0; i-- {
		go1(fmt.Sprint("takes back step ", i), u.Undo, states[i])
	}
	if g.r.IntN(2) == 0 {
		for i := 1; i <= last; i++ {
			go1(fmt.Sprint("makes again step ", i), u.Redo, states[i])
		}
	}
}

// TestPersonsComesBack has the newer program bring back an object that the older
// one has never missed: what it wrote in its place under the former name is
// nothing to it.
func TestPersonsComesBack(t *testing.T) {
	open := stores["memory"](t)
	var id destam.ID
	older := func(do func(o *author.OPage)) {
		t.Helper()
		program(t, open, func(db *destam.DB) {
			o, err := author.PageTable(db).Get(t.Context(), id)
			must(err)
			do(o)
			must(o.Flush(t.Context()))
		})
	}
	newer := func(do func(o *person.OPage)) {
		t.Helper()
		program(t, open, func(db *destam.DB) {
			o, err := person.PageTable(db).Get(t.Context(), id)
			must(err)
			do(o)
			must(o.Flush(t.Context()))
		})
	}
	mail := func(want string) {
		t.Helper()
		newer(func(o *person.OPage) {
			if got, _ := o.Critic().Mail(); got != want {
				t.Errorf("the critic has %q, want %q", got, want)
			}
		})
	}
	program(t, open, func(db *destam.DB) {
		o, err := author.PageTable(db).Create(t.Context(), author.Page{})
		must(err)
		id = o.ID()
	})
	var there uint64
	newer(func(o *person.OPage) {
		o.SetCritic(person.Of("ann lee ann@lee"))
		must(o.Flush(t.Context()))
		there = o.Version()
	})
	older(func(o *author.OPage) { o.SetCritic("bob ray bob@ray") })
	mail("bob@ray")
	newer(func(o *person.OPage) { must(o.Revert(t.Context(), there)) })
	mail("ann@lee")
	older(func(o *author.OPage) {
		if critic, _ := o.Critic(); critic != "bob ray bob@ray" {
			t.Errorf("the older program has %q", critic)
		}
		err := o.Undo(t.Context(), o.Version())
		if !errors.Is(err, destam.ErrTouched) || !strings.Contains(err.Error(), "this program does not know judge ") {
			t.Errorf("taking back what only the newer program knows gives %v", err)
		}
		must(o.Undo(t.Context(), o.Version(), destam.Force()))
		o.SetText("both know it")
	})
	newer(func(o *person.OPage) { o.Critic().SetMail("new@lee") })
	older(func(o *author.OPage) { o.SetText("again") })
	mail("new@lee")
}

// TestPersonsBothBack is TestPersonsBack with both programs at once on one store:
// each goes back where the other one has written meanwhile, or stores what it has
// made of the newest version (Transact).
func TestPersonsBothBack(t *testing.T) {
	for seed := range uint64(8) {
		bothBack(t, rand.New(rand.NewPCG(seed, 13)))
	}
}

func bothBack(t *testing.T, r *rand.Rand) {
	open := stores["memory"](t)
	conflict := func(err error) bool { return errors.Is(err, destam.ErrConflict) || errors.Is(err, destam.ErrDropped) }
	var (
		dbs   [2]*destam.DB
		ps    [2]page
		undos [2]*destam.Undo
	)
	for i := range dbs {
		store, err := open()
		must(err)
		dbs[i], err = destam.Open(t.Context(), store, &destam.Options{
			OnConflict: func(destam.Conflict) {},
			OnError: func(err error) {
				if !conflict(err) {
					t.Error(err)
				}
			},
		})
		must(err)
		defer func() { must(dbs[i].Close(context.WithoutCancel(t.Context()))) }()
	}
	o, err := author.PageTable(dbs[0]).Create(t.Context(), author.Page{Author: somebody(r)})
	must(err)
	id := o.ID()
	for i, s := range sights {
		ps[i] = s.get(t, dbs[i], id)
		undos[i] = destam.NewUndo(ps[i], nil)
		defer undos[i].Stop()
	}
	tried := func(err error) {
		t.Helper()
		if err != nil && !conflict(err) {
			t.Fatal(err)
		}
	}
	for step := range 60 {
		i := r.IntN(2)
		s, p := sights[i], ps[i]
		what := fmt.Sprintf("step %d: %s", step, s.name)
		switch r.IntN(8) {
		case 0:
			tried(p.Flush(t.Context()))
			tried(p.Revert(t.Context(), 1+r.Uint64N(p.Version())))
		case 1, 2:
			_, _, err := undos[i].Undo(t.Context())
			tried(err)
		case 3:
			_, _, err := undos[i].Redo(t.Context())
			tried(err)
		case 4:
			var want any
			tried(p.Flush(t.Context()))
			must(s.transact(t, dbs[i], id, func(p page) error {
				s.edit(r, p)
				want = s.snapshot(p)
				return nil
			}))
			if got := s.at(t, dbs[i], id, p.Version()); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s transacts:\n got %+v\nwant %+v", what, got, want)
			}
		default:
			s.edit(r, p)
		}
		for err := p.Flush(t.Context()); err != nil; err = p.Flush(t.Context()) {
			tried(err)
		}
		if got, want := s.snapshot(p), s.at(t, dbs[i], id, p.Version()); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s at version %d:\n got %+v\nwant %+v", what, p.Version(), got, want)
		}
	}
}
