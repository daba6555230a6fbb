package destam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

var (
	owners = []string{"ann", "bob", "", "zoë", strings.Repeat("long ", 30)}
	labels = []string{"home", "shop", "", "work"}
	cities = []string{"Ulm", "Bonn", ""}
)

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// some gives a few of them, in any order, some twice.
func some(r *rand.Rand, of []string) (s []string) {
	for range r.IntN(3) {
		s = append(s, pick(r, of))
	}
	return s
}

func randomQuery(r *rand.Rand) CardQuery {
	q := CardQuery{Owner: pick(r, owners), Labels: some(r, labels), Open: r.IntN(2) == 0}
	q.Place.City = pick(r, cities)
	if r.IntN(2) == 0 {
		q.Year = ptr(r.IntN(3))
	}
	if r.IntN(2) == 0 {
		q.Place.Zip = ptr(int32(r.IntN(2)))
	}
	for range r.IntN(3) {
		q.Items = append(q.Items, Item{pick(r, labels), uint32(r.IntN(2))})
	}
	return q
}

// question is a predicate, and the same in Go.
type question struct {
	text string
	pred Predicate[*OCard]
	asks func(q CardQuery) bool
}

func randomQuestion(r *rand.Rand) question {
	w := CardWhere
	s, l, n := pick(r, owners), pick(r, labels), r.IntN(3)
	item := Item{l, uint32(n % 2)}
	switch k := r.IntN(14); k {
	case 0:
		return question{fmt.Sprintf("owner %q", s), w.Owner().Is(s), func(q CardQuery) bool { return q.Owner == s }}
	case 1:
		return question{fmt.Sprintf("label %q", l), w.Labels().Has(l), func(q CardQuery) bool { return slices.Contains(q.Labels, l) }}
	case 2:
		all := some(r, labels)
		return question{fmt.Sprintf("labels %q", all), w.Labels().Is(all...), func(q CardQuery) bool { return slices.Equal(q.Labels, all) }}
	case 3:
		return question{fmt.Sprint("year ", n), w.Year().Is(n), func(q CardQuery) bool { return q.Year != nil && *q.Year == n }}
	case 4:
		return question{"no year", w.Year().Absent(), func(q CardQuery) bool { return q.Year == nil }}
	case 5:
		return question{"open", w.Open().Is(n == 0), func(q CardQuery) bool { return q.Open == (n == 0) }}
	case 6:
		c := pick(r, cities)
		return question{fmt.Sprintf("city %q", c), w.Place().City().Is(c), func(q CardQuery) bool { return q.Place.City == c }}
	case 7:
		return question{"no zip", w.Place().Zip().Absent(), func(q CardQuery) bool { return q.Place.Zip == nil }}
	case 8:
		a := randomQuery(r).Place
		return question{fmt.Sprint("place ", a), w.Place().Is(a), func(q CardQuery) bool { return cmp.Equal(q.Place, a) }}
	case 9:
		return question{fmt.Sprintf("an item %q", l), w.Items().Any().SKU().Is(l), func(q CardQuery) bool {
			return slices.ContainsFunc(q.Items, func(i Item) bool { return i.SKU == l })
		}}
	case 10:
		return question{fmt.Sprint("item ", item), w.Items().Has(item), func(q CardQuery) bool { return slices.Contains(q.Items, item) }}
	case 11:
		return question{fmt.Sprint("an item that is ", item), w.Items().Any().Is(item), func(q CardQuery) bool { return slices.Contains(q.Items, item) }}
	case 12:
		e := w.Items().Any()
		return question{fmt.Sprint("matching ", item), w.Items().Match(e.SKU().Is(item.SKU), e.Count().Is(item.Count)),
			func(q CardQuery) bool { return slices.Contains(q.Items, item) }}
	default:
		all := randomQuery(r).Items
		return question{fmt.Sprint("items ", all), w.Items().Is(all...), func(q CardQuery) bool { return slices.Equal(q.Items, all) }}
	}
}

