package versions

import (
	"fmt"
	"math/rand/v2"
	"reflect"
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
	switch r.IntN(6) {
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
				switch a := o.Author(); r.IntN(5) {
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

// TestPersonsLock holds that the generator takes the step from one to the other.
func TestPersonsLock(t *testing.T) { step(t, "page", "author", "person") }
