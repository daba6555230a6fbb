package doc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

type level int8

type Slip struct {
	_     struct{} `destam:"table=slips"`
	Text  string   `destam:"text"`
	Rate  float64  `destam:"rate"`
	Name  *string  `destam:"name"`
	Level *level   `destam:"level"`
}

type oSlip struct {
	node   Node
	handle hSlip
	text   string
	rate   float64
	name   Optional[string]
	level  Optional[level]
}

type hSlip struct {
	Object
	v *oSlip
}

var slipType = TypeOf(reflect.TypeFor[hSlip](), reflect.TypeFor[Slip]())

// picky is a host that refuses commits.
type picky struct {
	host
	no error
}

func (h *picky) Fits(*Document, *Pending) error { return h.no }

// slip is the plain value, as far as it is compared, by field.
func slip(d *Document) (fs [4]any) {
	d.lock()
	defer d.mu.Unlock()
	for f := range fs {
		_, fs[f] = d.root.value(f)
	}
	return fs
}

// change changes a random field, to one of few values.
func (s *oSlip) change(r *rand.Rand) {
	n := &s.node
	text, number := fmt.Sprint(r.IntN(3)), r.IntN(3)
	switch f := r.IntN(4); {
	case f >= 2 && r.IntN(3) == 0:
		n.ClearLeaf(f)
	case f%2 == 0:
		setText(n, f, text)
	case f == 1:
		n.SetLeaf(f, ptrTo(float64(number)))
	default:
		n.SetLeaf(f, ptrTo(level(number)))
	}
}

// TestKept makes Updates and windows of small values, some of which come to
// nothing, some of which the store refuses at once and some later: a commit says
// what has changed and nothing else, and what was refused is as it was.
func TestKept(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 8))
	h := &picky{}
	d := New(slipType, NewID(), h, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&Slip{}), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	for seq := uint64(2); seq < 600; {
		before := slip(d)
		h.no = nil
		if r.IntN(4) == 0 {
			h.no = errors.New("no")
		}
		changes := func(unsafe.Pointer) error {
			for range r.IntN(7) {
				(*oSlip)(unsafe.Pointer(d.root)).change(r)
			}
			return nil
		}
		if r.IntN(2) == 0 {
			_, err = root(d).Update(changes, Cause{})
		} else {
			do(root(d), func(*Node) { err = changes(nil) })
		}
		after := slip(d)
		ps := d.Seal()
		if (err != nil || h.no != nil) && (len(ps) > 0 || before != slip(d)) {
			t.Fatalf("%d: refused, and %v has become %v", seq, before, slip(d))
		}
		if len(ps) == 0 {
			continue
		}
		checkKept(t, ps[0], before, after)
		if r.IntN(3) == 0 {
			if d.Refuse(ps[0], errors.New("taken")); before != slip(d) {
				t.Fatalf("%d: taken back, and %v has become %v", seq, before, slip(d))
			}
			continue
		}
		d.Stored(ps[0], seq)
		checkKept(t, ps[0], before, after) // still
		seq++
	}
}

// checkKept demands that a commit leads from one state to another.
func checkKept(t *testing.T, p *Pending, before, after [4]any) {
	t.Helper()
	type change struct{ Prev, Val any }
	got, want := map[int32]change{}, map[int32]change{}
	for _, x := range p.Commit().Deltas {
		got[x.F] = change{x.Prev, x.Val}
		if x.Had != (x.Prev != nil) || x.Has != (x.Val != nil) {
			t.Fatalf("%v is there: %t, %t", got[x.F], x.Had, x.Has)
		}
	}
	for f := range before {
		if before[f] != after[f] {
			want[int32(f)] = change{before[f], after[f]}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(p.Commit().Deltas) != len(want) {
		t.Fatalf("a commit (-want +got):\n%s", diff)
	}
}
