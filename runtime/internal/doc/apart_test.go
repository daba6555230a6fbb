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

// deploy is a document that two programs use in turns: its log, and what either
// has written of it as checkpoints.
type deploy struct {
	bodies      [][]byte
	checkpoints map[int][][]byte // by how many bodies are in them
	left        int              // checkpoints that were left out
}

// load builds the document as a program does: from the newest checkpoint that it
// may read.
func (d *deploy) load(t *testing.T, typ *Type) *Document {
	t.Helper()
	for n := len(d.bodies); n > 0; n-- {
		for _, content := range d.checkpoints[n] {
			doc := New(typ, NewID(), &host{}, Options{KeyBound: 64})
			err := doc.Load(uint64(n), content)
			if errors.Is(err, ErrApart) {
				d.left++
				continue
			}
			for i, b := range d.bodies[n:] {
				if err == nil {
					err = doc.Replay(uint64(n+i+1), b)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			doc.Loaded()
			return doc
		}
	}
	return d.replay(t, typ)
}

// replay builds the document from its whole log.
func (d *deploy) replay(t *testing.T, typ *Type) *Document {
	t.Helper()
	doc, err := reader(typ, nil, d.bodies...)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// turn has a program load the document, change it, and write a checkpoint
// perhaps.
func turn[P any](t *testing.T, d *deploy, r *rand.Rand, typ *Type, edit func(*Node)) {
	t.Helper()
	doc, log := d.load(t, typ), d.replay(t, typ)
	got, want := presentation[P](doc), presentation[P](log)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("after %d commits, from a checkpoint:\n got %+v\nwant %+v", len(d.bodies), got, want)
	}
	equalBytes(t, fmt.Sprintf("after %d commits, a checkpoint and the log", len(d.bodies)), doc, log)
	for range 1 + r.IntN(3) {
		do(root(doc), edit)
		d.bodies = store(doc, d.bodies)
	}
	if r.IntN(2) == 0 {
		d.checkpoints[len(d.bodies)] = append(d.checkpoints[len(d.bodies)], content(t, doc))
	}
}

// equalBytes holds that two documents are written as the same bytes, or say the
// same where a program keeps what it does not know, or what has become a value:
// the fields of objects that it knows stand in their order, those of others by
// their names.
func equalBytes(t *testing.T, what string, a, b *Document) {
	t.Helper()
	x, y := content(t, a), content(t, b)
	if string(x) == string(y) {
		return
	}
	if path, differs := differ(x, y, ""); differs || len(a.apart.unknown) == 0 && !a.root.typ.shades() {
		t.Fatalf("%s lead to other bytes, at %q:\n%x\n%x", what, path, x, y)
	}
}

// TestApart has two programs take turns with one document, for which its fields
// are of different types. Whatever checkpoints there are, each has what its own
// reading of the log gives.
func TestApart(t *testing.T) {
	left := 0
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			_, bodies := pasts(t, Past{Title: "a", Rank: "1"})
			d := deploy{bodies: bodies, checkpoints: map[int][][]byte{}}
			for range 12 {
				if r.IntN(2) == 0 {
					turn[Past](t, &d, r, pastType, func(n *Node) { pastEdit(r, n) })
				} else {
					turn[Present](t, &d, r, presentType, func(n *Node) { presentEdit(r, n) })
				}
			}
			left += d.left
		})
	}
	if left == 0 {
		t.Error("no checkpoint was ever left out")
	}
}

// pastEdit changes a field as the older program has it.
func pastEdit(r *rand.Rand, n *Node) {
	v := r.IntN(100)
	s := strconv.Itoa(v)
	number := func(int) unsafe.Pointer { return unsafe.Pointer(&v) }
	sizes, ages := n.EnsureList(3), n.EnsureList(4)
	switch r.IntN(9) {
	case 0:
		setText(n, 0, s)
	case 1:
		n.SetLeaf(1, unsafe.Pointer(&v))
	case 2:
		n.ClearLeaf(1)
	case 3:
		setText(n, 2, s)
	case 4, 5:
		sizes.InsertPlain(r.IntN(sizes.Len()+1), 1, number)
	case 6:
		if l := sizes.Len(); l > 0 && v < 50 {
			sizes.Remove(r.IntN(l), 1)
		} else if l > 0 {
			sizes.SetLeaf(r.IntN(l), unsafe.Pointer(&v))
		}
	case 7:
		ages.PutPlain(pos.Key(s[:1]), unsafe.Pointer(&v))
	case 8:
		if l := ages.Len(); l > 0 {
			ages.Remove(r.IntN(l), 1)
		}
	}
}

// presentEdit changes a field as the newer program has it.
func presentEdit(r *rand.Rand, n *Node) {
	v := r.IntN(100)
	s, day := strconv.Itoa(v), int64(v)
	text := func(int) unsafe.Pointer { return unsafe.Pointer(&s) }
	sizes, ages := n.EnsureList(3), n.EnsureList(4)
	switch r.IntN(9) {
	case 0:
		setText(n, 0, s)
	case 1:
		n.SetLeaf(1, unsafe.Pointer(&day))
	case 2:
		n.ClearLeaf(2)
	case 3:
		n.SetLeaf(2, unsafe.Pointer(&v))
	case 4, 5:
		sizes.InsertPlain(r.IntN(sizes.Len()+1), 1, text)
	case 6:
		if l := sizes.Len(); l > 0 && v < 50 {
			sizes.Remove(r.IntN(l), 1)
		} else if l > 0 {
			sizes.SetLeaf(r.IntN(l), unsafe.Pointer(&s))
		}
	case 7:
		ages.PutPlain(pos.Key(s[:1]), unsafe.Pointer(&s))
	case 8:
		if l := ages.Len(); l > 0 {
			ages.Remove(r.IntN(l), 1)
		}
	}
}
