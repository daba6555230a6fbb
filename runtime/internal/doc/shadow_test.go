package doc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Deep has a place where Flat has the words for it, in the document and in its
// elements.
type Deep struct {
	_     struct{} `destam:"table=moves"`
	Home  Spot     `destam:"home"`
	Stops []Stop   `destam:"stops"`
}

type Stop struct {
	At   Spot   `destam:"at"`
	Text string `destam:"text"`
}

// Spot is a place.
type Spot struct {
	City string `destam:"town,was=city"`
	Zip  *int   `destam:"zip"`
	Geo  Geo    `destam:"geo"`
}

type Geo struct {
	Lat int `destam:"lat"`
}

type Flat struct {
	_     struct{}   `destam:"table=moves"`
	Home  string     `destam:"address,was=home"`
	Stops []FlatStop `destam:"stops"`
}

type FlatStop struct {
	At   string `destam:"where,was=at"`
	Text string `destam:"text"`
}

type (
	hDeep struct {
		Object
		v *oDeep
	}
	oDeep struct {
		node   Node
		handle hDeep
		home   oSpot
		stops  Objects[*oStop]
	}
	hStop struct {
		Object
		v *oStop
	}
	oStop struct {
		node   Node
		handle hStop
		at     oSpot
		text   string
	}
	hSpot struct {
		Object
		v *oSpot
	}
	oSpot struct {
		node   Node
		handle hSpot
		city   string
		zip    Optional[int]
		geo    oGeo
	}
	hGeo struct {
		Object
		v *oGeo
	}
	oGeo struct {
		node   Node
		handle hGeo
		lat    int
	}
	hFlat struct {
		Object
		v *oFlat
	}
	oFlat struct {
		node   Node
		handle hFlat
		home   string
		stops  Objects[*oFlatStop]
	}
	hFlatStop struct {
		Object
		v *oFlatStop
	}
	oFlatStop struct {
		node   Node
		handle hFlatStop
		at     string
		text   string
	}
)

func words(s Spot) (string, error) {
	if s.City == "!" {
		return "", errors.New("no city")
	}
	zip := "-"
	if s.Zip != nil {
		zip = strconv.Itoa(*s.Zip)
	}
	return fmt.Sprint(s.City, " ", zip, " ", s.Geo.Lat), nil
}

var deepType, flatType = func() (*Type, *Type) {
	for plain, name := range map[reflect.Type]string{reflect.TypeFor[Flat](): "home", reflect.TypeFor[FlatStop](): "at"} {
		RegisterUpcast(plain, name, reflect.TypeFor[Spot](), reflect.TypeFor[string](), func(from, to reflect.Value) (err error) {
			*to.Interface().(*string), err = words(*from.Interface().(*Spot))
			return err
		})
	}
	return TypeOf(reflect.TypeFor[hDeep](), reflect.TypeFor[Deep]()), TypeOf(reflect.TypeFor[hFlat](), reflect.TypeFor[Flat]())
}()

func deep(t testing.TB, v Deep) (*Document, []byte) {
	t.Helper()
	d := New(deepType, NewID(), &host{}, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	return d, p.Body
}

// flat is what becomes of it.
func flat(t testing.TB, v Deep) (w Flat) {
	say := func(s Spot) string {
		text, err := words(s)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	w.Home = say(v.Home)
	for _, s := range v.Stops {
		w.Stops = append(w.Stops, FlatStop{At: say(s.At), Text: s.Text})
	}
	return w
}

func deepEdit(r *rand.Rand, n *Node) {
	v := r.IntN(9)
	s := strconv.Itoa(v)
	stops, spot := n.EnsureList(1), n.inner(0)
	if l := stops.Len(); l > 0 && r.IntN(2) == 0 {
		spot = stops.Node(r.IntN(l)).inner(0)
	}
	switch r.IntN(6) {
	case 0:
		setText(spot, 0, s)
	case 1:
		spot.SetLeaf(1, unsafe.Pointer(&v))
	case 2:
		spot.ClearLeaf(1)
	case 3:
		spot.inner(2).SetLeaf(0, unsafe.Pointer(&v))
	case 4:
		stops.InsertPlain(0, 1, func(int) unsafe.Pointer { return unsafe.Pointer(&Stop{At: Spot{City: s}, Text: s}) })
	case 5:
		if l := stops.Len(); l > 2 {
			stops.Remove(r.IntN(l), 1)
		}
	}
}

func flatEdit(r *rand.Rand, n *Node) {
	s := strconv.Itoa(r.IntN(9))
	stops := n.EnsureList(1)
	switch l := stops.Len(); r.IntN(4) {
	case 0:
		setText(n, 0, s)
	case 1:
		stops.InsertPlain(0, 1, func(int) unsafe.Pointer { return unsafe.Pointer(&FlatStop{At: s, Text: s}) })
	case 2:
		if l > 2 {
			stops.Remove(r.IntN(l), 1)
		}
	case 3:
		if l > 0 {
			setText(stops.Node(r.IntN(l)), 0, s)
		}
	}
}

// TestShadow reads objects as values, from commits and from checkpoints.
func TestShadow(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 14))
		old, creation := deep(t, Deep{Home: Spot{City: "here"}})
		bodies := [][]byte{creation}
		live, err := reader(flatType, nil, creation)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 20 {
			do(root(old), func(n *Node) { deepEdit(r, n) })
			before := len(bodies)
			bodies = store(old, bodies)
			for i, b := range bodies[before:] {
				if err := live.Rebase(uint64(before+i+1), b, Cause{}); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
			want := flat(t, presentation[Deep](old))
			begun, err := reader(flatType, content(t, old))
			if err != nil {
				t.Fatal(err)
			}
			own, err := reader(flatType, content(t, live))
			if err != nil {
				t.Fatal(err)
			}
			for what, d := range map[string]*Document{"live": live, "checkpoint": begun, "own checkpoint": own} {
				if got := presentation[Flat](d); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d, step %d, %s:\n got %+v\nwant %+v", seed, step, what, got, want)
				}
			}
			if _, err := reader(deepType, content(t, live)); !errors.Is(err, ErrApart) {
				t.Fatalf("seed %d, step %d: the older program reads the newer one's checkpoint: %v", seed, step, err)
			}
		}
	}
}

