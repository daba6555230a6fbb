package doc

import (
	"reflect"
	"testing"
	"unsafe"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Cave is a document with objects in a local field, deep inside.
type Cave struct {
	_   struct{} `destam:"table=caves"`
	Top Den      `destam:"top"`
}

type Den struct {
	Val  int            `destam:"val"`
	Dens map[string]Den `destam:"dens,local"`
}

type oCave struct {
	node   Node
	handle hCave
	top    oDen
}

type hCave struct {
	Object
	v *oCave
}

type oDen struct {
	node   Node
	handle hDen
	val    int
	dens   Objects[*oDen]
}

type hDen struct {
	Object
	v *oDen
}

// TestLocalBelow holds that what is in an object of a local field is heard of by
// who names the field, and not by who looks at something above, governed or not.
func TestLocalBelow(t *testing.T) {
	const fVal, fDens = 0, 1
	typ := TypeOf(reflect.TypeFor[hCave](), reflect.TypeFor[Cave]())
	d := New(typ, NewID(), &host{}, Options{KeyBound: 64})
	d.Init(unsafe.Pointer(&Cave{Top: Den{Dens: map[string]Den{"a": {Dens: map[string]Den{"b": {}}}}}}), nil)
	top := NewLens(typ).Into(0)
	governed, _ := top.Shallow(100)
	named := look(typ, 0, fDens, "a", fVal)
	heard := map[string]int{}
	d.lock()
	for name, l := range map[string]*Lens{"above": top, "governed": governed, "named": named} {
		defer d.root.Through(l, false, func(*Commit) { heard[name]++ }).Stop()
	}
	defer d.root.Watch(-1, func(*Commit) { heard["all"]++ }).Stop()
	d.mu.Unlock()
	a := d.root.inner(0).List(fDens).Node(0)
	for _, n := range []*Node{a, a.List(fDens).Node(0)} {
		do(root(d), func(*Node) { n.SetLeaf(fVal, ptrTo(1)) })
	}
	if len(heard) != 1 || heard["named"] != 1 {
		t.Errorf("heard %v", heard)
	}
	do(root(d), func(n *Node) { n.inner(0).SetLeaf(fVal, ptrTo(1)) })
	if heard["above"] != 1 || heard["governed"] != 1 || heard["all"] != 1 {
		t.Errorf("of what is not local, heard %v", heard)
	}
}
