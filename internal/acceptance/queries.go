package acceptance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/destam"
)

// Queries makes, changes, deletes and restores things at random, and compares
// every way to ask for them with what Go says about their query sections: Find,
// Query, QueryAll, Count, pages, Reuse and live queries. It is for the tests of
// every driver; seed and steps say how much.
func Queries(t *testing.T, db *destam.DB, seed uint64, steps int) {
	q := &querist{t: t, table: ThingTable(db), r: rand.New(rand.NewPCG(seed, 11)), gone: map[destam.ID]ThingQuery{}}
	t.Logf("seed %d", seed)
	for range 8 {
		q.create()
	}
	var live []*destam.Live[ThingQuery]
	var lives []question
	for range 4 {
		ask := q.question()
		l, err := q.table.Live(t.Context(), ask.pred)
		q.ok(err)
		defer l.Close()
		live, lives = append(live, l), append(lives, ask)
	}
	for step := range steps {
		q.change(step)
		for range 2 {
			q.ask()
		}
		for i, l := range live {
			var got []destam.ID
			for _, h := range l.All() {
				got = append(got, h.ID)
			}
			if want := q.meets(lives[i]); !slices.Equal(got, want) {
				t.Fatalf("step %d: the live query of %s has %v, want %v", step, lives[i].text, got, want)
			}
		}
	}
	q.ok(db.Flush(t.Context()))
	for range 10 {
		q.ask()
	}
}

// querist is one run of Queries.
type querist struct {
	t      *testing.T
	table  *OThingTable
	r      *rand.Rand
	things []*OThing // in order of creation
	gone   map[destam.ID]ThingQuery
	names  int
}

// question is a predicate, and what it asks.
type question struct {
	text string
	pred destam.Predicate[*OThing]
	asks func(ThingQuery) bool
}

