package versions

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/internal/acceptance/versions/author"
	"github.com/destam-go/destamgen/internal/acceptance/versions/person"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// persons is a page as the newer program shows what the older one has written.
func persons(p author.Page) (q person.Page) {
	q.Author, q.Text = person.Of(p.Author), p.Text
	if p.Editor != nil {
		q.Editor = person.Of(*p.Editor)
	}
	q.Home = person.Address(p.Home.City, p.Home.Zip)
	if p.Critic != nil {
		critic := person.Of(*p.Critic)
		q.Critic = &critic
	}
	for k, s := range p.Owners {
		if q.Owners == nil {
			q.Owners = map[string]person.Person{}
		}
		q.Owners[k] = person.Of(s)
	}
	for _, n := range p.Notes {
		q.Notes = append(q.Notes, person.Note{By: person.Of(n.By)})
	}
	return q
}

// TestPersons has a program write pages whose author is a name, for a long time,
// while a newer one, for which he is a person, reads each state, whether from
// commits or from a checkpoint. Then the newer one writes on alone.
func TestPersons(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				testPersons(t, store(t), rand.New(rand.NewPCG(seed, 11)))
			}
		})
	}
}

func somebody(r *rand.Rand) string {
	s := fmt.Sprint("first", r.IntN(3), " last", r.IntN(3))
	if r.IntN(2) == 0 {
		s += fmt.Sprint(" mail", r.IntN(2))
	}
	for range r.IntN(3) {
		s += fmt.Sprintf(" key%d=%d", r.IntN(3), r.IntN(2))
	}
	return s
}

// write makes a change of a page as the older program knows it.
func write(r *rand.Rand, o *author.OPage) {
	notes := o.Notes()
	switch r.IntN(12) {
	case 10:
		o.Home().SetCity(somebody(r))
	case 11:
		o.Home().SetZip(r.IntN(9))
	case 6:
		o.ClearCritic()
	case 7:
		o.SetCritic(somebody(r))
	case 8:
		o.Owners().Set(fmt.Sprint(r.IntN(3)), somebody(r))
	case 9:
		o.Owners().Delete(fmt.Sprint(r.IntN(3)))
	case 0:
		o.ClearEditor()
	case 1:
		o.SetEditor(somebody(r))
	case 2:
		notes.Insert(r.IntN(notes.Len()+1), author.Note{By: somebody(r)})
	case 3, 4:
		if n := notes.Len(); n > 3 {
			notes.Remove(r.IntN(n), 1)
		} else if n > 0 {
			notes.At(r.IntN(n)).SetBy(somebody(r))
		}
	default:
		o.SetAuthor(somebody(r))
	}
}

func testPersons(t *testing.T, open func() (driver.Driver, error), r *rand.Rand) {
	var id destam.ID
	was := map[uint64]person.Page{}
	equal := func(what string, got, want person.Page) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
		}
	}
	for turn := range 12 {
		var want person.Page
		program(t, open, func(db *destam.DB) {
			pages := author.PageTable(db)
			if turn == 0 {
				o, err := pages.Create(t.Context(), author.Page{Author: somebody(r)})
				must(err)
				id = o.ID()
			}
			o, err := pages.Get(t.Context(), id)
			must(err)
			for range 1 + r.IntN(30) {
				write(r, o)
				if r.IntN(9) == 0 {
					o.SetText(somebody(r))
				}
				must(o.Flush(t.Context()))
				was[o.Version()] = persons(o.Snapshot())
			}
			want = persons(o.Snapshot())
		})
		program(t, open, func(db *destam.DB) {
			o, err := person.PageTable(db).Get(t.Context(), id)
			must(err)
			equal(fmt.Sprintf("turn %d", turn), o.Snapshot(), want)
		})
	}
	for range 6 {
		program(t, open, func(db *destam.DB) {
			o, err := person.PageTable(db).Get(t.Context(), id)
			must(err)
			for range 1 + r.IntN(30) {
				switch a := o.Author(); r.IntN(8) {
				case 7:
					o.SetHome(somebody(r))
				case 5:
					if critic := o.Critic(); critic != nil {
						critic.SetMail(somebody(r))
					} else {
						o.SetCritic(person.Of(somebody(r)))
					}
				case 6:
					for _, owner := range o.Owners().All() {
						owner.Name().SetFirst(somebody(r))
					}
				case 0:
					a.ClearMail()
				case 1:
					a.SetMail(somebody(r))
				case 2:
					a.Name().SetLast(somebody(r))
				case 3:
					a.More().Set("key1", somebody(r))
				case 4:
					o.Editor().Assign(person.Of(somebody(r)))
				}
				must(o.Flush(t.Context()))
				was[o.Version()] = o.Snapshot()
			}
		})
	}
	program(t, open, func(db *destam.DB) {
		for version, want := range was {
			got, err := person.PageTable(db).At(t.Context(), id, version)
			must(err)
			equal(fmt.Sprintf("version %d", version), got, want)
		}
	})
}

// TestPersonsBoth has both programs run at once on one store: the newer one takes
// over what the older one writes under the former names, while it changes what
// both know.
func TestPersonsBoth(t *testing.T) {
	open := stores["memory"](t)
	r := rand.New(rand.NewPCG(3, 5))
	program(t, open, func(db *destam.DB) {
		o, err := author.PageTable(db).Create(t.Context(), author.Page{Author: somebody(r)})
		must(err)
		must(o.Flush(t.Context()))
		program(t, open, func(newer *destam.DB) {
			p, err := person.PageTable(newer).Get(t.Context(), o.ID())
			must(err)
			for step := range 200 {
				write(r, o)
				must(o.Flush(t.Context())) // after what the other one wrote
				p.SetText(fmt.Sprint(step))
				must(p.Flush(t.Context()))
				want := persons(o.Snapshot())
				want.Text = fmt.Sprint(step)
				if got := p.Snapshot(); !reflect.DeepEqual(got, want) {
					t.Fatalf("step %d:\n got %+v\nwant %+v", step, got, want)
				}
			}
		})
	})
}

