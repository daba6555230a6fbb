package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Two versions of one model. Each has fields, at every depth, that the other
// does not know, and objects can be in both kinds of places.

type OldThing struct {
	_      struct{}           `destam:"table=things"`
	Query  OldQuery           `destam:"query"`
	Title  string             `destam:"title"`
	Items  []OldItem          `destam:"items"`
	Box    OldBox             `destam:"box"`
	Boss   *OldItem           `destam:"boss"`
	Rank   *int               `destam:"rank"`
	Legacy map[int]OldItem    `destam:"legacy"`
	Marks  []string           `destam:"marks"`
	Shelf  map[string]OldItem `destam:"shelf"`
}

type OldQuery struct {
	Owner string `destam:"owner"`
	Year  int    `destam:"year"`
}

type OldBox struct {
	Size int       `destam:"size"`
	In   []OldItem `destam:"in"`
}

type OldItem struct {
	Text string    `destam:"text"`
	Sub  []OldItem `destam:"sub"`
	Note *string   `destam:"note"`
}

type NewThing struct {
	_       struct{}           `destam:"table=things"`
	Title   string             `destam:"title"`
	Query   NewQuery           `destam:"query"`
	Items   []NewItem          `destam:"items"`
	Box     NewBox             `destam:"box"`
	Boss    *NewItem           `destam:"boss"`
	Shelf   map[string]NewItem `destam:"shelf"`
	Prefs   NewPrefs           `destam:"prefs"`
	Archive []NewItem          `destam:"archive"`
	Lead    *NewItem           `destam:"lead"`
	Named   map[string]NewItem `destam:"named"`
	Counts  map[string]int     `destam:"counts"`
	Years   map[int]NewItem    `destam:"years"`
	Keyed   map[ID]int         `destam:"keyed"`
	Seen    *time.Time         `destam:"seen"`
	Blob    []byte             `destam:"blob"`
	Nums    []int              `destam:"nums"`
	Grid    [][]string         `destam:"grid"`
}

type NewQuery struct {
	Owner string    `destam:"owner"`
	Tags  []string  `destam:"tags"`
	Parts []NewItem `destam:"parts"`
	Deep  NewPrefs  `destam:"deep"`
}

type NewBox struct {
	Size int       `destam:"size"`
	In   []NewItem `destam:"in"`
	Lid  *NewItem  `destam:"lid"`
}

type NewPrefs struct {
	Color string    `destam:"color"`
	Inner NewInner  `destam:"inner"`
	Fans  []NewItem `destam:"fans"`
}

type NewInner struct {
	Level int      `destam:"level"`
	Names []string `destam:"names"`
}

type NewItem struct {
	Text  string    `destam:"text"`
	Sub   []NewItem `destam:"sub"`
	Color string    `destam:"color"`
	Parts []NewItem `destam:"parts"`
	Prefs NewInner  `destam:"prefs"`
}

type oOldThing struct {
	node   Node
	handle hOldThing
	query  oOldQuery
	title  string
	items  Objects[*oOldItem]
	box    oOldBox
	boss   ChildOf[*oOldItem]
	rank   Optional[int]
	legacy Objects[*oOldItem]
	marks  Leaves
	shelf  Objects[*oOldItem]
}

type hOldThing struct {
	Object
	v *oOldThing
}

type oOldQuery struct {
	node   Node
	handle hOldQuery
	owner  string
	year   int
}

type hOldQuery struct {
	Object
	v *oOldQuery
}

type oOldBox struct {
	node   Node
	handle hOldBox
	size   int
	in     Objects[*oOldItem]
}

type hOldBox struct {
	Object
	v *oOldBox
}

type oOldItem struct {
	node   Node
	handle hOldItem
	text   string
	sub    Objects[*oOldItem]
	note   Optional[string]
}

type hOldItem struct {
	Object
	v *oOldItem
}

type oNewThing struct {
	node    Node
	handle  hNewThing
	title   string
	query   oNewQuery
	items   Objects[*oNewItem]
	box     oNewBox
	boss    ChildOf[*oNewItem]
	shelf   Objects[*oNewItem]
	prefs   oNewPrefs
	archive Objects[*oNewItem]
	lead    ChildOf[*oNewItem]
	named   Objects[*oNewItem]
	counts  Leaves
	years   Objects[*oNewItem]
	keyed   Leaves
	seen    Optional[time.Time]
	blob    []byte
	nums    Leaves
	grid    Leaves
}

type hNewThing struct {
	Object
	v *oNewThing
}