func (q *querist) ok(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

var (
	askOwners = []string{"ann", "bob", "", "zoë", "$where"}
	askLabels = []string{"home", "shop", "", "a.b"}
)

func (q *querist) text(of []string) string { return of[q.r.IntN(len(of))] }

// section draws a query section with a name of its own.
func (q *querist) section() ThingQuery {
	q.names++
	s := ThingQuery{Name: fmt.Sprint("name ", q.names), Owner: q.text(askOwners), Level: Level(q.r.IntN(3)), Home: Place{City: q.text(askLabels), Zip: uint32(q.r.IntN(2))}}
	if q.r.IntN(2) == 0 {
		year := q.r.IntN(3) - 1
		s.Year = &year
	}
	for range q.r.IntN(3) {
		s.Labels = append(s.Labels, q.text(askLabels))
		s.Items = append(s.Items, Item{q.text(askLabels), q.r.IntN(2)})
		s.Grid = append(s.Grid, []int{q.r.IntN(2), q.r.IntN(2)})
	}
	return s
}

func (q *querist) create() {
	o, err := q.table.Create(q.t.Context(), Thing{Query: q.section()})
	q.ok(err)
	q.things = append(q.things, o)
}

// change changes something; mostly it is not stored when the next query comes.
func (q *querist) change(step int) {
	ctx, i := q.t.Context(), q.r.IntN(len(q.things))
	o := q.things[i]
	switch q.r.IntN(9) {
	case 0:
		q.ok(o.Flush(ctx))
	case 1:
		s := q.section()
		q.ok(o.Update(func(o *OThing) error { o.Query().Assign(s); return nil }))
	case 2:
		s := q.section()
		if err := o.Update(func(o *OThing) error { o.Query().Assign(s); return errNo }); !errors.Is(err, errNo) {
			q.t.Fatal(err)
		}
	case 3:
		q.create()
	case 4:
		if len(q.things) > 3 {
			q.gone[o.ID()] = o.Query().Snapshot()
			q.ok(o.Delete(ctx))
			q.things = slices.Delete(q.things, i, i+1)
		}
	case 5:
		for id := range q.gone {
			restored, err := q.table.Restore(ctx, id)
			q.ok(err)
			at, _ := slices.BinarySearchFunc(q.things, id, func(o *OThing, id destam.ID) int { return o.ID().Compare(id) })
			q.things = slices.Insert(q.things, at, restored)
			delete(q.gone, id)
			break
		}
	case 6:
		o.SetText(fmt.Sprint(step)) // concerns no query
	case 7:
		o.Query().SetOwner(q.text(askOwners))
	case 8:
		o.Query().Labels().Append(q.text(askLabels))
	}
}

var errNo = errors.New("no")

// question draws something to ask.
func (q *querist) question() question {
	w, owner, label, n := ThingWhere, q.text(askOwners), q.text(askLabels), q.r.IntN(2)
	item := Item{label, n}
	switch q.r.IntN(11) {
	case 0:
		return question{"owner is " + owner, w.Owner().Is(owner), func(s ThingQuery) bool { return s.Owner == owner }}
	case 1:
		return question{fmt.Sprint("year is ", n), w.Year().Is(n), func(s ThingQuery) bool { return s.Year != nil && *s.Year == n }}
	case 2:
		return question{"no year", w.Year().Absent(), func(s ThingQuery) bool { return s.Year == nil }}
	case 3:
		return question{fmt.Sprint("level ", n), w.Level().Is(Level(n)), func(s ThingQuery) bool { return s.Level == Level(n) }}
	case 4:
		return question{"has label " + label, w.Labels().Has(label), func(s ThingQuery) bool { return slices.Contains(s.Labels, label) }}
	case 5:
		return question{"labels are [" + label + "]", w.Labels().Is(label), func(s ThingQuery) bool { return slices.Equal(s.Labels, []string{label}) }}
	case 6:
		return question{"no labels", w.Labels().Is(), func(s ThingQuery) bool { return len(s.Labels) == 0 }}
	case 7:
		return question{"an item of " + label, w.Items().Any().SKU().Is(label),
			func(s ThingQuery) bool {
				return slices.ContainsFunc(s.Items, func(i Item) bool { return i.SKU == label })
			}}
	case 8:
		e := w.Items().Any()
		return question{fmt.Sprint("the item ", item), w.Items().Match(e.SKU().Is(label), e.Count().Is(n)), func(s ThingQuery) bool { return slices.Contains(s.Items, item) }}
	case 9:
		return question{fmt.Sprint("the row 0 ", n), w.Grid().Has([]int{0, n}),
			func(s ThingQuery) bool {
				return slices.ContainsFunc(s.Grid, func(row []int) bool { return slices.Equal(row, []int{0, n}) })
			}}
	}
	home := Place{label, uint32(n)}
	return question{fmt.Sprint("home ", home), w.Home().Is(home), func(s ThingQuery) bool { return s.Home == home }}
}

// meets gives the things for which questions hold, in order.
func (q *querist) meets(qs ...question) (ids []destam.ID) {
	for _, o := range q.things {
		s := o.Query().Snapshot()
		if !slices.ContainsFunc(qs, func(ask question) bool { return !ask.asks(s) }) {
			ids = append(ids, o.ID())
		}
	}
	return ids
}

// ask asks up to two questions at once, in every way.
func (q *querist) ask() {
	q.t.Helper()
	ctx := q.t.Context()
	var where []destam.Predicate[*OThing]
	var text []string
	qs := make([]question, q.r.IntN(3))
	for i := range qs {
		qs[i] = q.question()
		where, text = append(where, qs[i].pred), append(text, qs[i].text)
	}
	want := q.meets(qs...)
	if got := q.ids(where...); !slices.Equal(got, want) {
		q.t.Fatalf("%q: got %v, want %v", text, got, want)
	}
	n, err := destam.Count(ctx, q.table, where...)
	if q.ok(err); n != len(want) {
		q.t.Fatalf("%q: counted %d, want %d", text, n, len(want))
	}
	size := 1 + q.r.IntN(4)
	var paged []destam.ID
	for last := (destam.ID{}); ; last = paged[len(paged)-1] {
		page := q.ids(append(where[:len(where):len(where)], q.table.After(last), q.table.Limit(size))...)
		if paged = append(paged, page...); len(page) < size {
			break
		}
	}
	if !slices.Equal(paged, want) {
		q.t.Fatalf("%q in pages of %d: got %v, want %v", text, size, paged, want)
	}
	o, err := q.table.Find(ctx, where...)
	hit, hitErr := q.table.Query(ctx, where...)
	if len(want) == 0 {
		if !errors.Is(err, destam.ErrNotFound) || !errors.Is(hitErr, destam.ErrNotFound) {
			q.t.Fatalf("%q: Find gave %v, Query %v", text, err, hitErr)
		}
		return
	}
	if err != nil || hitErr != nil || o.ID() != want[0] || hit.ID != want[0] || hit.Query.Name != o.Query().Name() {
		q.t.Fatalf("%q: Find gave %v, Query %v, %v", text, err, hit, hitErr)
	}
	if again, err := q.table.Reuse(ctx, where...); err != nil || again != o {
		q.t.Fatalf("%q: Reuse gave something else, %v", text, err)
	}
	if same, err := q.table.Instance(ctx, hit); err != nil || same != o {
		q.t.Fatalf("%q: Instance gave something else, %v", text, err)
	}
}

func (q *querist) ids(where ...destam.Predicate[*OThing]) (ids []destam.ID) {
	q.t.Helper()
	for hit, err := range q.table.QueryAll(q.t.Context(), where...) {
		q.ok(err)
		ids = append(ids, hit.ID)
	}
	return ids
}
