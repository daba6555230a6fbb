package doc

import "unsafe"

// form says what a Head is the head of.
type form uint8

const (
	formDelta  form = iota // a Delta
	formTraced             // the Delta that a Traced begins with
	formSingle             // a Single
)

// Head is what a delta begins with, whatever its form.
type Head struct {
	N        *Node
	F        int32
	Had, Has bool
	form     form
	came     bool // for listeners: the value is an object that they did not see before
}

// Single is the delta of a number that was set alone, which has room for no
// other: each commit that somebody is told of such a set is made with one, and
// the time that takes goes by its size.
type Single struct {
	Head
	prev, val uint64
}

// Small tells whether a Single has room for x.
func (x *Alone) Small() bool { return x.l == nil && x.leaf.size == numbers }

// Single makes to what x is, which is Small.
func (x *Alone) Single(to *Single) {
	to.N, to.F, to.Had, to.Has, to.form = x.n, x.f, x.had, x.has, formSingle
	if x.had {
		to.prev = x.prev.number
	}
	if x.has {
		to.val = x.val.number
	}
}

// Delta gives the delta that h is the head of: made in to, if it is a Single.
func (h *Head) Delta(to *Delta) *Delta {
	if h.form != formSingle {
		return (*Delta)(unsafe.Pointer(h))
	}
	x := (*Single)(unsafe.Pointer(h))
	*to = Delta{Head: x.Head}
	to.form = formDelta
	lf := x.N.typ.Fields[x.F].leaf
	if x.Had {
		to.Prev = lf.in(unsafe.Pointer(&x.prev))
	}
	if x.Has {
		to.Val = lf.in(unsafe.Pointer(&x.val))
	}
	return to
}
