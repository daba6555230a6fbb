package versions

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/destam-go/destamgen/internal/acceptance/versions/library"
	"github.com/destam-go/destamgen/internal/acceptance/versions/shelf"
	"github.com/destam-go/destamgen/runtime/destam"
)

// renamed is a book as the newer program calls what is in it.
func renamed(b shelf.Book) (n library.Book) {
	q := b.Query
	n.Query = library.BookQuery{Holder: q.Owner, ISBN: q.Number, Tags: q.Labels, Author: library.Author{Called: q.Maker.Name}, Since: q.Year}
	for _, c := range q.Copies {
		n.Query.Items = append(n.Query.Items, library.Item{Shelf: c.Room})
	}
	n.Terms = b.Words
	return n
}

// asked is what both programs can ask for, in their words.
type asked struct {
	name  string
	older []destam.Predicate[*shelf.OBook]
	newer []destam.Predicate[*library.OBook]
}

func questions(olds *shelf.OBookTable, news *library.OBookTable, v string) []asked {
	older, newer := shelf.BookWhere, library.BookWhere
	one := func(name string, o destam.Predicate[*shelf.OBook], n destam.Predicate[*library.OBook]) asked {
		return asked{name, []destam.Predicate[*shelf.OBook]{o}, []destam.Predicate[*library.OBook]{n}}
	}
	number, _ := strconv.Atoi(v)
	oldItem, newItem := older.Copies().Any(), newer.Items().Any()
	return []asked{
		one("a text", older.Owner().Is(v), newer.Holder().Is(v)),
		one("a unique text", older.Number().Is(v), newer.ISBN().Is(v)),
		one("an element", older.Labels().Has(v), newer.Tags().Has(v)),
		one("a whole array", older.Labels().Is(v), newer.Tags().Is(v)),
		one("inside of an object", older.Maker().Name().Is(v), newer.Author().Called().Is(v)),
		one("a whole object", older.Maker().Is(shelf.Maker{Name: v}), newer.Author().Is(library.Author{Called: v})),
		one("inside of elements", oldItem.Room().Is(v), newItem.Shelf().Is(v)),
		one("one element", older.Copies().Match(oldItem.Room().Is(v)), newer.Items().Match(newItem.Shelf().Is(v))),
		one("a whole element", older.Copies().Has(shelf.Copy{Room: v}), newer.Items().Has(library.Item{Shelf: v})),
		one("an optional value", older.Year().Is(number), newer.Since().Is(number)),
		one("nothing", older.Year().Absent(), newer.Since().Absent()),
		{
			"a dynamic query", destam.Dynamic(olds, map[string]any{"maker.name": v, "labels": v}),
			destam.Dynamic(news, map[string]any{"author.called": v, "tags": v}),
		},
		{
			"a dynamic object", destam.Dynamic(olds, map[string]any{"maker": map[string]any{"name": v}}),
			destam.Dynamic(news, map[string]any{"author": map[string]any{"called": v}}),
		},
	}
}

// TestRenamedSection has two programs use one store, which call everything that
// books are found by something else: each finds what the other has stored, by what
// it calls it.
func TestRenamedSection(t *testing.T) {
	open := stores["memory"](t)
	r := rand.New(rand.NewPCG(1, 9))
	word := func() string { return strconv.Itoa(r.IntN(4)) }
	older := func(run func(*shelf.OBookTable)) {
		program(t, open, func(db *destam.DB) { run(shelf.BookTable(db)) })
	}
	newer := func(run func(*library.OBookTable)) {
		program(t, open, func(db *destam.DB) { run(library.BookTable(db)) })
	}
	var ids []destam.ID
	older(func(olds *shelf.OBookTable) {
		newer(func(news *library.OBookTable) { ids = stock(t, olds, news, word) })
	})
	for step := range 100 {
		id, version := ids[r.IntN(len(ids))], uint64(0)
		// Of a document that two have at once one may drop what the other has not got
		// any more: here they take turns.
		if r.IntN(2) == 0 {
			older(func(olds *shelf.OBookTable) {
				b, err := olds.Get(t.Context(), id)
				must(err)
				editOld(b, r, word)
				must(b.Flush(t.Context()))
				version = b.Version()
			})
		} else {
			newer(func(news *library.OBookTable) {
				b, err := news.Get(t.Context(), id)
				must(err)
				editNew(b, r, word)
				must(b.Flush(t.Context()))
				version = b.Version()
			})
		}
		older(func(olds *shelf.OBookTable) {
			newer(func(news *library.OBookTable) {
				agree(t, fmt.Sprint("step ", step), olds, news, word())
				was, err := olds.At(t.Context(), id, version)
				must(err)
				got, err := news.At(t.Context(), id, version)
				must(err)
				if want := renamed(was); !reflect.DeepEqual(got, want) {
					t.Fatalf("step %d:\n got %+v\nwant %+v", step, got, want)
				}
			})
		})
	}
}

