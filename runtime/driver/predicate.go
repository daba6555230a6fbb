package driver

import "slices"

// Op is what a [Predicate] asks.
type Op uint8

// The operations of predicates.
const (
	// OpIs asks for the operand. A scalar is met by the scalar of the same
	// type and value, an array by an array of as many elements that meet the
	// operand's elements one by one, an object by an object whose members
	// meet those of the operand: a nil member of the operand asks for an
	// absent one, and members that the operand does not name do not count.
	// What is absent never is anything, and nothing Is nil.
	OpIs Op = iota
	// OpHas asks for an array with some element that Is the operand.
	OpHas
	// OpAbsent asks that there is nothing.
	OpAbsent
	// OpMatch asks for an array with some element for which all the
	// predicates in All hold.
	OpMatch
)

// Predicate asks something about the value at a place in a query section.
//
// Path leads there by the names of members and by [Each], which goes on in
// every element of an array; the predicate then holds if it does for one of the
// values that are reached. A member of what is no object is absent; Each in
// what is no array reaches nothing at all. So a predicate below an array needs
// Each: Is("home") at labels asks for a string and is never met by an array,
// Has("home") at labels and Is("home") at labels, Each ask for an element.
//
// Each predicate is judged alone: two whose paths go through the same Each may
// be met by different elements. OpMatch asks for one that meets all.
type Predicate struct {
	Path  []string
	Op    Op
	Value Value       // operand of OpIs and OpHas
	All   []Predicate // of OpMatch; their paths start at the element
}

// Holds says whether all the predicates hold for a section. No predicates hold
// for every section.
func Holds(preds []Predicate, section Value) bool {
	for i := range preds {
		if !preds[i].Holds(section) {
			return false
		}
	}
	return true
}

// Holds says whether the predicate holds for a section.
func (p Predicate) Holds(section Value) bool {
	return reach(section, p.Path, p.met)
}

// reach says whether meets says so for a value at the path.
func reach(v Value, path []string, meets func(Value) bool) bool {
	if len(path) == 0 {
		return meets(v)
	}
	if path[0] != Each {
		object, _ := v.(Object)
		return reach(object.Get(path[0]), path[1:], meets)
	}
	array, _ := v.(Array)
	return slices.ContainsFunc(array, func(element Value) bool {
		return reach(element, path[1:], meets)
	})
}

// met says whether a value at the predicate's path meets it.
func (p Predicate) met(v Value) bool {
	array, _ := v.(Array)
	switch p.Op {
	case OpIs:
		return v != nil && is(v, p.Value)
	case OpHas:
		return p.Value != nil && slices.ContainsFunc(array, func(element Value) bool {
			return is(element, p.Value)
		})
	case OpAbsent:
		return v == nil
	case OpMatch:
		return slices.ContainsFunc(array, func(element Value) bool {
			return Holds(p.All, element)
		})
	}
	return false
}

// is says whether v is the operand, in the sense of OpIs; inside of an operand
// nil asks for what is absent.
func is(v, operand Value) bool {
	switch operand := operand.(type) {
	case nil:
		return v == nil
	case string, bool, int64:
		return scalar(v) && v == operand
	case Array:
		array, ok := v.(Array)
		return ok && slices.EqualFunc(array, operand, is)
	case Object:
		object, ok := v.(Object)
		return ok && !slices.ContainsFunc(operand, func(m Member) bool {
			return !is(object.Get(m.Name), m.Value)
		})
	}
	return false
}

// Needs returns terms that every section has for which the predicates hold,
// ascending, each once: where a driver begins to search. They are necessary and
// in general not sufficient, see [Predicate.Exact]; predicates that only ask
// for what is absent or empty need none.
func Needs(preds []Predicate) []Term {
	if len(preds) == 1 && preds[0].Op == OpIs && scalar(preds[0].Value) { // as most are
		return []Term{TermOf(preds[0].Path, preds[0].Value)}
	}
	c := collector{path: make([]byte, 0, 64), terms: make([]Term, 0, len(preds))}
	for i := range preds {
		c.need(&preds[i])
	}
	slices.Sort(c.terms)
	return slices.Compact(c.terms)
}

// need gathers the terms that a predicate needs, its path below the one at
// hand.
func (c *collector) need(p *Predicate) {
	length := len(c.path)
	for _, name := range p.Path {
		c.path = appendElement(c.path, name, len(c.path) == 0)
	}
	switch p.Op {
	case OpIs:
		c.collect(p.Value)
	case OpHas:
		c.descend(Each, p.Value)
	case OpMatch:
		c.path = appendElement(c.path, Each, len(c.path) == 0)
		for i := range p.All {
			c.need(&p.All[i])
		}
	}
	c.path = c.path[:length]
}

// Exact says whether the predicate holds for a section exactly if the section
// has all the terms that it [Needs], so that nobody has to look again. It is
// false where that is not certain.
//
// A scalar is decided by its term wherever it stands. An object is decided by
// its members' terms if these must belong to one object: there is no array on
// the way, or there is only one term. What is absent, an empty object and the
// length and order of an array show in no term.
func (p Predicate) Exact() bool {
	terms, ok := p.decisive()
	return ok && (terms == 1 || p.Op == OpIs && !slices.Contains(p.Path, Each))
}

// decisive counts the scalars that the predicate asks for, ok if it asks for
// some and for nothing else.
func (p Predicate) decisive() (terms int, ok bool) {
	switch p.Op {
	case OpIs, OpHas:
		return decisive(p.Value)
	case OpMatch:
		for i := range p.All {
			n, ok := p.All[i].decisive()
			if !ok {
				return 0, false
			}
			terms += n
		}
		return terms, terms > 0
	}
	return 0, false
}

func decisive(operand Value) (terms int, ok bool) {
	switch operand := operand.(type) {
	case string, bool, int64:
		return 1, true
	case Object:
		for _, m := range operand {
			n, ok := decisive(m.Value)
			if !ok {
				return 0, false
			}
			terms += n
		}
		return terms, terms > 0
	}
	return 0, false
}