type oNewQuery struct {
	node   Node
	handle hNewQuery
	owner  string
	tags   Leaves
	parts  Objects[*oNewItem]
	deep   oNewPrefs
}

type hNewQuery struct {
	Object
	v *oNewQuery
}

type oNewBox struct {
	node   Node
	handle hNewBox
	size   int
	in     Objects[*oNewItem]
	lid    ChildOf[*oNewItem]
}

type hNewBox struct {
	Object
	v *oNewBox
}

type oNewPrefs struct {
	node   Node
	handle hNewPrefs
	color  string
	inner  oNewInner
	fans   Objects[*oNewItem]
}

type hNewPrefs struct {
	Object
	v *oNewPrefs
}

type oNewInner struct {
	node   Node
	handle hNewInner
	level  int
	names  Leaves
}

type hNewInner struct {
	Object
	v *oNewInner
}

type oNewItem struct {
	node   Node
	handle hNewItem
	text   string
	sub    Objects[*oNewItem]
	color  string
	parts  Objects[*oNewItem]
	prefs  oNewInner
}

type hNewItem struct {
	Object
	v *oNewItem
}

var (
	oldType = TypeOf(reflect.TypeFor[hOldThing](), reflect.TypeFor[OldThing]())
	newType = TypeOf(reflect.TypeFor[hNewThing](), reflect.TypeFor[NewThing]())
)

// scribbler changes documents of any model at random.
type scribbler struct{ r *rand.Rand }

// value makes a value of a leaf type.
func (s scribbler) value(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	n := s.r.IntN(7) - 2
	switch t.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "längerer Text", "\xff\x00", "b"}[max(0, min(n, 4))])
	case reflect.Bool:
		v.SetBool(n > 0)
	case reflect.Slice:
		for range max(n, 0) {
			v.Set(reflect.Append(v, s.value(t.Elem())))
		}
	case reflect.Struct:
		v.Set(reflect.ValueOf(time.Unix(int64(n), 5).UTC()))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(max(n, 0)))
		}
	default:
		if v.CanInt() {
			v.SetInt(int64(n))
		} else if v.CanUint() {
			v.SetUint(uint64(n + 2))
		} else {
			v.SetFloat(float64(n) / 4)
		}
	}
	return v
}

// plain makes a plain struct with a little in it.
func (s scribbler) plain(t *Type) reflect.Value {
	v := reflect.New(t.plain)
	for i := range v.Elem().NumField() {
		f := v.Elem().Field(i)
		switch k := f.Kind(); {
		case f.CanSet() && (k == reflect.String || k == reflect.Int):
			f.Set(s.value(f.Type()))
		case f.CanSet() && k == reflect.Slice && f.Type().Elem() == t.plain && s.r.IntN(3) == 0:
			f.Set(reflect.Append(f, s.plain(t).Elem()))
		}
	}
	return v
}

// scribble makes one change somewhere in the document.
func (s scribbler) scribble(d *Document) {
	var places, objects []*Node
	d.root.nodes(func(n *Node) {
		n.inners(func(n *Node) { places = append(places, n) })
		if n != d.root {
			objects = append(objects, n)
		}
	})
	n := places[0]
	if s.r.IntN(2) == 0 {
		n = places[s.r.IntN(len(places))]
	}
	if len(n.typ.Fields) == 0 {
		return // of unknown type
	}
	f := s.r.IntN(len(n.typ.Fields))
	fd := &n.typ.Fields[f]
	pick := func() *Node { // a new object, or one that is there
		if len(objects) > 0 && s.r.IntN(2) == 0 {
			if c := objects[s.r.IntN(len(objects))]; n.Linkable(f, c) == nil {
				return c
			}
		}
		return d.Build(fd.typ, s.plain(fd.typ).UnsafePointer())
	}
	switch fd.Kind {
	case Leaf, OptionalLeaf:
		if fd.Kind == OptionalLeaf && s.r.IntN(3) == 0 {
			n.ClearLeaf(f)
			return
		}
		v := reflect.New(fd.leaf.typ)
		v.Elem().Set(s.value(fd.leaf.typ))
		n.SetLeaf(f, v.UnsafePointer())
	case Child:
		if s.r.IntN(3) == 0 {
			n.SetChild(f, nil)
		} else {
			n.SetChild(f, pick())
		}
	case LeafList, NodeList:
		s.list(n, f, pick)
	}
}