// TestQueries compares queries with what Go says about the plain sections,
// while part of them is stored, part is not, and part is on its way.
func TestQueries(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	onEach(t, func(t *testing.T, d driver.Driver) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := open(t, d, &Options{Window: time.Hour})
		var cards []*OCard
		change := func() {
			switch o := pick(r, cards); r.IntN(8) {
			case 0:
				o.Query().Assign(randomQuery(r))
			case 1:
				if err := o.Update(func(o *OCard) error { o.Query().Assign(randomQuery(r)); return nil }); err != nil {
					t.Fatal(err)
				}
			case 2:
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			case 3:
				_ = o.Update(func(o *OCard) error { o.Query().Assign(randomQuery(r)); return errors.New("no") })
			case 4:
				if r.IntN(4) == 0 {
					if err := o.Delete(ctx); err != nil {
						t.Fatal(err)
					}
					cards = slices.DeleteFunc(cards, func(c *OCard) bool { return c == o })
				}
				cards = append(cards, b.create(Card{Query: randomQuery(r)}))
			case 5:
				o.SetTitle(fmt.Sprint(r.Int()))
			case 6:
				o.Query().SetOwner(pick(r, owners))
			case 7:
				o.Query().Labels().Append(pick(r, labels))
			}
		}
		for range 20 {
			cards = append(cards, b.create(Card{Query: randomQuery(r)}))
		}
		for range 300 {
			change()
			var where []Predicate[*OCard]
			var text []string
			var want []ID
			qs := make([]question, r.IntN(3))
			for i := range qs {
				qs[i] = randomQuestion(r)
				where, text = append(where, qs[i].pred), append(text, qs[i].text)
			}
			for _, o := range cards {
				s := o.Query().Snapshot()
				if !slices.ContainsFunc(qs, func(q question) bool { return !q.asks(s) }) {
					want = append(want, o.ID())
				}
			}
			if got := b.ids(where...); !slices.Equal(got, want) {
				t.Fatalf("%q: got %v, want %v", text, got, want)
			}
			if n := must(Count(ctx, b.cards, where...))(t); n != len(want) {
				t.Fatalf("%q: counted %d, want %d", text, n, len(want))
			}
			b.checkPages(t, r, where, want)
		}
	})
}

