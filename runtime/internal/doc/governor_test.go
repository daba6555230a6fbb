package doc

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Wood is a document that is one tree.
type Wood struct {
	_   struct{} `destam:"table=woods"`
	Top Kid      `destam:"top"`
}

type Kid struct {
	Val  int            `destam:"val"`
	Kids map[string]Kid `destam:"kids"`
	Note string         `destam:"note,local"`
}

type oWood struct {
	node   Node
	handle hWood
	top    oKid
}

type hWood struct {
	Object
	v *oWood
}

type oKid struct {
	node   Node
	handle hKid
	val    int
	kids   Objects[*oKid]
	note   string
}

type hKid struct {
	Object
	v *oKid
}

const (
	fVal = iota
	fKids
	fNote
)

var woodType = TypeOf(reflect.TypeFor[hWood](), reflect.TypeFor[Wood]())

// operator is one link of a chain of governors, as destam writes them:
// path(keys), ignore(keys), shallow(n), skip and tree.
type operator struct {
	name string
	keys []string
	n    int
}

func (o operator) String() string {
	return fmt.Sprintf("%s(%s%d)", o.name, strings.Join(o.keys, "."), o.n)
}

func governors(words ...string) (ops []operator) {
	for _, w := range words {
		name, arg, _ := strings.Cut(w, " ")
		o := operator{name: name}
		if name == "shallow" {
			fmt.Sscan(arg, &o.n)
			o.n *= 2 // a level of the tree is two of slots: the map, and a key of it
		} else if arg != "" {
			o.keys = strings.Split(arg, ".")
		}
		ops = append(ops, o)
	}
	return ops
}

// build makes the lens of a chain.
func build(ops []operator) *Lens {
	l := NewLens(woodType.Nested(0))
	ok := true
	down := func(l *Lens, keys []string) *Lens {
		for _, k := range keys {
			l = l.Into(fKids).At(unsafe.Pointer(&k))
		}
		return l
	}
	for _, o := range ops {
		switch o.name {
		case "path":
			l = down(l, o.keys)
		case "ignore":
			l, ok = l.Ignore(l, down(l, o.keys))
		case "shallow":
			l, ok = l.Shallow(o.n)
		case "skip":
			l = l.Into(fKids).Each()
		case "tree":
			l, ok = l.Tree(l.Into(fKids).Each())
		}
		if !ok {
			panic("cannot build " + o.String())
		}
	}
	return l
}

// allows says what destam's governors allow of a path, as its documentation
// has it: a path is keys, and at the end perhaps a value.
func allows(ops []operator, path []string) bool {
	if len(ops) == 0 {
		return true
	}
	key := path[0] != "val"
	levels := 2 * len(path)
	if path[len(path)-1] == "val" {
		levels--
	}
	rest := ops[1:]
	switch o := ops[0]; o.name {
	case "path":
		if len(o.keys) == 0 {
			return allows(rest, path)
		}
		next := rest
		if len(o.keys) > 1 {
			next = append([]operator{{name: "path", keys: o.keys[1:]}}, rest...)
		}
		return path[0] == o.keys[0] && (len(path) == 1 || allows(next, path[1:]))
	case "ignore":
		blocked := len(path) >= len(o.keys) && slices.Equal(path[:len(o.keys)], o.keys)
		return !blocked && allows(rest, path)
	case "shallow":
		return levels <= o.n && allows(rest, path)
	case "skip":
		return key && (len(path) == 1 || allows(rest, path[1:]))
	case "tree":
		return key && (len(path) == 1 || allows(ops, path[1:])) || allows(rest, path)
	}
	panic(ops[0].name)
}

// wood is a tree of three keys a level, four levels deep.
func wood(t *testing.T) *Document {
	d := New(woodType, NewID(), &host{}, Options{})
	var grow func(depth int) map[string]Kid
	grow = func(depth int) map[string]Kid {
		if depth == 0 {
			return nil
		}
		kids := map[string]Kid{}
		for _, k := range []string{"a", "b", "c"} {
			kids[k] = Kid{Kids: grow(depth - 1)}
		}
		return kids
	}
	d.Init(unsafe.Pointer(&Wood{Top: Kid{Kids: grow(4)}}), nil)
	return d
}