// TestPersonsInTurns has both programs open one store in turns, as in a rolling
// deploy, from commits and from checkpoints of either. Neither loses what it wrote,
// and the newer one has what both wrote, in the order in which they did.
func TestPersonsInTurns(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			turns := 300
			if name == "fs" { // which is slow to open
				turns = 60
			}
			testInTurns(t, store(t), rand.New(rand.NewPCG(8, 8)), turns)
		})
	}
}

func testInTurns(t *testing.T, open func() (driver.Driver, error), r *rand.Rand, turns int) {
	var (
		id    destam.ID
		older author.Page
		newer person.Page
	)
	program(t, open, func(db *destam.DB) {
		older.Author = somebody(r)
		o, err := author.PageTable(db).Create(t.Context(), older)
		must(err)
		id, newer = o.ID(), persons(older)
	})
	for turn := range turns {
		program(t, open, func(db *destam.DB) {
			if r.IntN(2) == 0 {
				o, err := author.PageTable(db).Get(t.Context(), id)
				must(err)
				if got := o.Snapshot(); !reflect.DeepEqual(got, older) {
					t.Fatalf("turn %d: the older program has\n%+v\nand not\n%+v", turn, got, older)
				}
				for range 1 + r.IntN(20) {
					version, was := o.Version(), newer
					was.Notes, was.Owners = slices.Clone(newer.Notes), maps.Clone(newer.Owners)
					olderEdit(r, o, &newer)
					must(o.Flush(t.Context()))
					if o.Version() == version { // it was so already
						newer = was
					}
				}
				older = o.Snapshot()
				return
			}
			o, err := person.PageTable(db).Get(t.Context(), id)
			must(err)
			if got := o.Snapshot(); !reflect.DeepEqual(got, newer) {
				t.Fatalf("turn %d: the newer program has\n%+v\nand not\n%+v", turn, got, newer)
			}
			for range 1 + r.IntN(20) {
				newerEdit(r, o, &older)
			}
			must(o.Flush(t.Context()))
			newer = o.Snapshot()
		})
	}
}

// olderEdit makes a change as the older program does, and says what the newer one
// has then.
func olderEdit(r *rand.Rand, o *author.OPage, newer *person.Page) {
	s := somebody(r)
	notes := o.Notes()
	i := r.IntN(notes.Len() + 1)
	key := fmt.Sprint(r.IntN(3))
	switch r.IntN(12) {
	case 10:
		o.Home().SetCity(s)
		newer.Home = persons(o.Snapshot()).Home
	case 11:
		o.Home().Assign(author.Place{City: s, Zip: new(int)})
		newer.Home = persons(o.Snapshot()).Home
	case 6:
		o.SetCritic(s)
		critic := person.Of(s)
		newer.Critic = &critic
	case 7:
		o.ClearCritic()
		newer.Critic = nil
	case 8:
		o.Owners().Set(key, s)
		if newer.Owners == nil {
			newer.Owners = map[string]person.Person{}
		}
		newer.Owners[key] = person.Of(s)
	case 9:
		o.Owners().Delete(key)
		if delete(newer.Owners, key); len(newer.Owners) == 0 {
			newer.Owners = nil
		}
	case 0:
		o.SetAuthor(s)
		newer.Author = person.Of(o.Author())
	case 1:
		o.SetEditor(s)
		newer.Editor = person.Of(s)
	case 2:
		if _, ok := o.Editor(); ok {
			o.ClearEditor()
			newer.Editor = person.Person{}
		}
	case 3:
		notes.Insert(i, author.Note{By: s})
		newer.Notes = slices.Insert(newer.Notes, i, person.Note{By: person.Of(s)})
	case 4:
		if i < notes.Len() {
			notes.At(i).SetBy(s + " title=x")
			newer.Notes[i].By = person.Of(s + " title=x")
		}
	case 5:
		if i < notes.Len() && notes.Len() > 2 {
			notes.Remove(i, 1)
			newer.Notes = slices.Delete(newer.Notes, i, i+1)
		}
	}
}

// newerEdit makes a change as the newer program does, and says what the older one
// has then.
func newerEdit(r *rand.Rand, o *person.OPage, older *author.Page) {
	s := somebody(r)
	notes := o.Notes()
	i := r.IntN(notes.Len() + 1)
	key := fmt.Sprint(r.IntN(3))
	switch r.IntN(10) {
	case 9:
		o.SetHome(s)
	case 6:
		if critic := o.Critic(); critic != nil {
			critic.SetMail(s)
		} else {
			o.SetCritic(person.Of(s))
		}
	case 7:
		if owner, ok := o.Owners().Get(key); ok {
			owner.Name().SetLast(s)
		} else {
			o.Owners().Set(key, person.Of(s))
		}
	case 8:
		o.Owners().Delete(key)
	case 0:
		o.Author().SetMail(s)
	case 1:
		o.Author().Name().SetLast(s)
	case 2:
		o.Editor().More().Set("key1", s)
	case 3:
		notes.Insert(i, person.Note{By: person.Of(s)})
		older.Notes = slices.Insert(older.Notes, i, author.Note{})
	case 4:
		if i < notes.Len() {
			notes.At(i).By().ClearMail()
			notes.At(i).By().Name().SetFirst(s)
		}
	case 5:
		o.SetText(s)
		older.Text = s
	}
}

// TestPersonsLock holds that the generator takes the step from one to the other.
func TestPersonsLock(t *testing.T) { step(t, "page", "author", "person") }
