package destam

import (
	"errors"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Person refers to other persons.
type Person struct {
	_    struct{}       `destam:"table=persons"`
	Name string         `destam:"name"`
	Boss Ref[OPerson]   `destam:"boss"`
	Team []Ref[OPerson] `destam:"team"`
}

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

type OPerson struct {
	ODocument
	v *oPerson
}

type oPerson struct {
	node   Node
	handle OPerson
	name   string
	boss   Coded
	team   Leaves
}

func (o *OPerson) Snapshot() Person { return *(*Person)(Snapshot(&o.OObject)) }

// TestRef follows references through the store, and says of each that leads
// nowhere why.
func TestRef(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		persons := tableOf[*Table[*OPerson, Person, struct{}]](b.DB)
		ann := must(persons.Create(ctx, Person{Name: "Ann"}))(t)
		bob := must(persons.Create(ctx, Person{Name: "Bob", Boss: RefTo(ann), Team: []Ref[OPerson]{RefTo(ann)}}))(t)
		of(&bob.OObject).forget()
		again := must(persons.Get(ctx, bob.ID()))(t)
		if again == bob {
			t.Fatal("it was not loaded")
		}
		v := again.Snapshot()
		if v.Boss != RefTo(ann) || len(v.Team) != 1 || v.Team[0].ID() != ann.ID() || v.Boss.IsZero() || v.Boss.String() != ann.ID().String() {
			t.Errorf("loaded %+v", v)
		}
		if got, err := v.Boss.Load(ctx, persons); err != nil || got != ann {
			t.Errorf("led to %v, %v", got, err)
		}
		if err := ann.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		for what, ref := range map[string]Ref[OPerson]{"deleted": v.Boss, "never": RefID[OPerson](ID{3}), "zero": {}} {
			_, err := ref.Load(ctx, persons)
			var e *Error
			if !errors.Is(err, ErrDangling) || !errors.Is(err, ErrNotFound) || !errors.As(err, &e) || e.Op != "load" || e.ID != ref.ID() {
				t.Errorf("%s: %v", what, err)
			}
		}
		if zero := (Ref[OPerson]{}); !zero.IsZero() || !must(persons.Create(ctx, Person{}))(t).Snapshot().Boss.IsZero() {
			t.Error("the zero reference leads somewhere")
		}
		card := b.create(Card{Lines: []Line{{}}})
		defer func() {
			if r, _ := recover().(string); !strings.Contains(r, "document") {
				t.Errorf("a reference to a line gave %q", r)
			}
		}()
		RefTo(card.Lines().At(0))
	})
}