// shake changes every value of the tree, puts something under a new key at
// every node and takes it away, and gives the paths.
func shake(d *Document) (paths [][]string) {
	at := func(n *Node, path ...string) {
		v := *(*int)(n.ptr(fVal)) + 1
		do((*Object)(n.Canonical()), func(n *Node) { n.SetLeaf(fVal, unsafe.Pointer(&v)) })
		do((*Object)(n.Canonical()), func(n *Node) { setText(n, fNote, fmt.Sprint(v)) })
		do((*Object)(n.Canonical()), func(n *Node) { n.EnsureList(fKids).PutPlain("d", unsafe.Pointer(&Kid{})) })
		do((*Object)(n.Canonical()), func(n *Node) {
			l := n.List(fKids)
			i, _ := l.Find("d")
			l.Remove(i, 1)
		})
		paths = append(paths, append(slices.Clone(path), "val"), append(slices.Clone(path), "d"), append(slices.Clone(path), "d"))
	}
	var down func(n *Node, path ...string)
	down = func(n *Node, path ...string) {
		at(n, path...)
		for i := range n.List(fKids).Len() {
			down(n.List(fKids).Node(i), append(slices.Clone(path), string(n.List(fKids).cells.Key(i)))...)
		}
	}
	down(d.root.inner(0))
	return paths
}

// heardOf gives the paths of the deltas that a lens tells.
func heardOf(d *Document, l *Lens, heard *[]string) *Subscription {
	call := func(c *Commit) {
		for i := range c.Deltas {
			path := strings.Split(c.Deltas[i].LockedPath().String(), ".")
			path = slices.DeleteFunc(path, func(s string) bool { return s == "kids" || s == "top" })
			*heard = append(*heard, strings.Join(path, "."))
		}
	}
	if l.empty() {
		return d.root.inner(0).Watch(-1, call)
	}
	return d.root.inner(0).Through(l, false, call)
}

// TestGovernorIdentities holds destam's identities of governors, by who hears
// of what in a tree, which is nothing where it says so, and that nobody hears of
// what is local. (destam 57 to 75, 83, 85, 272)
func TestGovernorIdentities(t *testing.T) {
	for _, c := range []struct {
		of   string // the numbers in destam's catalogue
		a, b []string
	}{
		{"57", []string{"skip", "skip", "shallow 0"}, []string{"shallow 2", "skip", "skip"}},
		{"58", []string{"tree", "skip"}, nil},
		{"60", []string{"skip", "shallow 0"}, []string{"shallow 1"}},
		{"61, 62", []string{"shallow 0"}, []string{"shallow 0"}},
		{"64", []string{"shallow 0", "ignore a"}, []string{"shallow 0"}},
		{"65", []string{"shallow 0", "skip"}, []string{"shallow 0"}},
		{"66", []string{"shallow 0", "shallow 0"}, []string{"shallow 0"}},
		{"67", []string{"path a.b"}, []string{"path a", "path b"}},
		{"69", []string{"ignore a", "ignore b"}, []string{"ignore b", "ignore a"}},
		{"71", []string{"skip", "shallow 0", "ignore a"}, []string{"skip", "ignore a", "shallow 0"}},
		{"72", []string{"skip", "shallow 0", "shallow 0"}, []string{"skip", "shallow 0"}},
		{"74", []string{"ignore a", "path a"}, []string{"shallow 0"}},
		{"75", []string{"shallow 4", "ignore a", "path a"}, []string{"shallow 0"}},
		{"83", []string{"path"}, nil},
		{"85", []string{"path a", "path b", "path c"}, []string{"path a.b.c"}},
		{"1.6: shallow after a path", []string{"path d", "shallow 0"}, []string{"shallow 1", "path d"}},
		{"1.6: the smaller one", []string{"shallow 3", "shallow 1"}, []string{"shallow 1"}},
		{"1.6: no bound", []string{"shallow 1000"}, nil},
	} {
		t.Run(c.of, func(t *testing.T) {
			d := wood(t)
			var a, b []string
			heardOf(d, build(governors(c.a...)), &a)
			heardOf(d, build(governors(c.b...)), &b)
			paths := shake(d)
			if c.of == "58" || c.of == "60" { // but for the value of the root itself, which skip does not see
				b = slices.DeleteFunc(b, func(s string) bool { return s == "val" })
			}
			if diff := cmp.Diff(b, a); diff != "" {
				t.Errorf("%v hears something else than %v: %s", c.a, c.b, diff)
			}
			if nothing := len(c.b) == 1 && c.b[0] == "shallow 0"; nothing != (len(a) == 0) {
				t.Errorf("%v hears of %v", c.a, a)
			}
			if c.b == nil && c.of != "58" && len(b) != len(paths) {
				t.Errorf("without governors %d of %d were heard", len(b), len(paths))
			}
		})
	}
}