func (s scribbler) list(n *Node, f int, pick func() *Node) {
	fd, l := &n.typ.Fields[f], n.EnsureList(f)
	var leaf unsafe.Pointer
	if fd.Kind == LeafList {
		v := reflect.New(fd.leaf.typ)
		v.Elem().Set(s.value(fd.leaf.typ))
		leaf = v.UnsafePointer()
	}
	count := l.Len()
	switch op := s.r.IntN(5); {
	case op == 0 && count > 0:
		l.Remove(s.r.IntN(count), 1)
	case op == 1 && count > 1 && fd.keys == nil:
		l.Move(s.r.IntN(count), s.r.IntN(count))
	case op == 2 && count > 0 && leaf != nil:
		l.SetLeaf(s.r.IntN(count), leaf)
	case op == 2 && count > 0:
		l.SetNode(s.r.IntN(count), pick())
	case fd.keys != nil:
		k := reflect.New(fd.keys.typ)
		k.Elem().Set(s.value(fd.keys.typ))
		if leaf != nil {
			l.PutPlain(fd.keys.at(k.UnsafePointer()), leaf)
		} else {
			l.LinkKey(fd.keys.at(k.UnsafePointer()), pick())
		}
	default:
		i := s.r.IntN(count + 1)
		if leaf != nil {
			for range 1 + s.r.IntN(12) { // keys grow
				l.InsertPlain(i, 1, func(int) unsafe.Pointer { return leaf })
			}
			return
		}
		c := pick()
		l.Open(i, 1)
		l.Put(i, c)
		l.Close(i, 1)
	}
}

// knows is the content that a document's own version knows of.
func knows(t testing.TB, d *Document) []byte {
	t.Helper()
	c := New(d.root.typ, d.ID, &host{}, d.opts)
	if err := c.Load(1, d.content()); err != nil {
		t.Fatal(err)
	}
	var all []*Node
	c.root.nodes(func(n *Node) { n.inners(func(n *Node) { all = append(all, n) }) })
	for _, n := range all {
		n.unknown.objects(func(o *Node) { o.release(holder{n: n, f: unknownPlace}) })
		n.unknown = nil
	}
	return c.object()
}

