package doc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Early has words where Late has tasks.
type Early struct {
	_     struct{}          `destam:"table=jobs"`
	Boss  *string           `destam:"boss"`
	Place string            `destam:"place"`
	Rooms map[string]string `destam:"rooms"`
	Done  []Task            `destam:"done"`
}

type Late struct {
	_     struct{}        `destam:"table=jobs"`
	Chief *Task           `destam:"chief,was=boss"`
	Spot  *Task           `destam:"spot,was=place"`
	Halls map[string]Task `destam:"halls,was=rooms"`
	Done  []Task          `destam:"done"`
	Later []Task          `destam:"later"`
}

type (
	hEarly struct {
		Object
		v *oEarly
	}
	oEarly struct {
		node   Node
		handle hEarly
		boss   Optional[string]
		place  string
		rooms  Leaves
		done   Objects[*oTask]
	}
	hLate struct {
		Object
		v *oLate
	}
	oLate struct {
		node   Node
		handle hLate
		chief  ChildOf[*oTask]
		spot   ChildOf[*oTask]
		halls  Objects[*oTask]
		done   Objects[*oTask]
		later  Objects[*oTask]
	}
)

var earlyType, lateType = func() (*Type, *Type) {
	for _, name := range []string{"boss", "place", "rooms"} {
		RegisterUpcast(reflect.TypeFor[Late](), name, reflect.TypeFor[string](), reflect.TypeFor[Task](), func(from, to reflect.Value) error {
			to.Interface().(*Task).Text = *from.Interface().(*string)
			return nil
		})
	}
	return TypeOf(reflect.TypeFor[hEarly](), reflect.TypeFor[Early]()), TypeOf(reflect.TypeFor[hLate](), reflect.TypeFor[Late]())
}()

func early(t testing.TB, v Early) (*Document, []byte) {
	t.Helper()
	d := New(earlyType, NewID(), &host{}, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	return d, p.Body
}

// late is what becomes of it.
func late(v Early) (w Late) {
	if v.Boss != nil {
		w.Chief = &Task{Text: *v.Boss}
	}
	w.Spot = &Task{Text: v.Place}
	for k, s := range v.Rooms {
		if w.Halls == nil {
			w.Halls = map[string]Task{}
		}
		w.Halls[k] = Task{Text: s}
	}
	w.Done = v.Done
	return w
}

// TestDerive reads values as objects with ids, from commits and from checkpoints,
// and comes to the same ids either way.
func TestDerive(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 12))
		old, creation := early(t, Early{Place: "here", Rooms: map[string]string{"a": "1"}})
		bodies := [][]byte{creation}
		live, err := reader(lateType, nil, creation)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 20 {
			do(root(old), func(n *Node) { earlyEdit(r, n) })
			before := len(bodies)
			bodies = store(old, bodies)
			for i, b := range bodies[before:] {
				if err := live.Rebase(uint64(before+i+1), b, Cause{}); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
			want := late(presentation[Early](old))
			if got := presentation[Late](live); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d, live:\n got %+v\nwant %+v", seed, step, got, want)
			}
			log, err := reader(lateType, nil, bodies...)
			if err != nil {
				t.Fatal(err)
			}
			begun, err := reader(lateType, content(t, old))
			if err != nil {
				t.Fatal(err)
			}
			for what, d := range map[string]*Document{"log": log, "checkpoint": begun} {
				if string(content(t, d)) != string(content(t, live)) {
					t.Fatalf("seed %d, step %d: the %s leads to other bytes", seed, step, what)
				}
			}
		}
	}
}

func earlyEdit(r *rand.Rand, n *Node) {
	s := strconv.Itoa(r.IntN(5))
	rooms, done := n.EnsureList(2), n.EnsureList(3)
	switch r.IntN(7) {
	case 0:
		setText(n, 0, s)
	case 1:
		n.ClearLeaf(0)
	case 2:
		setText(n, 1, s)
	case 3, 4:
		rooms.PutPlain(pos.Key(s), unsafe.Pointer(&s))
	case 5:
		if l := rooms.Len(); l > 0 {
			rooms.Remove(r.IntN(l), 1)
		}
	case 6:
		done.InsertPlain(0, 1, func(int) unsafe.Pointer { return unsafe.Pointer(&Task{Text: s}) })
	}
}

