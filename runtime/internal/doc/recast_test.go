package doc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Lone has a name, Whole the person that it became.
type Lone struct {
	_      struct{} `destam:"table=people"`
	Name   string   `destam:"name"`
	Second *string  `destam:"second"`
	Other  string   `destam:"other"`
}

type Whole struct {
	_      struct{} `destam:"table=people"`
	Person Human    `destam:"person,was=name"`
	Second Human    `destam:"next,was=second"`
	Other  string   `destam:"other"`
}

// Human is written "first last mail key=value…".
type Human struct {
	Name    Full              `destam:"name"`
	Mail    *string           `destam:"mail"`
	More    map[string]string `destam:"more"`
	Friends []Task            `destam:"friends"`
	Typing  string            `destam:"typing,local"`
}

type Full struct {
	First string `destam:"first"`
	Last  string `destam:"last"`
}

type (
	hLone struct {
		Object
		v *oLone
	}
	oLone struct {
		node   Node
		handle hLone
		name   string
		second Optional[string]
		other  string
	}
	hWhole struct {
		Object
		v *oWhole
	}
	oWhole struct {
		node   Node
		handle hWhole
		person oHuman
		second oHuman
		other  string
	}
	hHuman struct {
		Object
		v *oHuman
	}
	oHuman struct {
		node    Node
		handle  hHuman
		name    oFull
		mail    Optional[string]
		more    Leaves
		friends Objects[*oTask]
		typing  string
	}
	hFull struct {
		Object
		v *oFull
	}
	oFull struct {
		node   Node
		handle hFull
		first  string
		last   string
	}
)

func human(old string) (h Human, err error) {
	if strings.HasPrefix(old, "!") {
		return h, errors.New("nobody")
	}
	h.Typing = "never"
	for i, word := range strings.Fields(old) {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case i == 0:
			h.Name.First = word
		case i == 1:
			h.Name.Last = word
		case key == "friend":
			h.Friends = append(h.Friends, Task{Text: value})
		case pair:
			if h.More == nil {
				h.More = map[string]string{}
			}
			h.More[key] = value
		default:
			h.Mail = &word
		}
	}
	return h, nil
}

// humane is human as a document shows it.
func humane(old string) Human {
	h, err := human(old)
	if err != nil {
		panic(err)
	}
	h.Typing = ""
	return h
}

var loneType, wholeType = func() (*Type, *Type) {
	for _, name := range []string{"name", "second"} {
		RegisterUpcast(reflect.TypeFor[Whole](), name, reflect.TypeFor[string](), reflect.TypeFor[Human](), func(from, to reflect.Value) (err error) {
			*to.Interface().(*Human), err = human(*from.Interface().(*string))
			return err
		})
	}
	return TypeOf(reflect.TypeFor[hLone](), reflect.TypeFor[Lone]()), TypeOf(reflect.TypeFor[hWhole](), reflect.TypeFor[Whole]())
}()