// TestVersions lets two versions of a program take turns at one document,
// each reading what the other wrote, commits or a checkpoint, as it comes.
// Whatever the other does in places that a version does not know, and
// whatever moves between those and the others: both versions end with what
// they would see had the other never come between.
func TestVersions(t *testing.T) {
	turns := 1000
	for seed := range rounds(4) {
		s := scribbler{rand.New(rand.NewPCG(seed, 20))}
		opts := Options{KeyBound: bounds[seed%2]}
		plain := OldThing{Title: "t", Items: []OldItem{{Text: "1", Sub: []OldItem{{Text: "2"}}}}}
		first := New(oldType, NewID(), &host{}, opts)
		first.Init(unsafe.Pointer(&plain), nil)
		p, err := first.Create(Cause{})
		if err != nil {
			t.Fatal(err)
		}
		types := []*Type{oldType, newType}
		straight := make([]*Document, 2) // each version reads every commit
		for i, typ := range types {
			straight[i] = New(typ, NewID(), &host{}, opts)
			if err := straight[i].Replay(1, p.Body); err != nil {
				t.Fatal(err)
			}
		}
		checkpoint, at, after := first.content(), uint64(1), [][]byte(nil)
		for turn := range turns {
			what := fmt.Sprintf("seed %d turn %d", seed, turn)
			me := turn % 2
			d := New(types[me], NewID(), &host{}, opts)
			if err := d.Load(at, checkpoint); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for i, b := range after {
				if err := d.Replay(at+uint64(i)+1, b); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			d.Loaded()
			if turn%7 == 0 && !bytes.Equal(knows(t, d), knows(t, straight[me])) {
				t.Fatalf("%s: this version has lost something", what)
			}
			checkHolders(t, d)
			for range 1 + s.r.IntN(4) {
				do(root(d), func(*Node) { s.scribble(d) })
			}
			for _, c := range d.Seal() {
				d.Stored(c, d.base+1)
				after = append(after, c.Body)
				for _, x := range straight {
					if err := x.Replay(d.base, c.Body); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
				}
			}
			if s.r.IntN(3) == 0 {
				seq, content, ok := d.Checkpoint()
				if !ok {
					t.Fatal("no checkpoint")
				}
				checkpoint, at, after = content, seq, nil
			}
		}
		if len(straight[1].content()) < 200 {
			t.Fatal("nothing happened")
		}
	}
}

// TestUnknownKeeps holds one by one what TestVersions does at random.
func TestUnknownKeeps(t *testing.T) {
	item := func(s string) NewItem { return NewItem{Text: s, Color: "c" + s} }
	begin := NewThing{
		Items:   []NewItem{item("i0"), item("i1")},
		Archive: []NewItem{item("a0")},
		Prefs:   NewPrefs{Color: "red", Inner: NewInner{Level: 7, Names: []string{"x"}}},
		Counts:  map[string]int{"one": 1},
		Nums:    []int{1, 2, 3},
	}
	open := func(t *testing.T, typ *Type, content []byte) *Document {
		d := New(typ, NewID(), &host{}, Options{KeyBound: 64})
		if err := d.Load(1, content); err != nil {
			t.Fatal(err)
		}
		d.Loaded()
		return d
	}
	field := func(n *Node, name string) int { return n.typ.byName[name] }
	move := func(n *Node, from, to string) {
		a, b := n.List(field(n, from)), n.EnsureList(field(n, to))
		c := a.Node(0)
		a.Remove(0, 1)
		b.Open(0, 1)
		b.Put(0, c)
		b.Close(0, 1)
	}
	text := func(n *Node, s string) { setText(n, field(n, "text"), s) }
	steps := []struct {
		name string
		old  []func(d *Document) // the old program's turns, and the new one's, one after the other
		new  []func(d *Document)
		want func(v *NewThing)
	}{
		{
			name: "an unknown place refers to an object that leaves the known ones",
			new: []func(*Document){func(d *Document) {
				c := d.root.List(field(d.root, "items")).Node(0)
				d.root.SetChild(field(d.root, "lead"), c)
			}},
			old:  []func(*Document){func(d *Document) { d.root.List(field(d.root, "items")).Remove(0, 1) }},
			want: func(v *NewThing) { i := item("i0"); v.Lead, v.Items = &i, v.Items[1:] },
		},
		{
			name: "an object moves to an unknown place, and back when it was changed there",
			new: []func(*Document){
				func(d *Document) { move(d.root, "items", "archive") },
				func(d *Document) { text(d.root.List(field(d.root, "archive")).Node(0), "changed") },
				func(d *Document) { move(d.root, "archive", "items") },
			},
			old: []func(*Document){nil, nil, nil, func(d *Document) { text(d.root.List(field(d.root, "items")).Node(0), "again") }},
			want: func(v *NewThing) {
				v.Items[0].Text = "again"
			},
		},
		{
			name: "an object of an unknown place comes to a known one",
			new:  []func(*Document){func(d *Document) { move(d.root, "archive", "items") }},
			old:  []func(*Document){nil, func(d *Document) { text(d.root.List(field(d.root, "items")).Node(0), "old") }},
			want: func(v *NewThing) {
				i := item("a0")
				i.Text = "old"
				v.Items, v.Archive = append([]NewItem{i}, v.Items...), nil
			},
		},
		{
			name: "what was inside goes with it",
			new: []func(*Document){
				func(d *Document) {
					insertTasksOf(d.root.List(field(d.root, "archive")).Node(0), "parts", &NewItem{Text: "p"})
				},
				func(d *Document) { move(d.root, "archive", "items") },
			},
			old: []func(*Document){nil, nil, func(d *Document) { d.root.List(field(d.root, "items")).Remove(1, 1) }},
			want: func(v *NewThing) {
				i := item("a0")
				i.Parts = []NewItem{{Text: "p"}}
				v.Items, v.Archive = []NewItem{i, v.Items[1]}, nil
			},
		},
		{
			name: "the old program makes an object, the new one fills what is unknown",
			old: []func(*Document){func(d *Document) {
				insertTasksOf(d.root, "items", &OldItem{Text: "n"})
			}},
			new: []func(*Document){nil, func(d *Document) {
				c := d.root.List(field(d.root, "items")).Node(0)
				p := c.inner(field(c, "prefs"))
				level := 3
				p.SetLeaf(field(p, "level"), unsafe.Pointer(&level))
				insertStrings(p, field(p, "names"), 0, "a", "b")
			}},
			want: func(v *NewThing) {
				v.Items = append([]NewItem{{Text: "n", Prefs: NewInner{Level: 3, Names: []string{"a", "b"}}}}, v.Items...)
			},
		},
		{
			name: "lists and maps of values",
			new: []func(*Document){func(d *Document) {
				l := d.root.List(field(d.root, "nums"))
				l.Remove(1, 1)
				nine := 9
				l.SetLeaf(0, unsafe.Pointer(&nine))
				d.root.List(field(d.root, "counts")).Remove(0, 1)
				p := d.root.inner(field(d.root, "prefs"))
				setText(p, field(p, "color"), "blue")
			}},
			want: func(v *NewThing) { v.Nums, v.Counts, v.Prefs.Color = []int{9, 3}, nil, "blue" },
		},
		{
			name: "Assign leaves alone what it does not know",
			old: []func(*Document){func(d *Document) {
				var v OldThing
				d.root.Snapshot(unsafe.Pointer(&v))
				v.Items[1].Text = "assigned"
				v.Title = "T"
				d.root.Assign(unsafe.Pointer(&v))
			}},
			want: func(v *NewThing) { v.Items[1].Text, v.Title = "assigned", "T" },
		},
		{
			name: "taken back",
			old: []func(*Document){func(d *Document) {
				c := d.root.List(field(d.root, "items")).Node(0)
				text(c, "never")
				d.root.List(field(d.root, "items")).Remove(0, 1)
				d.sealWindow()
				p := d.pending[0]
				d.takeBack(0, errors.New("refused"))
				if len(d.pending) > 0 || p == nil {
					panic("not taken back")
				}
			}},
			want: func(*NewThing) {},
		},
	}
	for _, c := range steps {
		t.Run(c.name, func(t *testing.T) {
			d := New(newType, NewID(), &host{}, Options{KeyBound: 64})
			v := begin
			d.Init(unsafe.Pointer(&v), nil)
			if _, err := d.Create(Cause{}); err != nil {
				t.Fatal(err)
			}
			content := d.content()
			var bodies [][]byte
			turn := func(typ *Type, todo []func(*Document), i int) {
				d := open(t, typ, content)
				if i < len(todo) && todo[i] != nil {
					do(root(d), func(*Node) { todo[i](d) })
				}
				for _, p := range d.Seal() {
					bodies = append(bodies, p.Body)
					d.Stored(p, d.base+1)
				}
				content = d.content()
			}
			for i := range max(len(c.old), len(c.new)) {
				turn(newType, c.new, i)
				turn(oldType, c.old, i)
			}
			want := begin
			want.Items, want.Archive = slices.Clone(begin.Items), slices.Clone(begin.Archive)
			c.want(&want)
			var got NewThing
			end := open(t, newType, content)
			end.root.Snapshot(unsafe.Pointer(&got))
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("ends as\n%+v, not\n%+v", got, want)
			}
			straight := New(newType, NewID(), &host{}, Options{KeyBound: 64})
			if err := straight.Load(1, d.content()); err != nil {
				t.Fatal(err)
			}
			for _, b := range bodies {
				if err := straight.Replay(2, b); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(knows(t, straight), knows(t, end)) {
				t.Fatal("the commits alone lead to something else")
			}
		})
	}
}

// insertTasksOf inserts one new object at the beginning of a list.
func insertTasksOf[P any](n *Node, field string, v *P) {
	n.EnsureList(n.typ.byName[field]).InsertPlain(0, 1, func(int) unsafe.Pointer { return unsafe.Pointer(v) })
}

// TestUnknownSection keeps unknown fields of the query section in it, without
// ids and positions.
func TestUnknownSection(t *testing.T) {
	d := New(newType, NewID(), &host{}, Options{KeyBound: 64})
	v := NewThing{Query: NewQuery{
		Owner: "ann", Tags: []string{"a", "b"}, Parts: []NewItem{{Text: "p", Sub: []NewItem{{Text: "q"}}}},
		Deep: NewPrefs{Color: "red", Inner: NewInner{Names: []string{"n"}}},
	}}
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{}
	old := New(oldType, NewID(), h, Options{KeyBound: 64})
	if err := old.Replay(1, p.Body); err != nil {
		t.Fatal(err)
	}
	old.Loaded()
	do(root(old), func(n *Node) { setText(n.inner(n.typ.byName["query"]), 0, "bob") })
	want := v.Query
	want.Owner = "bob"
	for what, section := range map[string][]byte{"shown": h.section, "stored": old.Seal()[0].Section} {
		var got NewQuery
		if err := ReadSection(newType.Fields[newType.query].typ, section, unsafe.Pointer(&got)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, not %+v", what, got, want)
		}
		r := wire.NewReader(section)
		r.Skip()
		if r.Err() != nil || r.Len() > 0 || bytes.Contains(section, []byte{0xd8, extNode}) {
			t.Errorf("%s: % x is no plain section", what, section)
		}
	}
}
