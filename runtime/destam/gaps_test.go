package destam

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// stored puts a document into a store as an older program would have, with
// nothing but an owner in its query section, and no content.
func stored(t testing.TB, d driver.Driver, owner string) ID {
	t.Helper()
	if err := d.Declare(ctx, driver.Schema{Table: "cards"}); err != nil {
		t.Fatal(err)
	}
	c := driver.Commit{
		Table: "cards", ID: ID{1}, Seq: 1, Try: newTry(), Kind: driver.KindChange,
		Time: time.Now().Round(0).UTC(), Body: []byte{0x91, 0x92, 0x00, 0x80},
		Section: must(driver.AppendValue(nil, driver.Object{{Name: "owner", Value: owner}}))(t),
	}
	if r := d.Append(ctx, []driver.Commit{c}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	return c.ID
}

// TestGaps asks for zero values that documents of an older program do not
// have: they are found, as their getters give them.
func TestGaps(t *testing.T) {
	w := CardWhere
	tests := []struct {
		name  string
		where []Predicate[*OCard]
		want  []int // of the three documents
	}{
		{"false", []Predicate[*OCard]{w.Open().Is(false)}, []int{0, 1}},
		{"true", []Predicate[*OCard]{w.Open().Is(true)}, []int{2}},
		{"empty text in an object", []Predicate[*OCard]{w.Place().City().Is("")}, []int{0, 1, 2}},
		{"a whole object", []Predicate[*OCard]{w.Place().Is(Address{})}, []int{0, 1, 2}},
		{"an empty array", []Predicate[*OCard]{w.Labels().Is()}, []int{0, 1, 2}},
		{"absent", []Predicate[*OCard]{w.Year().Absent(), w.Open().Is(false)}, []int{0, 1}},
		{"with another", []Predicate[*OCard]{w.Owner().Is("ann"), w.Open().Is(false)}, []int{0}},
	}
	onEach(t, func(t *testing.T, d driver.Driver) {
		all := []ID{stored(t, d, "ann")}
		b := open(t, noUnique{d}, nil)
		all = append(all, b.create(Card{Query: CardQuery{Owner: "bob"}}).ID(), b.create(Card{Query: CardQuery{Open: true}}).ID())
		for _, tt := range tests {
			var want []ID
			for _, i := range tt.want {
				want = append(want, all[i])
			}
			if got := b.ids(tt.where...); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", tt.name, got, want)
			}
			if n := must(Count(ctx, b.cards, tt.where...))(t); n != len(want) {
				t.Errorf("%s: counted %d, want %d", tt.name, n, len(want))
			}
		}
		old := must(b.cards.Get(ctx, all[0]))(t)
		old.Query().SetOpen(true)
		if err := old.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if got := b.ids(w.Open().Is(false)); !slices.Equal(got, all[1:2]) {
			t.Errorf("after it was written again: %v", got)
		}
	})
}

// noUnique is a driver that is told of no unique fields: a store that has
// documents takes no new ones.
type noUnique struct{ driver.Driver }

func (d noUnique) Declare(ctx context.Context, s driver.Schema) error {
	s.Unique = nil
	return d.Driver.Declare(ctx, s)
}