// checkPages asks for the same in pages.
func (b *base) checkPages(t *testing.T, r *rand.Rand, where []Predicate[*OCard], want []ID) {
	t.Helper()
	size := 1 + r.IntN(3)
	var got []ID
	for last := (ID{}); ; last = got[len(got)-1] {
		page := b.ids(append(where[:len(where):len(where)], b.cards.After(last), b.cards.Limit(size))...)
		if got = append(got, page...); len(page) > size {
			t.Fatalf("page of %d with limit %d", len(page), size)
		} else if len(page) < size {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("in pages of %d: got %v, want %v", size, got, want)
	}
	o, err := b.cards.Find(ctx, where...)
	switch {
	case len(want) == 0 && !errors.Is(err, ErrNotFound), len(want) > 0 && (err != nil || o.ID() != want[0]):
		t.Fatalf("Find gave %v, %v", o, err)
	}
	hit, err := b.cards.Query(ctx, where...)
	if len(want) > 0 && (err != nil || hit.ID != want[0] || !cmp.Equal(hit.Query, o.Query().Snapshot(), same)) {
		t.Fatalf("Query gave %v, %v", hit, err)
	}
}

// TestQueryErrors are predicates that ask nothing that can be answered.
func TestQueryErrors(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	w := CardWhere
	for name, p := range map[string]Predicate[*OCard]{
		"zero":         {},
		"limit":        b.cards.Limit(0),
		"match":        w.Items().Match(w.Owner().Is("a")),
		"match page":   w.Items().Match(b.cards.Limit(1)),
		"match itself": w.Items().Match(w.Items().Has(Item{})),
		"float":        (*Where[*OCard, float64])(At(nil, "owner")).Is(1),
	} {
		_, err := b.cards.Query(ctx, p)
		var e *Error
		if !errors.As(err, &e) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Count(ctx, b.cards, p); err == nil {
			t.Errorf("%s: counted", name)
		}
		if _, err := b.cards.Reuse(ctx, p); err == nil {
			t.Errorf("%s: created", name)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range b.cards.QueryAll(cancelled) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestReuse(t *testing.T) {
	w := CardWhere
	e := w.Items().Any()
	tests := []struct {
		name  string
		where []Predicate[*OCard]
		want  CardQuery
		fails bool
	}{
		{name: "nothing"},
		{name: "scalars", where: []Predicate[*OCard]{w.Owner().Is("ann"), w.Year().Is(2), w.Open().Is(true), w.Slug().Is("s")},
			want: CardQuery{Owner: "ann", Year: ptr(2), Open: true, Slug: ptr("s")}},
		{name: "nested", where: []Predicate[*OCard]{w.Place().City().Is("Ulm"), w.Place().Zip().Is(7)},
			want: CardQuery{Place: Address{"Ulm", ptr(int32(7))}}},
		{name: "whole", where: []Predicate[*OCard]{w.Place().Is(Address{City: "Ulm"}), w.Place().City().Is("Ulm")},
			want: CardQuery{Place: Address{City: "Ulm"}}},
		{name: "has", where: []Predicate[*OCard]{w.Labels().Has("a"), w.Labels().Has("b"), w.Labels().Has("a")},
			want: CardQuery{Labels: []string{"a", "b"}}},
		{name: "array", where: []Predicate[*OCard]{w.Labels().Is("b", "a"), w.Labels().Has("a")},
			want: CardQuery{Labels: []string{"b", "a"}}},
		{name: "any", where: []Predicate[*OCard]{e.SKU().Is("a"), e.Count().Is(2)}, want: CardQuery{Items: []Item{{"a", 2}}}},
		{name: "match", where: []Predicate[*OCard]{w.Items().Match(e.SKU().Is("a"), e.Count().Is(2)), w.Items().Match(e.SKU().Is("b"))},
			want: CardQuery{Items: []Item{{"a", 2}, {"b", 0}}}},
		{name: "absent", where: []Predicate[*OCard]{w.Year().Absent(), w.Owner().Is("x")}, want: CardQuery{Owner: "x"}},
		{name: "two owners", where: []Predicate[*OCard]{w.Owner().Is("a"), w.Owner().Is("b")}, fails: true},
		{name: "absent and not", where: []Predicate[*OCard]{w.Year().Absent(), w.Year().Is(1)}, fails: true},
		{name: "two elements", where: []Predicate[*OCard]{e.SKU().Is("a"), e.SKU().Is("b")}, fails: true},
		{name: "array without", where: []Predicate[*OCard]{w.Labels().Has("a"), w.Labels().Is("b")}, fails: true},
	}
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		for _, tt := range tests {
			o, err := b.cards.Reuse(ctx, tt.where...)
			if (err != nil) != tt.fails {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if n := must(Count(ctx, b.cards))(t); tt.fails != (n == 0) || n > 1 {
				t.Errorf("%s: there are %d documents", tt.name, n)
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(tt.want, o.Query().Snapshot(), same); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.name, diff)
			}
			if again := must(b.cards.Reuse(ctx, tt.where...))(t); again != o {
				t.Errorf("%s: the second time another one", tt.name)
			}
			if err := o.Delete(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestReuseRace lets many ask for the same at once, and something near it,
// while the first of them waits for the store.
func TestReuseRace(t *testing.T) {
	inBubble(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, nil)
		const n = 16
		gate := f.Hang(drivertest.Append)
		var got [n]*OCard
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				where := []Predicate[*OCard]{CardWhere.Owner().Is("ann")}
				if i == n-1 {
					where = append(where, CardWhere.Year().Absent())
				}
				got[i], _ = b.cards.Reuse(ctx, where...)
			})
		}
		synctest.Wait()
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := b.cards.Reuse(cancelled, CardWhere.Owner().Is("ann")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		gate.Release()
		wg.Wait()
		for i := range got {
			if got[i] == nil || got[i] != got[0] {
				t.Fatalf("%d got another one", i)
			}
		}
		if n := must(Count(ctx, b.cards))(t); n != 1 {
			t.Errorf("%d were created", n)
		}
	})
}