// alone makes a document and gives its creation.
func lone(t testing.TB, v Lone) (*Document, []byte) {
	t.Helper()
	d := New(loneType, NewID(), &host{}, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	return d, p.Body
}

// reader loads what is stored as a program that knows typ.
func reader(typ *Type, checkpoint []byte, bodies ...[]byte) (*Document, error) {
	d := New(typ, NewID(), &host{}, Options{KeyBound: 64})
	defer d.Loaded()
	seq := uint64(1)
	if checkpoint != nil {
		if err := d.Load(seq, checkpoint); err != nil {
			return nil, err
		}
		seq++
	}
	for i, b := range bodies {
		if err := d.Replay(seq+uint64(i), b); err != nil {
			return nil, err
		}
	}
	return d, sameLater(d, seq, checkpoint, bodies)
}

func content(t testing.TB, d *Document) []byte {
	t.Helper()
	_, b, ok := d.Checkpoint()
	if !ok {
		t.Fatal("no checkpoint")
	}
	return b
}

func show(t testing.TB, what string, d *Document, want Whole) {
	t.Helper()
	if got := presentation[Whole](d); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// TestRecast has a program whose field was a value go on writing while another
// one, for which it is an object, reads each commit and each checkpoint.
func TestRecast(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		word := func() string {
			s := fmt.Sprint("a", r.IntN(3), " b", r.IntN(3))
			if r.IntN(2) == 0 {
				s += fmt.Sprint(" m", r.IntN(2))
			}
			for range r.IntN(3) {
				s += fmt.Sprintf(" k%d=%d", r.IntN(3), r.IntN(2))
			}
			return s
		}
		v := Lone{Name: word(), Other: "o"}
		past, creation := lone(t, v)
		bodies := [][]byte{creation}
		live, err := reader(wholeType, nil, creation)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 20 {
			do(root(past), func(n *Node) {
				switch s := word(); r.IntN(4) {
				case 0:
					n.ClearLeaf(1)
					v.Second = nil
				case 1:
					setText(n, 1, s)
					v.Second = &s
				default:
					setText(n, 0, s)
					v.Name = s
				}
			})
			before := len(bodies)
			bodies = store(past, bodies)
			want := Whole{Person: humane(v.Name), Other: "o"}
			if v.Second != nil {
				want.Second = humane(*v.Second)
			}
			for i, b := range bodies[before:] {
				if err := live.Rebase(uint64(before+i+1), b, Cause{}); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
			show(t, fmt.Sprintf("seed %d, step %d, live", seed, step), live, want)
			for what, from := range map[string][]byte{"checkpoint": content(t, past), "own checkpoint": content(t, live)} {
				d, err := reader(wholeType, from)
				if err != nil {
					t.Fatal(err)
				}
				show(t, fmt.Sprintf("seed %d, step %d, %s", seed, step, what), d, want)
			}
			d, err := reader(wholeType, nil, bodies...)
			if err != nil {
				t.Fatal(err)
			}
			show(t, fmt.Sprintf("seed %d, step %d, log", seed, step), d, want)
			if string(content(t, d)) != string(content(t, live)) {
				t.Fatalf("seed %d, step %d: two readers have other bytes", seed, step)
			}
		}
	}
}

// TestRecastBoth has the newer program change a part of the object. The older
// one keeps that aside, but not when it came, and the newer one leaves nothing of
// the value: neither reads the checkpoint of the other, and both lose nothing.
func TestRecastBoth(t *testing.T) {
	past, creation := lone(t, Lone{Name: "Ann Lee ann@x k=1"})
	live, err := reader(wholeType, nil, creation)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader(wholeType, content(t, past)); err != nil {
		t.Errorf("a checkpoint of before anything was changed: %v", err)
	}
	do(root(live), func(n *Node) { setText(n.inner(0).inner(0), 1, "Mae") })
	bodies := store(live, [][]byte{creation})
	if err := past.Rebase(2, bodies[1], Cause{}); err != nil {
		t.Fatal(err)
	}
	want := Whole{Person: humane("Ann Mae ann@x k=1")}
	show(t, "live", live, want)
	if _, err := reader(wholeType, content(t, past)); !errors.Is(err, ErrApart) || errors.Is(err, ErrCorrupt) {
		t.Errorf("the older program's checkpoint: %v", err)
	}
	// So it stands in an object that the older program has written whole.
	whole := wire.AppendInt(wire.AppendArray(nil, 2), checkpointVersion)
	if d, err := reader(wholeType, append(whole, past.object()...)); err != nil {
		t.Error(err)
	} else {
		show(t, "a part beside the value", d, want)
	}
	if _, err := reader(loneType, content(t, live)); !errors.Is(err, ErrApart) {
		t.Errorf("the newer program's checkpoint: %v", err)
	}
	again, err := reader(wholeType, content(t, live))
	if err != nil {
		t.Fatal(err)
	}
	show(t, "from its own checkpoint", again, want)
	do(root(past), func(n *Node) { setText(n, 0, "Bob") })
	bodies = store(past, bodies)
	for _, d := range []*Document{live, again} {
		if err := d.Rebase(3, bodies[2], Cause{}); err != nil {
			t.Fatal(err)
		}
		show(t, "afterwards", d, Whole{Person: humane("Bob")})
	}
	old, err := reader(loneType, nil, bodies...)
	if err != nil || presentation[Lone](old).Name != "Bob" {
		t.Errorf("the older program has %+v, %v", presentation[Lone](old), err)
	}
}

// TestRecastRefuses holds what is no change of an object that was a value, and
// what an upcaster cannot give.
func TestRecastRefuses(t *testing.T) {
	_, creation := lone(t, Lone{Name: "Ann"})
	for what, edit := range map[string]func(n *Node){
		"refused": func(n *Node) { setText(n, 0, "!") },
		"friends": func(n *Node) { setText(n, 0, "Ann Lee friend=Bob") },
	} {
		past, _ := lone(t, Lone{Name: "Ann"})
		do(root(past), edit)
		bodies := store(past, nil)
		_, err := reader(wholeType, nil, append([][]byte{creation}, bodies...)...)
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "a former string cannot be made a doc.Human") {
			t.Errorf("%s in a change: %v", what, err)
		}
		if what == "friends" && !errors.Is(err, errIdentity) {
			t.Errorf("the reason is lost: %v", err)
		}
		if _, err := reader(wholeType, content(t, past)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s in a checkpoint: %v", what, err)
		}
	}
	for what, body := range map[string]string{
		"inside the value": "\x91\x93\x02\xaaname.first\xa1x",
		"inserted element": "\x91\x94\x05\xa4name\xa1k\xa1x",
		"another kind":     "\x91\x93\x02\xa4name\x07",
		"twice":            "\x92\x93\x02\xa4name\xa1x\x93\x02\xa4name\xa1y",
	} {
		if _, err := reader(wholeType, nil, creation, []byte(body)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestRecastImport reads what the older program exported.
func TestRecastImport(t *testing.T) {
	past, _ := lone(t, Lone{Name: "Ann Lee ann@x k=1", Other: "o"})
	d, err := imported(wholeType, past.root.AppendExport(nil))
	if err != nil {
		t.Fatal(err)
	}
	show(t, "imported", d, Whole{Person: humane("Ann Lee ann@x k=1"), Other: "o"})
	if _, err := imported(wholeType, []byte(`{"name": {"first": "Ann"}}`)); err == nil {
		t.Error("an object was taken for the value that was before it")
	}
}