// TestShadowInTurns has both programs use one document in turns.
func TestShadowInTurns(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 15))
		_, creation := deep(t, Deep{Home: Spot{City: "here"}})
		d := deploy{bodies: [][]byte{creation}, checkpoints: map[int][][]byte{}}
		lives := []*Document{d.replay(t, deepType), d.replay(t, flatType)}
		for range 15 {
			before := len(d.bodies)
			if r.IntN(2) == 0 {
				was := presentation[Flat](d.replay(t, flatType))
				turn[Deep](t, &d, r, deepType, func(n *Node) { deepEdit(r, n) })
				if is := presentation[Flat](d.replay(t, flatType)); len(d.bodies) == before && !reflect.DeepEqual(was, is) {
					t.Fatalf("seed %d: nothing was stored, and the newer program has %+v and not %+v", seed, is, was)
				}
			} else {
				was := presentation[Deep](d.replay(t, deepType)).Home
				turn[Flat](t, &d, r, flatType, func(n *Node) { flatEdit(r, n) })
				if is := presentation[Deep](d.replay(t, deepType)).Home; !reflect.DeepEqual(was, is) {
					t.Fatalf("seed %d: the older program's value became %+v, it was %+v", seed, is, was)
				}
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
	}
}

// TestShadowRefuses holds that a value which cannot be made refuses the commit, and
// that what is no value inside of the object does, too.
func TestShadowRefuses(t *testing.T) {
	old, creation := deep(t, Deep{Home: Spot{City: "here"}})
	do(root(old), func(n *Node) { setText(n.inner(0), 0, "!") })
	bodies := store(old, [][]byte{creation})
	live, err := reader(flatType, nil, creation)
	if err != nil {
		t.Fatal(err)
	}
	before := string(content(t, live))
	err = live.Rebase(2, bodies[1], Cause{})
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "a former doc.Spot cannot be made a string: no city") {
		t.Errorf("a commit: %v", err)
	}
	if string(content(t, live)) != before {
		t.Error("a commit was refused, and yet the document changed")
	}
	if _, err := reader(flatType, content(t, old)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a checkpoint: %v", err)
	}
	for what, body := range map[string]string{
		"an element":     "\x91\x94\x05\xa9home.city\xa1k\xa1x",
		"another kind":   "\x91\x93\x02\xa9home.city\x07",
		"inside a value": "\x91\x93\x02\xabhome.city.x\xa1x",
	} {
		if err := live.Rebase(2, []byte(body), Cause{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestShadowImport reads what the older program exported.
func TestShadowImport(t *testing.T) {
	zip := 7
	v := Deep{Home: Spot{City: "c", Zip: &zip, Geo: Geo{Lat: 3}}, Stops: []Stop{{At: Spot{City: "d"}}}}
	old, _ := deep(t, v)
	d, err := imported(flatType, old.root.AppendExport(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := presentation[Flat](d); !reflect.DeepEqual(got, flat(t, v)) {
		t.Errorf("imported\n%+v, not\n%+v", got, flat(t, v))
	}
}
