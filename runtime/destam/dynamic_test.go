package destam

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
)

type shade string

// shapes is a query section of what CardQuery does not have.
type shapes struct {
	Shade shade     `destam:"shade"`
	Small int8      `destam:"small"`
	Wide  uint32    `destam:"wide"`
	Grid  [][]int   `destam:"grid"`
	Cube  [][][]int `destam:"cube"`
	Fixed [2]bool   `destam:"fixed"`
	Maybe *Address  `destam:"maybe"`
	Boxes []box     `destam:"boxes"`
	Out   int       `destam:"-"`
	lent
}

// lent lends its fields to shapes.
type lent struct {
	Lender string `destam:"lender"`
	Deeper
}

type Deeper struct {
	Depth *int `destam:"depth"`
}

type box struct {
	Lids []Item  `destam:"lids"`
	Tags []shade `destam:"tags"`
	Zip  *int32  `destam:"zip"`
}

// typedForm pairs a dynamic query of one path with the typed predicate that
// means the same.
type typedForm struct {
	key   string
	value any
	typed Predicate[*OCard]
}

func typedForms() []typedForm {
	c, p := CardWhere, func(names ...string) (p *Place) {
		for _, name := range names {
			p = At(p, name)
		}
		return p
	}
	e := c.Items().Any()
	grid := (*WhereObjects[*OCard, []int, WhereArray[*OCard, int]])(p("grid"))
	cube := (*WhereObjects[*OCard, [][]int, WhereObjects[*OCard, []int, WhereArray[*OCard, int]]])(p("cube"))
	boxes := (*WhereObjects[*OCard, box, Place])(p("boxes"))
	lids := (*WhereObjects[*OCard, Item, ItemPaths[*OCard]])(At(boxes.Any(), "lids"))
	return []typedForm{
		{"owner", "ann", c.Owner().Is("ann")},
		{"owner", shade("ann"), c.Owner().Is("ann")},
		{"owner", ptr("ann"), c.Owner().Is("ann")},
		{"slug", "s", c.Slug().Is("s")},
		{"slug", nil, c.Slug().Absent()},
		{"slug", (*string)(nil), c.Slug().Absent()},
		{"open", false, c.Open().Is(false)},
		{"year", 7, c.Year().Is(7)},
		{"year", uint8(7), c.Year().Is(7)},
		{"year", 7.0, c.Year().Is(7)},
		{"year", json.Number("7"), c.Year().Is(7)},
		{"year", time.Duration(7), c.Year().Is(7)},
		{"labels", "a", c.Labels().Has("a")},
		{"labels", []string{"a", "b"}, c.Labels().Is("a", "b")},
		{"labels", []any{"a", shade("b")}, c.Labels().Is("a", "b")},
		{"labels", []any{}, c.Labels().Is()},
		{"labels.[]", "a", (*Where[*OCard, string])(p("labels", driver.Each)).Is("a")},
		{"place.city", "Ulm", c.Place().City().Is("Ulm")},
		{"place.zip", nil, c.Place().Zip().Absent()},
		{"place", map[string]any{"city": "Ulm", "zip": 3}, c.Place().Is(Address{"Ulm", ptr(int32(3))})},
		{"place", map[string]string{"city": "Ulm"}, c.Place().Is(Address{City: "Ulm"})},
		{"place", map[string]any{}, c.Place().Is(Address{})},
		{"place", Address{City: "Ulm"}, c.Place().Is(Address{City: "Ulm"})},
		{"place", &Address{City: "Ulm"}, c.Place().Is(Address{City: "Ulm"})},
		{"items.sku", "a", e.SKU().Is("a")},
		{"items.[].sku", "a", e.SKU().Is("a")},
		{"items", map[string]any{"sku": "a", "count": 2}, c.Items().Has(Item{"a", 2})},
		{"items", Item{"a", 2}, c.Items().Has(Item{"a", 2})},
		{"items", []any{map[string]any{"sku": "a"}, Item{"b", 1}}, c.Items().Is(Item{"a", 0}, Item{"b", 1})},
		{"items", []Item{{"a", 2}}, c.Items().Is(Item{"a", 2})},
		{"items.[]", Item{"a", 2}, e.Is(Item{"a", 2})},

		{"shade", "red", (*Where[*OCard, shade])(p("shade")).Is("red")},
		{"small", 300, (*Where[*OCard, int])(p("small")).Is(300)}, // no int8, so nothing has it
		{"wide", uint64(1 << 31), (*Where[*OCard, uint32])(p("wide")).Is(1 << 31)},
		{"grid", 3, grid.Any().Has(3)},
		{"grid", []int{1, 2}, grid.Has([]int{1, 2})},
		{"grid", [][]int{{1}, nil}, grid.Is([]int{1}, nil)},
		{"grid", [][]int{}, grid.Is()},
		{"cube", 3, cube.Any().Any().Has(3)},
		{"cube", []int{3}, cube.Any().Has([]int{3})},
		{"cube", [][]int{{3}}, cube.Has([][]int{{3}})},
		{"cube", [][][]int{{{3}}}, cube.Is([][]int{{3}})},
		{"fixed", []bool{true, false}, (*WhereArray[*OCard, bool])(p("fixed")).Is(true, false)},
		{"fixed", true, (*WhereArray[*OCard, bool])(p("fixed")).Has(true)},
		{"maybe", nil, Absent[*OCard](p("maybe"))},
		{"maybe", Address{City: "x"}, Is[*OCard](p("maybe"), &Address{City: "x"})},
		{"maybe.zip", nil, (*WhereOptional[*OCard, int32])(p("maybe", "zip")).Absent()},
		{"boxes.lids.sku", "a", lids.Any().SKU().Is("a")},
		{"boxes.lids", Item{"a", 2}, lids.Has(Item{"a", 2})},
		{"boxes.tags", "x", (*WhereArray[*OCard, shade])(At(boxes.Any(), "tags")).Has("x")},
		{"boxes.zip", nil, (*WhereOptional[*OCard, int32])(At(boxes.Any(), "zip")).Absent()},
		{"lender", "ann", (*Where[*OCard, string])(p("lender")).Is("ann")},
		{"depth", 3, (*WhereOptional[*OCard, int])(p("depth")).Is(3)},
		{"depth", nil, (*WhereOptional[*OCard, int])(p("depth")).Absent()},
		{"boxes", map[string]any{"tags": []string{"x"}}, boxes.Has(box{Tags: []shade{"x"}})},
	}
}

