package drivertest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
)

// generator makes query sections and predicates out of few names and values, so
// that they meet often.
type generator struct{ *rand.Rand }

var (
	leafNames  = []string{"a", "b", "owner", "a.b", "", "[]", `\e`, "näme"}
	arrayNames = []string{"list", "grid", "items"}
	texts      = []string{"", "x", "y", "1", "\x00", "a.b", strings.Repeat("z", 64), strings.Repeat("z", 65), strings.Repeat("z", 66)}
)

func pick[T any](g generator, from []T) T { return from[g.IntN(len(from))] }

func (g generator) scalar() driver.Value {
	switch g.IntN(4) {
	case 0:
		return int64(g.IntN(3)) - 1
	case 1:
		return g.IntN(2) == 0
	}
	return pick(g, texts)
}

// value makes a value of any kind, at most so deep.
func (g generator) value(depth int) driver.Value {
	switch n := g.IntN(10); {
	case n == 0:
		return nil
	case n < 6 || depth <= 0:
		return g.scalar()
	case n < 8:
		return g.array(depth)
	default:
		return g.object(depth)
	}
}

func (g generator) array(depth int) driver.Array {
	a := driver.Array{}
	for range g.IntN(4) {
		a = append(a, g.value(depth-1))
	}
	return a
}

func (g generator) object(depth int) driver.Object {
	o := driver.Object{}
	for _, name := range leafNames {
		if g.IntN(3) == 0 {
			o = append(o, driver.Member{Name: name, Value: g.value(depth - 1)})
		}
	}
	for _, name := range arrayNames {
		if g.IntN(3) == 0 {
			o = append(o, driver.Member{Name: name, Value: g.array(depth - 1)})
		}
	}
	g.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}

// predicate makes a predicate that is likely to say something about a section:
// its path and its operand are often taken from there.
func (g generator) predicate(section driver.Value, depth int) driver.Predicate {
	p := driver.Predicate{}
	at := section
	for g.IntN(6) > 0 {
		switch v := at.(type) {
		case driver.Object:
			if len(v) == 0 || g.IntN(8) == 0 {
				p.Path, at = append(p.Path, pick(g, leafNames)), nil
			} else {
				m := pick(g, v)
				p.Path, at = append(p.Path, m.Name), m.Value
			}
			continue
		case driver.Array:
			if len(v) > 0 && g.IntN(2) == 0 {
				p.Path, at = append(p.Path, driver.Each), pick(g, v)
				continue
			}
		}
		break
	}
	p.Op = driver.Op(g.IntN(4))
	elements, _ := at.(driver.Array)
	var element driver.Value
	if len(elements) > 0 {
		element = pick(g, elements)
	}
	switch p.Op {
	case driver.OpIs:
		p.Value = g.operand(at)
	case driver.OpHas:
		p.Value = g.operand(element)
	case driver.OpMatch:
		for range g.IntN(3) {
			if depth > 0 {
				p.All = append(p.All, g.predicate(element, depth-1))
			}
		}
	}
	return p
}

// operand makes an operand that is met by v, nearly, or not at all.
func (g generator) operand(v driver.Value) driver.Value {
	if g.IntN(6) == 0 {
		return g.value(2)
	}
	v = driver.Clone(v)
	if o, ok := v.(driver.Object); ok && len(o) > 0 {
		switch i := g.IntN(len(o)); g.IntN(4) {
		case 0: // fewer members
			return append(o[:i:i], o[i+1:]...)
		case 1:
			o[i].Value = g.value(1)
		case 2: // a member that should be absent
			o[i].Value = nil
		}
	}
	if a, ok := v.(driver.Array); ok && len(a) > 0 && g.IntN(3) == 0 {
		a[g.IntN(len(a))] = g.value(1)
	}
	return v
}

// The query rule once more, in another shape than in package driver: native Go
// values, all values at a path listed first, wholes compared by reflect.

// native turns a value into maps and slices of Go; what is absent becomes nil.
func native(v driver.Value) any {
	switch v := v.(type) {
	case driver.Array:
		list := make([]any, len(v))
		for i := range v {
			list[i] = native(v[i])
		}
		return list
	case driver.Object:
		members := make(map[string]any)
		for _, m := range v {
			if m.Value != nil {
				members[m.Name] = native(m.Value)
			}
		}
		return members
	}
	return v
}

// reached lists the values at a path.
func reached(v any, path []string) []any {
	values := []any{v}
	for _, name := range path {
		var next []any
		for _, v := range values {
			if name == driver.Each {
				list, _ := v.([]any)
				next = append(next, list...)
			} else {
				members, _ := v.(map[string]any)
				next = append(next, members[name])
			}
		}
		values = next
	}
	return values
}

// project leaves of v what the operand names, so that the two can be compared.
func project(v any, operand driver.Value) any {
	switch operand := operand.(type) {
	case driver.Object:
		members, ok := v.(map[string]any)
		if !ok {
			return v
		}
		part := make(map[string]any)
		for _, m := range operand {
			if value, ok := members[m.Name]; ok {
				part[m.Name] = project(value, m.Value)
			}
		}
		return part
	case driver.Array:
		list, ok := v.([]any)
		if !ok || len(list) != len(operand) {
			return v
		}
		part := make([]any, len(list))
		for i := range list {
			part[i] = project(list[i], operand[i])
		}
		return part
	}
	return v
}

// naively says whether a predicate holds.
func naively(p driver.Predicate, section any) bool {
	equal := func(v any) bool { return v != nil && reflect.DeepEqual(project(v, p.Value), native(p.Value)) }
	for _, v := range reached(section, p.Path) {
		list, _ := v.([]any)
		switch p.Op {
		case driver.OpIs:
			if equal(v) {
				return true
			}
		case driver.OpAbsent:
			if v == nil {
				return true
			}
		case driver.OpHas:
			for _, element := range list {
				if equal(element) {
					return true
				}
			}
		case driver.OpMatch:
			for _, element := range list {
				if allNaively(p.All, element) {
					return true
				}
			}
		default:
			panic(fmt.Sprintf("operation %d", p.Op))
		}
	}
	return false
}

func allNaively(preds []driver.Predicate, section any) bool {
	for _, p := range preds {
		if !naively(p, section) {
			return false
		}
	}
	return true
}
