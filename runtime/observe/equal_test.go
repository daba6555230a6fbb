package observe_test

import (
	"math"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/observe"
)

// differs tells whether a cell that has a tells of b.
func differs[T any](a, b T) bool {
	c := observe.Mutable(a)
	heard := false
	c.Watch(func(observe.Change[T]) { heard = true })
	c.Set(b)
	return heard
}

// Equality is destam's (NaN equals NaN, 0 and -0 differ), but what Go passes by
// value is compared by content.
func TestEqual(t *testing.T) {
	type point struct {
		X, Y float64
		tags []string
	}
	type named float32
	type inner struct{ m map[any]any }
	nan, negative := math.NaN(), math.Copysign(0, -1)
	one, other := new(int), new(int)
	f := func() {}
	cycle, circle := []any{nil}, []any{nil}
	cycle[0], circle[0] = cycle, circle
	now := time.Now()
	for name, test := range map[string]struct{ got, want bool }{
		"strings":             {differs("a", "a"), false},
		"NaN":                 {differs(nan, nan), false},
		"zeros":               {differs(0, negative), true},
		"named floats":        {differs(named(nan), named(nan)), false},
		"complex":             {differs(complex(nan, 0), complex(nan, 0)), false},
		"complex parts":       {differs(complex(1, 0), complex(1, 2)), true},
		"pointers":            {differs(one, other), true},
		"one pointer":         {differs(one, one), false},
		"slices":              {differs([]int{1}, []int{1}), false},
		"lengths":             {differs([]int{1}, []int{1, 2}), true},
		"nil and empty":       {differs(nil, []int{}), false},
		"arrays":              {differs([2]float64{1, nan}, [2]float64{1, nan}), false},
		"maps":                {differs(map[string]int{"a": 0}, map[string]int{"a": 0}), false},
		"keys":                {differs(map[string]int{"a": 0}, map[string]int{"b": 0}), true},
		"sizes":               {differs(map[string]int{"a": 0}, map[string]int{"a": 0, "b": 0}), true},
		"structs":             {differs(point{1, nan, nil}, point{1, nan, []string{}}), false},
		"unexported fields":   {differs(point{1, 2, nil}, point{1, 2, []string{"a"}}), true},
		"unexported maps":     {differs(inner{map[any]any{"a": []int{1}}}, inner{map[any]any{"a": []int{1}}}), false},
		"unexported values":   {differs(inner{map[any]any{"a": []int{1}}}, inner{map[any]any{"a": []int{2}}}), true},
		"functions":           {differs(f, f), true},
		"nil functions":       {differs[func()](nil, nil), false},
		"interfaces":          {differs[any]([]int{1}, []int{1}), false},
		"dynamic types":       {differs[any](1, int64(1)), true},
		"nil interfaces":      {differs[any](nil, nil), false},
		"nil and a value":     {differs[any](nil, 0), true},
		"errors":              {differs[error](nil, nil), false},
		"containing itself":   {differs(cycle, circle), true},
		"one slice":           {differs([]float64{nan}[:], []float64{nan}), false},
		"times":               {differs(now, now), false},
		"structs of plain":    {differs(struct{ a, b string }{"a", "b"}, struct{ a, b string }{"a", "c"}), true},
		"channels":            {differs(make(chan int), make(chan int)), true},
		"float in interfaces": {differs[any](nan, nan), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: differ %v, want %v", name, test.got, test.want)
		}
	}
}