// TestGovernorsBeside lets two listeners share a tree between them: together
// they hear of every change, each once. (destam 76)
func TestGovernorsBeside(t *testing.T) {
	d := wood(t)
	var both, all []string
	heardOf(d, build(governors("path a")), &both)
	heardOf(d, build(governors("ignore a")), &both)
	heardOf(d, build(nil), &all)
	shake(d)
	if diff := cmp.Diff(all, both); diff != "" || len(all) == 0 {
		t.Errorf("together they do not hear what is heard of all: %s", diff)
	}
}

// chains are the governors of destam's tests that are not about identities.
// (destam 95, 97, 99, 100, 102, 103, 179, 195, 204, 252, 261)
var chains = [][]string{
	{"path a"}, {"ignore a"}, {"ignore a", "skip", "skip"}, {"ignore a", "tree"}, {"ignore a", "skip", "path b"},
	{"path a", "path b"}, {"path a.b.c"}, {"skip", "path b"}, {"tree", "path b"},
}

// TestGovernors holds these and random chains of governors against what destam's
// documentation says of a path.
func TestGovernors(t *testing.T) {
	heard := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 31))
		d := wood(t)
		type listener struct {
			ops []operator
			got []string
		}
		var all []*listener
		if seed == 0 {
			for _, words := range chains {
				l := &listener{ops: governors(words...)}
				heardOf(d, build(l.ops), &l.got)
				all = append(all, l)
			}
		}
		for range 6 {
			l := &listener{}
			trees := 0
			for range r.IntN(5) {
				o := operator{name: []string{"path", "ignore", "shallow", "skip", "tree"}[r.IntN(5)]}
				switch o.name {
				case "path", "ignore":
					for range 1 + r.IntN(2) {
						o.keys = append(o.keys, string("abc"[r.IntN(3)]))
					}
				case "shallow":
					o.n = r.IntN(9)
				case "tree":
					if trees++; trees > 2 {
						continue
					}
				}
				l.ops = append(l.ops, o)
			}
			heardOf(d, build(l.ops), &l.got)
			all = append(all, l)
		}
		paths := shake(d)
		for i, l := range all {
			if seed == 0 && i < len(chains) && len(l.got) == 0 {
				t.Errorf("%v hears nothing", l.ops)
			}
			var want []string
			for _, p := range paths {
				if allows(l.ops, p) {
					want = append(want, strings.Join(p, "."))
				}
			}
			if diff := cmp.Diff(want, l.got); diff != "" {
				t.Fatalf("seed %d: %v (-want +heard):\n%s", seed, l.ops, diff)
			}
			heard += len(want)
		}
	}
	if heard < 5_000 {
		t.Errorf("only %d deltas were heard", heard)
	}
}
