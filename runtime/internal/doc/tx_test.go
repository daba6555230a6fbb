package doc

import (
	"errors"
	"reflect"
	"testing"
	"unsafe"
)

// TestBound takes more handles in a transaction than one piece of their memory
// has: each is one and the same for its node and nobody else's, and none ever
// comes alive again.
func TestBound(t *testing.T) {
	d, tasks := benchTasks(t, 3*mostBound)
	kept := map[*Object]bool{}
	for range 3 {
		var now []*Object
		fn := func(h unsafe.Pointer) error {
			for _, task := range tasks {
				o := (*Object)((*Object)(h).Handle(task.n))
				if kept[o] || o == task || o.Node() != task.n || (*hTask)(unsafe.Pointer(o)).v != (*oTask)(unsafe.Pointer(task.n)) {
					t.Fatalf("the handle of %s is another's", task.n.path())
				}
				if again := (*Object)((*Object)(h).Handle(task.n)); again != o {
					t.Fatalf("%s has two handles", task.n.path())
				}
				kept[o] = true
				now = append(now, o)
			}
			return errors.New("no")
		}
		if _, err := root(d).Update(fn, Cause{}); err == nil {
			t.Fatal("an Update that fails says nothing")
		}
		for _, o := range now {
			if got := panicOf(func() { o.Read() }); got != errFinished {
				t.Fatalf("a handle that was kept: %v, want %q", got, errFinished)
			}
		}
	}
}

// panicOf is what f panics with.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// TestBoxes demands of values in boxes what is demanded of those in a piece of
// their own: they are of their type, and stay what they are.
func TestBoxes(t *testing.T) {
	type name string
	type level int8
	var b boxes
	for range 2*mostBoxes + 1 {
		for _, v := range []any{"text", "", name("a"), true, int8(-3), level(4), uint16(5), 6, uint64(1) << 63, float32(1.5), -2.5} {
			l, ok := leafOf(reflect.TypeOf(v))
			if !ok || l.size == large {
				t.Fatalf("a %T is no small value", v)
			}
			at := reflect.New(reflect.TypeOf(v))
			at.Elem().Set(reflect.ValueOf(v))
			got := b.box(l, at.UnsafePointer())
			at.Elem().SetZero() // what is in the box stays what it is
			if got != v {
				t.Fatalf("%T %v is %T %v in a box", v, v, got, got)
			}
		}
	}
}

// TestUpdateMemory holds how many pieces of memory an Update takes: the
// transaction with two handles, the others, the boxes, the commit with one
// delta, the others, the bytes.
func TestUpdateMemory(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct{ sets, most int }{{1, 4}, {10, 7}, {100, 16}} {
		d, _ := benchTasks(t, c.sets)
		i := 0
		got := testing.AllocsPerRun(100, func() {
			i++
			setTexts(t, d, c.sets, &twoTexts[i%2])
		})
		if int(got) > c.most {
			t.Errorf("an Update of %d sets takes %v pieces of memory, want %d at most", c.sets, got, c.most)
		}
	}
}
