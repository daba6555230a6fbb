package doc

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Past is a struct as it was, Present as it is: under other names, of other
// types.
type Past struct {
	_     struct{}       `destam:"table=times"`
	Title string         `destam:"title"`
	Due   *int           `destam:"due"`
	Rank  string         `destam:"rank"`
	Sizes []int          `destam:"sizes"`
	Ages  map[string]int `destam:"ages"`
	Items []Task         `destam:"items"`
	Boss  *Task          `destam:"boss"`
	Same  string         `destam:"same"`
}

type Present struct {
	_      struct{}          `destam:"table=times"`
	Head   string            `destam:"head,was=title"`
	Day    int64             `destam:"day,was=due"`
	Rank   *int              `destam:"level,was=rank"`
	Sizes  []string          `destam:"lengths,was=sizes"`
	Ages   map[string]string `destam:"years,was=ages"`
	Things []Task            `destam:"things,was=items"`
	Chief  *Task             `destam:"chief,was=boss"`
	Same   string            `destam:"same"`
}

type hPast struct {
	Object
	v *oPast
}

type oPast struct {
	node   Node
	handle hPast
	title  string
	due    Optional[int]
	rank   string
	sizes  Leaves
	ages   Leaves
	items  Objects[*oTask]
	boss   ChildOf[*oTask]
	same   string
}

type hPresent struct {
	Object
	v *oPresent
}

type oPresent struct {
	node   Node
	handle hPresent
	head   string
	day    int64
	rank   Optional[int]
	sizes  Leaves
	ages   Leaves
	things Objects[*oTask]
	chief  ChildOf[*oTask]
	same   string
}

// upcaster registers a function for a former name.
func upcaster[A, B any](name string, fn func(A) (B, error)) {
	RegisterUpcast(reflect.TypeFor[Present](), name, reflect.TypeFor[A](), reflect.TypeFor[B](), func(from, to reflect.Value) (err error) {
		*to.Interface().(*B), err = fn(*from.Interface().(*A))
		return err
	})
}

var pastType, presentType = func() (*Type, *Type) {
	upcaster("due", func(old int) (int64, error) { return int64(old) * 10, nil })
	upcaster("rank", func(old string) (int, error) {
		if old == "panic" {
			panic("no rank")
		}
		return strconv.Atoi(old)
	})
	upcaster("sizes", func(old int) (string, error) { return strconv.Itoa(old), nil })
	upcaster("ages", func(old int) (string, error) { return strconv.Itoa(old), nil })
	return TypeOf(reflect.TypeFor[hPast](), reflect.TypeFor[Past]()), TypeOf(reflect.TypeFor[hPresent](), reflect.TypeFor[Present]())
}()

// pasts makes a document of the past and gives its commits.
func pasts(t *testing.T, v Past, edits ...func(n *Node)) (*Document, [][]byte) {
	t.Helper()
	d := New(pastType, NewID(), &host{}, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	bodies := [][]byte{p.Body}
	for _, edit := range edits {
		do(root(d), edit)
		bodies = store(d, bodies)
	}
	return d, bodies
}

func presentation[P any](d *Document) (v P) {
	d.lock()
	d.root.Snapshot(unsafe.Pointer(&v))
	d.mu.Unlock()
	return v
}

// loadPresent reads what the past has written, from a checkpoint and from the
// commits after it.
func loadPresent(checkpoint []byte, bodies ...[]byte) (*Document, error) {
	d := New(presentType, NewID(), &host{}, Options{KeyBound: 64})
	defer d.Loaded()
	if checkpoint != nil {
		if err := d.Load(1, checkpoint); err != nil {
			return nil, err
		}
	}
	for i, b := range bodies {
		if err := d.Replay(uint64(i+2), b); err != nil {
			return nil, err
		}
	}
	return d, sameLater(d, 2, checkpoint, bodies)
}

// TestFormer reads every kind of field by a former name, from a checkpoint and
// from commits.
func TestFormer(t *testing.T) {
	due, one := 7, 1
	old, bodies := pasts(t, Past{Title: "a", Due: &due, Rank: "1", Sizes: []int{1, 2}, Ages: map[string]int{"x": 1}, Items: []Task{{Text: "t"}}, Boss: &Task{Text: "b"}},
		func(n *Node) { setText(n, 0, "b") },
		func(n *Node) { n.ClearLeaf(1) },
		func(n *Node) { setText(n, 2, "2") },
		func(n *Node) { n.List(3).Remove(0, 1) },
		func(n *Node) {
			n.List(3).InsertPlain(1, 1, func(int) unsafe.Pointer { v := 3; return unsafe.Pointer(&v) })
		},
		func(n *Node) { v := 4; n.List(3).SetLeaf(0, unsafe.Pointer(&v)) },
		func(n *Node) { v := 5; n.List(4).PutPlain("y", unsafe.Pointer(&v)) },
		func(n *Node) { n.List(4).Remove(0, 1) },
		func(n *Node) { setText(n.List(5).Node(0), fText, "u") },
		func(n *Node) { setText(n.Child(6), fText, "c") },
	)
	two := 2
	want := Present{Head: "b", Rank: &two, Sizes: []string{"4", "3"}, Ages: map[string]string{"y": "5"}, Things: []Task{{Text: "u"}}, Chief: &Task{Text: "c"}}
	_, checkpoint, ok := old.Checkpoint()
	if !ok {
		t.Fatal("no checkpoint")
	}
	first, _ := pasts(t, Past{Title: "a", Due: &due, Rank: "1"})
	_, early, _ := first.Checkpoint()
	for what, load := range map[string]func() (*Document, error){
		"the commits":    func() (*Document, error) { return loadPresent(nil, bodies...) },
		"the checkpoint": func() (*Document, error) { return loadPresent(checkpoint) },
	} {
		d, err := load()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := presentation[Present](d); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
		}
		// What is written now has the names that it always had, and today's only
		// where something has become of it. It is read as it is.
		_, content, _ := d.Checkpoint()
		if again, err := loadPresent(content); err != nil || !reflect.DeepEqual(presentation[Present](again), want) {
			t.Errorf("%s: written and read again: %v", what, err)
		}
		written := func(name string) bool {
			return strings.Contains(string(d.object()), string(wire.AppendString(nil, name)))
		}
		for _, name := range []string{"due", "rank", "sizes", "ages", "head", "things", "chief"} {
			if written(name) {
				t.Errorf("%s: %q is written", what, name)
			}
		}
		for _, name := range []string{"title", "items", "boss", "day", "level", "lengths", "years"} {
			if !written(name) {
				t.Errorf("%s: %q is not written", what, name)
			}
		}
	}
	d, err := loadPresent(early)
	if got := presentation[Present](d); err != nil || got.Day != 70 || !reflect.DeepEqual(got.Rank, &one) {
		t.Errorf("from an early checkpoint: %+v, %v", got, err)
	}
}

