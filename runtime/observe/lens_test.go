package observe_test

import (
	"testing"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 247, 248, 274: values that never change, and none at all.
func TestConstant(t *testing.T) {
	v, none := observe.Constant("v"), observe.None[string]()
	wantGet(t, v, "v")
	wantGet(t, none, "-")
	for _, l := range []*observe.Lens[string]{v, none} {
		record(t, l).want("")
		if panics(func() { l.Set("new") }) == nil || l.Clear() {
			t.Error("a constant can be set")
		}
	}
}

// Catalogue 82, 214, 249, 275: an immutable lens of a cell follows it, and cannot
// be set; nor can anything that is made from it.
func TestImmutable(t *testing.T) {
	c := observe.Mutable(1)
	imm := observe.Immutable(c)
	a, b := record(t, imm), record(t, c)
	c.Set(2)
	c.Clear()
	a.want("2 -")
	b.want("2 -")
	id := func(v int) int { return v }
	for name, l := range map[string]*observe.Lens[int]{
		"Immutable":   imm,
		"Memo":        observe.Memo(imm),
		"Default":     observe.Default(imm, 1),
		"DefaultFrom": observe.DefaultFrom(imm, c),
		"TwoWay":      observe.TwoWay(imm, id, id),
		"Throttle":    observe.Throttle(imm, 1),
		"Wait":        observe.Wait(imm, 1),
		"Lifetime":    observe.Lifetime(imm, func() func() { return nil }),
	} {
		if l.CanSet() || panics(func() { l.Set(9) }) == nil || l.Clear() {
			t.Errorf("%s of an immutable lens can be set", name)
		}
	}
	if observe.Select(imm).At(1).CanSet() || observe.All(observe.Source[int](c), imm).CanSet() {
		t.Error("something of an immutable lens can be set")
	}
}

// Catalogue 250: a setter may drop a value or forward another.
func TestSetter(t *testing.T) {
	c := observe.Mutable(0)
	even := observe.Setter(c, func(v int, set func(int) bool) bool {
		return v%2 == 0 && set(v*10)
	})
	r := record(t, even)
	if even.Set(1) || !even.Set(2) {
		t.Error("Set gives the wrong answer")
	}
	r.want("20")
	if panics(func() { observe.Setter(observe.Constant(1), nil) }) == nil {
		t.Error("a setter of a constant")
	}
}

// Who listens with nothing is told so at once. (destam 269)
func TestNilFunction(t *testing.T) {
	c := observe.Mutable(0)
	lenses := []interface {
		Watch(func(observe.Change[int])) func()
		Follow(func(int, bool, int, bool)) (int, bool, func())
	}{c, observe.Memo(c), observe.Immutable(c), observe.Map(c, func(v int) int { return v })}
	for i, l := range lenses {
		watch, follow := panics(func() { l.Watch(nil) }), panics(func() { l.Follow(nil) })
		if want := "observe: a nil function cannot be told what changes"; watch != want || follow != want {
			t.Errorf("%d: %v, %v", i, watch, follow)
		}
	}
	c.Set(1)
	wantGet(t, c, "1")
}
