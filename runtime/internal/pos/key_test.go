package pos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// path makes a key of integers.
func path(vs ...int64) Key {
	var b []byte
	for _, v := range vs {
		b = appendInteger(b, v)
	}
	return Key(b)
}

// ints are the integers of a key, for messages.
func ints(k Key) []int64 {
	var vs []int64
	for k != "" {
		v, size := integer(k)
		if size == 0 {
			return append(vs, least-1)
		}
		vs, k = append(vs, v), k[size:]
	}
	return vs
}

// TestClasses checks that the ranges follow one another, in integers and in
// first bytes, and that integers sort like their bytes where they meet.
// (destam 1)
func TestClasses(t *testing.T) {
	next, first := int64(least), byte(1)
	for _, c := range classes {
		if c.low != next || c.first != first {
			t.Fatalf("class %+v begins at %d and %#x, want %d and %#x", c, c.low, c.first, next, first)
		}
		next = c.low + (int64(c.last-c.first)+1)<<(8*c.extra)
		first = c.last + 1
	}
	if next != most+1 {
		t.Errorf("integers end at %d, want %d", next-1, int64(most))
	}
	before := Key("")
	for _, c := range classes {
		high := c.low + (int64(c.last-c.first)+1)<<(8*c.extra) - 1
		for _, v := range []int64{c.low, c.low + 1, high - 1, high} {
			k := path(v)
			if got, size := integer(k + "rest"); got != v || size != len(k) || size != sizeOf(v) {
				t.Errorf("%d is read as %d from %d bytes of %d", v, got, size, len(k))
			}
			if k <= before {
				t.Errorf("%d does not sort after the one before", v)
			}
			before = k
		}
	}
}

// TestFormatDocument keeps the table in docs/FORMAT.md true. (destam 1)
func TestFormatDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "FORMAT.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range classes {
		first := fmt.Sprintf("%02x … %02x", c.first, c.last)
		if c.first == c.last {
			first = fmt.Sprintf("%02x", c.first)
		}
		high := c.low + (int64(c.last-c.first)+1)<<(8*c.extra) - 1
		row := fmt.Sprintf("| %s | %d | %d … %d |", first, 1+c.extra, c.low, high)
		if !strings.Contains(string(document), row) {
			t.Errorf("docs/FORMAT.md lacks %s", row)
		}
	}
	keys := []Key{path(0), path(2), path(4), path(6), path(6, 0)}
	if got := fmt.Sprintf("% x", AppendKeys(nil, keys)); got != "c4 08 80 01 21 c1 03 81 01 21" {
		t.Errorf("the example of docs/FORMAT.md is stored as %s", got)
	}
}

// TestIntegersSortLikeTheirBytes compares integers, and keys of several, as
// numbers and as bytes: less, equal and greater are the same. (destam 2, 3)
func TestIntegersSortLikeTheirBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	any := func() int64 {
		v := r.Int64N(most) >> r.IntN(41)
		if r.IntN(2) == 0 {
			v = -v
		}
		return max(v, least)
	}
	for range 100_000 {
		v, w := any(), any()
		if cmp.Compare(v, w) != cmp.Compare(path(v), path(w)) {
			t.Fatalf("%d and %d sort differently as bytes", v, w)
		}
	}
	deep := func() []int64 {
		vs := make([]int64, 1+r.IntN(3))
		for i := range vs {
			vs[i] = r.Int64N(5) - 2 // few, so that many are equal or begin alike
		}
		return vs
	}
	equal := 0
	for range 10_000 {
		v, w := deep(), deep()
		if slices.Compare(v, w) != cmp.Compare(path(v...), path(w...)) {
			t.Fatalf("%d and %d sort differently as bytes", v, w)
		}
		if slices.Equal(v, w) {
			equal++
		}
	}
	if equal == 0 {
		t.Error("no two keys were equal")
	}
}

func TestValid(t *testing.T) {
	tests := []struct {
		name string
		key  Key
		want bool
	}{
		{"empty", "", false},
		{"zero", path(0), true},
		{"path", path(5, -3, 160), true},
		{"least before others", path(least, 0), true},
		{"least at the end", path(least), false},
		{"least at the end of a path", path(0, least), false},
		{"greatest", path(most), true},
		{"cut integer", path(5, 200)[:2], false},
		{"first byte 0", "\x00", false},
		{"first byte 255", "\xff", false},
		{"64 bytes", Key(strings.Repeat("!", 64)), true},
		{"65 bytes", Key(strings.Repeat("!", 65)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Valid(tt.key); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// FuzzValid checks that a valid key is one path and one sequence of bytes.
func FuzzValid(f *testing.F) {
	f.Add("!")
	f.Add(string(path(most, least, 7)))
	f.Fuzz(func(t *testing.T, s string) {
		k := Key(s)
		if Valid(k) && path(ints(k)...) != k {
			t.Fatalf("%x reads as %v and is written as %x", s, ints(k), string(path(ints(k)...)))
		}
	})
}