// TestFormerBoth has two programs take turns with one document, of which one
// knows fields by the names that they have today, and the other by those that
// they had: each sees what the other does, whatever they begin with.
func TestFormerBoth(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		var v Called
		first := New(calledType, NewID(), &host{}, Options{KeyBound: 64})
		first.Init(unsafe.Pointer(&v), nil)
		p, err := first.Create(Cause{})
		if err != nil {
			t.Fatal(err)
		}
		d := deploy{bodies: [][]byte{p.Body}, checkpoints: map[int][][]byte{}}
		for step := range 40 {
			if edit := func(n *Node) { anything(r, n, step) }; r.IntN(2) == 0 {
				turn[Called](t, &d, r, calledType, edit)
			} else {
				turn[Recalled](t, &d, r, recalledType, edit)
			}
			p, q := presentation[Called](d.load(t, calledType)), presentation[Recalled](d.load(t, recalledType))
			if p.Title != q.Head || !reflect.DeepEqual(p.Items, q.Things) || !reflect.DeepEqual(p.Boss, q.Chief) || !reflect.DeepEqual(p.Sizes, q.Sizes) {
				t.Fatalf("seed %d, step %d:\nbefore %+v\n after %+v", seed, step, p, q)
			}
		}
		if d.left > 0 {
			t.Errorf("seed %d: %d checkpoints were left out", seed, d.left)
		}
	}
}

// Called is a struct as it was, Recalled as it is.
type Called struct {
	_     struct{} `destam:"table=calls"`
	Title string   `destam:"title"`
	Items []Task   `destam:"items"`
	Boss  *Task    `destam:"boss"`
	Sizes []string `destam:"sizes"`
}

type Recalled struct {
	_      struct{} `destam:"table=calls"`
	Head   string   `destam:"head,was=title"`
	Things []Task   `destam:"things,was=parts,was=items"`
	Chief  *Task    `destam:"chief,was=boss"`
	Sizes  []string `destam:"lengths,was=sizes"`
}

type (
	hCalled struct {
		Object
		v *oCalled
	}
	oCalled struct {
		node   Node
		handle hCalled
		title  string
		items  Objects[*oTask]
		boss   ChildOf[*oTask]
		sizes  Leaves
	}
	hRecalled struct {
		Object
		v *oRecalled
	}
	oRecalled struct {
		node   Node
		handle hRecalled
		head   string
		things Objects[*oTask]
		chief  ChildOf[*oTask]
		sizes  Leaves
	}
)

var (
	calledType   = TypeOf(reflect.TypeFor[hCalled](), reflect.TypeFor[Called]())
	recalledType = TypeOf(reflect.TypeFor[hRecalled](), reflect.TypeFor[Recalled]())
)

// anything changes a field that is known under two names.
func anything(r *rand.Rand, n *Node, step int) {
	things, sizes := n.EnsureList(1), n.EnsureList(3)
	text := strconv.Itoa(step)
	switch r.IntN(8) {
	case 0:
		setText(n, 0, text)
	case 1:
		n.SetChild(2, n.doc.Build(n.typ.Fields[2].typ, unsafe.Pointer(&Task{Text: text})))
	case 2:
		if boss := n.Child(2); boss != nil {
			setText(boss, fText, text)
		}
	case 3:
		if things.Len() > 0 {
			things.Remove(r.IntN(things.Len()), 1)
		}
	case 4:
		sizes.InsertPlain(0, 1, func(int) unsafe.Pointer { return unsafe.Pointer(&text) })
	case 5:
		if sizes.Len() > 0 {
			sizes.Remove(0, 1)
		}
	default:
		things.InsertPlain(r.IntN(things.Len()+1), 1, func(int) unsafe.Pointer { return unsafe.Pointer(&Task{Text: text}) })
	}
}

// TestUpcastFails holds that a value which an upcaster does not take is an error
// of loading, never a lost value or a panic.
func TestUpcastFails(t *testing.T) {
	for _, bad := range []string{"high", "panic"} {
		old, bodies := pasts(t, Past{Rank: bad}, func(n *Node) { setText(n, 2, "3") })
		_, err := loadPresent(nil, bodies...)
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "string cannot be made a int") {
			t.Errorf("%s in the creation: %v", bad, err)
		}
		_, content, _ := old.Checkpoint()
		if _, err := loadPresent(content); err != nil {
			t.Errorf("%s before the checkpoint: %v", bad, err)
		}
		_, bodies = pasts(t, Past{Rank: "1"}, func(n *Node) { setText(n, 2, bad) })
		if _, err := loadPresent(nil, bodies...); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s in a change: %v", bad, err)
		}
	}
}