// stock has both programs make books.
func stock(t *testing.T, olds *shelf.OBookTable, news *library.OBookTable, word func() string) (ids []destam.ID) {
	for i := range 6 {
		b, err := olds.Create(t.Context(), shelf.Book{Query: shelf.BookQuery{Number: fmt.Sprint(2 * i), Owner: word(), Maker: shelf.Maker{Name: word()}}})
		must(err)
		n, err := news.Create(t.Context(), library.Book{Query: library.BookQuery{ISBN: fmt.Sprint(2*i + 1), Holder: word(), Author: library.Author{Called: word()}}})
		must(err)
		ids = append(ids, b.ID(), n.ID())
	}
	return ids
}

// agree holds that both programs find the same.
func agree(t *testing.T, when string, olds *shelf.OBookTable, news *library.OBookTable, v string) {
	t.Helper()
	for _, q := range questions(olds, news, v) {
		o, n := foundOld(t, olds, q), foundNew(t, news, q)
		if !reflect.DeepEqual(o, n) {
			t.Fatalf("%s, %s %s: the older program finds\n%+v, the newer\n%+v", when, q.name, v, o, n)
		}
	}
}

func editOld(b *shelf.OBook, r *rand.Rand, word func() string) {
	q := b.Query()
	switch r.IntN(7) {
	case 0:
		q.SetOwner(word())
	case 1:
		q.Labels().Insert(0, word())
	case 2:
		q.Labels().Clear()
	case 3:
		q.Maker().SetName(word())
	case 4:
		q.Copies().Assign([]shelf.Copy{{Room: word()}, {Room: word()}})
	case 5:
		q.SetYear(r.IntN(4))
	case 6:
		b.Words().Append(word())
	}
}

func editNew(b *library.OBook, r *rand.Rand, word func() string) {
	q := b.Query()
	switch r.IntN(7) {
	case 0:
		q.SetHolder(word())
	case 1:
		q.Tags().Append(word())
	case 2:
		q.ClearSince()
	case 3:
		q.Author().SetCalled(word())
	case 4:
		if items := q.Items(); items.Len() > 0 {
			items.At(r.IntN(items.Len())).SetShelf(word())
		}
	case 5:
		q.Items().Clear()
	case 6:
		if n := b.Terms().Len(); n > 0 {
			b.Terms().Remove(r.IntN(n), 1)
		}
	}
}

func foundOld(t *testing.T, olds *shelf.OBookTable, q asked) (found []string) {
	t.Helper()
	for hit, err := range olds.QueryAll(t.Context(), q.older...) {
		must(err)
		found = append(found, fmt.Sprintf("%s %+v", hit.ID, renamed(shelf.Book{Query: hit.Query}).Query.Tags))
	}
	return found
}

func foundNew(t *testing.T, news *library.OBookTable, q asked) (found []string) {
	t.Helper()
	for hit, err := range news.QueryAll(t.Context(), q.newer...) {
		must(err)
		found = append(found, fmt.Sprintf("%s %+v", hit.ID, hit.Query.Tags))
	}
	return found
}

// TestRenamedUnique holds that a unique value stays the same one under another
// name, and that errors speak of it by the name of today.
func TestRenamedUnique(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			open := store(t)
			program(t, open, func(db *destam.DB) {
				_, err := shelf.BookTable(db).Create(t.Context(), shelf.Book{Query: shelf.BookQuery{Number: "1", Maker: shelf.Maker{Name: "ann"}}})
				must(err)
			})
			program(t, open, func(db *destam.DB) {
				news := library.BookTable(db)
				var placed *destam.Error
				_, err := news.Create(t.Context(), library.Book{Query: library.BookQuery{ISBN: "1"}})
				if !errors.Is(err, destam.ErrTaken) || !errors.As(err, &placed) || placed.Path != "query.isbn" {
					t.Errorf("a number that an older program has given: %v", err)
				}
				b, err := news.Reuse(t.Context(), library.BookWhere.Author().Called().Is("bob"), library.BookWhere.ISBN().Is("2"))
				must(err)
				if got := b.Query().Snapshot(); got.Author.Called != "bob" || got.ISBN != "2" {
					t.Errorf("reused %+v", got)
				}
				live, err := news.Live(t.Context(), library.BookWhere.Author().Called().Is("ann"))
				must(err)
				defer live.Close()
				b.Query().Author().SetCalled("ann")
				if live.Len() != 2 {
					t.Errorf("%d live matches, want 2", live.Len())
				}
				must(b.Flush(t.Context()))
			})
			program(t, open, func(db *destam.DB) {
				b, err := shelf.BookTable(db).Find(t.Context(), shelf.BookWhere.Number().Is("2"), shelf.BookWhere.Maker().Name().Is("ann"))
				must(err)
				b.Query().SetOwner("eve")
				must(b.Flush(t.Context()))
			})
		})
	}
}

// TestLibraryLock holds that the generator takes the step from one to the other.
func TestLibraryLock(t *testing.T) { step(t, "book", "shelf", "library") }