// section gives the type that a test's path leads into.
func section(key string) reflect.Type {
	first, _, _ := strings.Cut(key, ".")
	for _, t := range []reflect.Type{reflect.TypeFor[shapes](), reflect.TypeFor[CardQuery]()} {
		for m := range members(t) {
			if m.name == first {
				return t
			}
		}
	}
	return reflect.TypeFor[CardQuery]()
}

// TestDynamicIsTyped holds that a dynamic query asks the same as the typed
// predicate that it stands for, and that there is no other rule.
func TestDynamicIsTyped(t *testing.T) {
	for _, c := range typedForms() {
		d := asker{key: c.key}
		got := d.ask(section(c.key), c.value)
		if got.err != nil || got.none != nil {
			t.Errorf("%s: %#v: %v, %v", c.key, c.value, got.err, got.none)
			continue
		}
		if diff := cmp.Diff(c.typed.p.asks, got.asks); diff != "" {
			t.Errorf("%s: %#v (-typed +dynamic)\n%s", c.key, c.value, diff)
		}
	}
}

// nothings are queries that cannot be met.
var nothings = []struct {
	key   string
	value any
}{
	{"nobody", "x"}, {"nobody", nil}, {"", "x"}, {".", 1}, {`\`, 1}, {"owner.", "x"}, {"owner.name", "x"}, {"query.owner", "ann"},
	{"Owner", "ann"}, {"place.Zip", 1}, {"place.nobody", 1}, {"items.nobody", 1}, {"items.0", Item{}}, {"owner.[]", "ann"}, {"labels.[].[]", "a"},
	{"owner", 1}, {"owner", true}, {"owner", nil}, {"owner", json.Number("1")}, {"owner", []string{"ann"}}, {"owner", map[string]any{}},
	{"open", "true"}, {"open", 1}, {"open", nil}, {"year", "7"}, {"year", true}, {"year", 7.5}, {"year", math.NaN()}, {"year", math.Inf(1)},
	{"year", 0x1p63}, {"year", uint64(math.MaxUint64)}, {"year", json.Number("7.5")}, {"year", json.Number("x")}, {"year", time.Now()},
	{"labels", 1}, {"labels", nil}, {"labels", []any{"a", 1}}, {"labels", []any{nil}}, {"labels", [][]string{{"a"}}},
	{"place", nil}, {"place", "Ulm"}, {"place", map[string]any{"town": "Ulm"}}, {"place", map[string]any{"city": nil}}, {"place", map[int]any{}},
	{"place", map[string]any{"place.city": "Ulm"}}, {"place", struct{}{}}, {"items", map[string]any{"sku": 1}}, {"items.sku", nil}, {"items", nil},
	{"fixed", []bool{true}}, {"fixed", []bool{true, true, true}}, {"grid", "x"}, {"Out", 1}, {"-", 1}, {"shade", nil},
}

func TestDynamicNothing(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	b.create(Card{Query: CardQuery{Owner: "ann", Labels: []string{"a"}, Year: ptr(7), Items: []Item{{"a", 1}}}})
	for _, c := range nothings {
		d := asker{key: c.key}
		if p := d.ask(section(c.key), c.value); p.none == nil || p.err != nil {
			t.Errorf("%s: %#v: does not match nothing: %v, %v", c.key, c.value, p.asks, p.err)
		}
		where := Dynamic(b.cards, map[string]any{c.key: c.value})
		if n, err := Count(ctx, b.cards, where...); n != 0 || err != nil {
			t.Errorf("%s: %#v: found %d, %v", c.key, c.value, n, err)
		}
		if _, err := b.cards.Reuse(ctx, where...); err == nil {
			t.Errorf("%s: %#v: Reuse created a document that the query does not find", c.key, c.value)
		}
	}
	if n := must(Count(ctx, b.cards))(t); n != 1 {
		t.Errorf("there are %d documents", n)
	}
	for _, v := range []any{func() {}, make(chan int), 1i} {
		if _, err := Count(ctx, b.cards, Dynamic(b.cards, map[string]any{"owner": v})...); err == nil {
			t.Errorf("%T: no error", v)
		}
	}
}

// TestDynamicEmpty: an empty query is every document, with a query section or
// without, and a table without one has no field.
func TestDynamicEmpty(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	b.create(Card{})
	memos := MemoTable(b.DB)
	if _, err := memos.Create(ctx, Memo{}); err != nil {
		t.Fatal(err)
	}
	for _, query := range []map[string]any{nil, {}} {
		if n := must(Count(ctx, b.cards, Dynamic(b.cards, query)...))(t); n != 1 {
			t.Errorf("%v: %d cards", query, n)
		}
		if n := must(Count(ctx, memos, Dynamic(memos, query)...))(t); n != 1 {
			t.Errorf("%v: %d memos", query, n)
		}
	}
	if n := must(Count(ctx, memos, Dynamic(memos, map[string]any{"text": ""})...))(t); n != 0 {
		t.Errorf("%d memos by a field that is not in a query section", n)
	}
}

// dynamicQuestion gives a random path and value, right or wrong, and what Go
// says of it.
func dynamicQuestion(r *rand.Rand) (key string, value any, asks func(CardQuery) bool) {
	l, n := pick(r, labels), r.IntN(3)
	items := randomQuery(r).Items
	switch r.IntN(9) {
	case 0:
		s := pick(r, owners)
		return "owner", s, func(q CardQuery) bool { return q.Owner == s }
	case 1:
		return "labels", l, func(q CardQuery) bool { return slices.Contains(q.Labels, l) }
	case 2:
		all := some(r, labels)
		return "labels", all, func(q CardQuery) bool { return slices.Equal(q.Labels, all) }
	case 3:
		return "year", float64(n), func(q CardQuery) bool { return q.Year != nil && *q.Year == n }
	case 4:
		return "place.zip", nil, func(q CardQuery) bool { return q.Place.Zip == nil }
	case 5:
		return "items.sku", l, func(q CardQuery) bool {
			return slices.ContainsFunc(q.Items, func(i Item) bool { return i.SKU == l })
		}
	case 6:
		return "items", map[string]any{"sku": l, "count": n}, func(q CardQuery) bool { return slices.Contains(q.Items, Item{l, uint32(n)}) }
	case 7:
		return "items", items, func(q CardQuery) bool { return slices.Equal(q.Items, items) }
	default:
		wrong := pick(r, []string{"ownr", "place.town", "owner.sku", "labels.x"})
		return wrong, l, func(CardQuery) bool { return false }
	}
}

// TestDynamicModel compares dynamic queries with what Go says about the plain
// sections, on every driver, as values are and after a way through JSON.
func TestDynamicModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	onEach(t, func(t *testing.T, d driver.Driver) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := open(t, d, nil)
		cards := make([]*OCard, 30)
		for i := range cards {
			cards[i] = b.create(Card{Query: randomQuery(r)})
		}
		found := 0
		for range 300 {
			query, asked := map[string]any{}, map[string]func(CardQuery) bool{}
			for range r.IntN(3) {
				key, value, asks := dynamicQuestion(r)
				query[key], asked[key] = value, asks
			}
			var want []ID
			for _, o := range cards {
				s, holds := o.Query().Snapshot(), true
				for _, asks := range asked {
					holds = holds && asks(s)
				}
				if holds {
					want = append(want, o.ID())
				}
			}
			found += len(want)
			if got := b.ids(Dynamic(b.cards, query)...); !slices.Equal(got, want) {
				t.Fatalf("%v: got %v, want %v", query, got, want)
			}
			if got := b.ids(Dynamic(b.cards, throughJSON(t, query))...); !slices.Equal(got, want) {
				t.Fatalf("%v: through JSON got %v, want %v", query, got, want)
			}
		}
		if found < 300 {
			t.Errorf("only %d documents were found: the questions are too hard", found)
		}
	})
}

// throughJSON gives a query as it comes from a file or the network. Plain
// structs become maps by their Go names there, so they are written by hand.
func throughJSON(t *testing.T, query map[string]any) map[string]any {
	t.Helper()
	plain := map[string]any{}
	for key, value := range query {
		switch v := value.(type) {
		case []Item:
			maps := []map[string]any{}
			for _, item := range v {
				maps = append(maps, map[string]any{"sku": item.SKU, "count": item.Count})
			}
			plain[key] = maps
		case []string:
			plain[key] = append([]string{}, v...)
		default:
			plain[key] = value
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
