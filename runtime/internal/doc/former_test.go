package doc

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"
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
	return d, nil
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
		// What is written now has today's names only, and is read as it is.
		_, content, _ := d.Checkpoint()
		if again, err := loadPresent(content); err != nil || !reflect.DeepEqual(presentation[Present](again), want) {
			t.Errorf("%s: written and read again: %v", what, err)
		}
		for _, name := range []string{"title", "due", "rank", "sizes", "ages", "items", "boss"} {
			if strings.Contains(string(content), "\xa4"+name) || strings.Contains(string(content), "\xa5"+name) {
				t.Errorf("%s: %q is written again", what, name)
			}
		}
	}
	d, err := loadPresent(early)
	if got := presentation[Present](d); err != nil || got.Day != 70 || !reflect.DeepEqual(got.Rank, &one) {
		t.Errorf("from an early checkpoint: %+v, %v", got, err)
	}
}

// TestFormerBoth has an older program write on after the newer one: what is there
// under both names is kept under both, and the newer one sees what it wrote.
func TestFormerBoth(t *testing.T) {
	old, _ := pasts(t, Past{Title: "a", Rank: "1", Sizes: []int{1}, Items: []Task{{Text: "old"}}})
	_, content, _ := old.Checkpoint()
	now, err := loadPresent(content)
	if err != nil {
		t.Fatal(err)
	}
	do(root(now), func(n *Node) { setText(n, 0, "new") })
	bodies := store(now, [][]byte{nil})
	// The older program keeps what it does not know.
	past := New(pastType, NewID(), &host{}, Options{KeyBound: 64})
	if err := past.Load(1, content); err != nil {
		t.Fatal(err)
	}
	if err := past.Replay(2, bodies[1]); err != nil {
		t.Fatal(err)
	}
	past.Loaded()
	if got := presentation[Past](past); got.Title != "a" || len(got.Items) != 1 {
		t.Errorf("the older program has %+v", got)
	}
	_, both, _ := past.Checkpoint()
	now, err = loadPresent(both)
	if err != nil {
		t.Fatal(err)
	}
	if got := presentation[Present](now); got.Head != "new" || !reflect.DeepEqual(got.Sizes, []string{"1"}) || len(got.Things) != 1 {
		t.Errorf("the newer program has %+v", got)
	}
	_, again, _ := now.Checkpoint()
	if past = New(pastType, NewID(), &host{}, Options{KeyBound: 64}); past.Load(1, again) != nil || presentation[Past](past).Title != "a" {
		t.Error("the older program's title is gone")
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