// lateEdit changes what values have become, puts things into it, and moves it.
func lateEdit(r *rand.Rand, n *Node) {
	s := strconv.Itoa(r.IntN(5))
	halls, done, later := n.EnsureList(2), n.EnsureList(3), n.EnsureList(4)
	task := unsafe.Pointer(&Task{Text: s, Sub: []Task{{Text: s}}})
	some := n.Child(r.IntN(2))
	if l := halls.Len(); l > 0 && r.IntN(2) == 0 {
		some = halls.Node(r.IntN(l))
	}
	switch r.IntN(9) {
	case 0:
		n.SetChild(r.IntN(2), n.doc.Build(lateType.Fields[0].typ, task))
	case 1:
		n.SetChild(r.IntN(2), nil)
	case 2:
		halls.PutPlain(pos.Key(s), task)
	case 3:
		if l := halls.Len(); l > 0 {
			halls.Remove(r.IntN(l), 1)
		}
	case 4:
		if some != nil {
			putIn(done, 0, some)
		}
	case 5:
		if some != nil {
			putIn(later, later.Len(), some)
		}
	case 6:
		for _, l := range []*List{done, later} {
			if l.Len() > 2 {
				l.Remove(0, 1)
			}
		}
	default:
		if some != nil {
			setText(some, fText, s)
			some.EnsureList(fSub).InsertPlain(0, 1, func(int) unsafe.Pointer { return task })
		}
	}
}

func putIn(l *List, i int, c *Node) {
	l.Open(i, 1)
	l.Put(i, c)
	l.Close(i, 1)
}

// TestDeriveInTurns has a program with words and one with tasks use one document
// in turns, and listen to each other: whatever checkpoints there are, each has
// what its own reading of the log gives.
func TestDeriveInTurns(t *testing.T) {
	left := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 13))
		_, creation := early(t, Early{Place: "here"})
		d := deploy{bodies: [][]byte{creation}, checkpoints: map[int][][]byte{}}
		lives := []*Document{d.replay(t, earlyType), d.replay(t, lateType)}
		for range 15 {
			before := len(d.bodies)
			if r.IntN(2) == 0 {
				turn[Early](t, &d, r, earlyType, func(n *Node) { earlyEdit(r, n) })
			} else {
				turn[Late](t, &d, r, lateType, func(n *Node) { lateEdit(r, n) })
			}
			for i, live := range lives {
				for j, b := range d.bodies[before:] {
					if err := live.Rebase(uint64(before+j+1), b, Cause{}); err != nil {
						t.Fatalf("seed %d, %d, commit %d: %v", seed, i, before+j+1, err)
					}
				}
				equalBytes(t, fmt.Sprintf("seed %d, %d: a live document and the log", seed, i), live, d.replay(t, live.root.typ))
			}
		}
		left += d.left
	}
	if left == 0 {
		t.Error("no checkpoint was ever left out")
	}
}

// TestDeriveLoses holds what a program passes over, and what it does not.
func TestDeriveLoses(t *testing.T) {
	word := "ann"
	old, creation := early(t, Early{Boss: &word})
	now, err := reader(lateType, nil, creation)
	if err != nil {
		t.Fatal(err)
	}
	do(root(now), func(n *Node) { setText(n.Child(0), fText, "ann lee") })
	bodies := store(now, [][]byte{creation})
	if err := old.Rebase(2, bodies[1], Cause{}); err != nil {
		t.Fatal(err)
	}
	if got := presentation[Early](old); *got.Boss != "ann" {
		t.Errorf("the older program has %q", *got.Boss)
	}
	if _, err := reader(lateType, content(t, old)); !errors.Is(err, ErrApart) {
		t.Errorf("a checkpoint without the change of a derived object: %v", err)
	}
	do(root(old), func(n *Node) { setText(n, 0, "bob") })
	bodies = store(old, bodies)
	if err := now.Rebase(3, bodies[2], Cause{}); err != nil || presentation[Late](now).Chief.Text != "bob" {
		t.Errorf("another value is another object: %+v, %v", presentation[Late](now).Chief, err)
	}
	// Of an object that was not made of a value nothing is passed over.
	stray := NewID()
	body := "\x91\x93\x02\x92\xd8\x02" + string(stray[:]) + "\xa4text\xa1x"
	if _, err := reader(earlyType, nil, creation, []byte(body)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a change of an object that is nowhere: %v", err)
	}
}

// TestDeriveImport reads what the older program exported.
func TestDeriveImport(t *testing.T) {
	word := "ann"
	v := Early{Boss: &word, Place: "p", Rooms: map[string]string{"a": "1", "b": "2"}}
	old, _ := early(t, v)
	d, err := imported(lateType, old.root.AppendExport(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := presentation[Late](d); !reflect.DeepEqual(got, late(v)) {
		t.Errorf("imported\n%+v, not\n%+v", got, late(v))
	}
}
