package doc

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// Go does not tell which goroutine one is on, and to note the stack in each
// Update would cost as much as all the rest of it. So the function of an
// Update or View is called through five functions out of four, which spell a
// number of the document: on a stack where the number stands somebody is
// inside. It is read only when a lock is waited for.

// letters is how many letters the number of a document has.
const letters = 5

// spelled is the document's number, of two bits a letter.
func (d *Document) spelled() int {
	return int(d.ID[14])<<8&(1<<(2*letters)-1) | int(d.ID[15])
}

// body calls the user's function where the document's number stands.
func (d *Document) body(fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	return spell(d.spelled(), letters, fn, h)
}

// spell writes the n lowest letters of a number, the lowest first.
func spell(number, n int, fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	if n == 0 {
		return fn(h)
	}
	switch number & 3 {
	case 0:
		return inA(number>>2, n-1, fn, h)
	case 1:
		return inB(number>>2, n-1, fn, h)
	case 2:
		return inC(number>>2, n-1, fn, h)
	}
	return inD(number>>2, n-1, fn, h)
}

//go:noinline
func inA(number, n int, fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	return spell(number, n, fn, h)
}

//go:noinline
func inB(number, n int, fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	return spell(number, n, fn, h)
}

//go:noinline
func inC(number, n int, fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	return spell(number, n, fn, h)
}

//go:noinline
func inD(number, n int, fn func(unsafe.Pointer) error, h unsafe.Pointer) error {
	return spell(number, n, fn, h)
}

// alphabet are the names of these functions, by what they stand for.
var alphabet = func() (names [4]string) {
	for i, f := range []any{inA, inB, inC, inD} {
		names[i] = runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	}
	return names
}()

// reading puts letters together that are met on the way up a stack, the last
// one first.
type reading struct {
	number, n int
	numbers   []int
}

// take takes the name of the next function.
func (r *reading) take(name string) {
	for i, letter := range alphabet {
		if name != letter {
			continue
		}
		r.number = r.number<<2 | i
		if r.n++; r.n == letters {
			r.numbers = append(r.numbers, r.number)
			r.number, r.n = 0, 0
		}
		return
	}
}

// numbers are those that stand on the stack.
func (s stack) numbers() []int {
	var r reading
	for frames, more := runtime.CallersFrames(s), true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		r.take(f.Function)
	}
	return r.numbers
}

// spells tells whether a number stands on the stack.
func (s stack) spells(number int) bool { return slices.Contains(s.numbers(), number) }

// spelledIn gives the number that stands on a goroutine's stack as the runtime
// prints it, -1 for none.
func spelledIn(goroutine string) int {
	var r reading
	for line := range strings.SplitSeq(goroutine, "\n") {
		if i := strings.LastIndexByte(line, '('); i > 0 && line[0] != '\t' {
			r.take(line[:i])
		}
	}
	if len(r.numbers) == 0 {
		return -1
	}
	return r.numbers[0]
}
