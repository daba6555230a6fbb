package pos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBetween gives the keys of every kind of gap: which integers are next to
// the neighbours, and how deep it goes where these leave no room. (destam 5, 6)
func TestBetween(t *testing.T) {
	tests := []struct {
		name        string
		left, right Key
		n           int
		want        []Key
	}{
		{"none", "", "", 0, nil},
		{"first", "", "", 1, []Key{path(0)}},
		{"first three", "", "", 3, []Key{path(0), path(2), path(4)}},
		{"append", path(4), "", 2, []Key{path(6), path(8)}},
		{"append to a deep key", path(4, 9, 9), "", 1, []Key{path(6)}},
		{"prepend", "", path(0), 2, []Key{path(-8), path(-4)}},
		{"prepend to a deep key", "", path(0, 7), 1, []Key{path(-4)}},
		{"next to the left", path(0), path(100), 1, []Key{path(2)}},
		{"halfway when near", path(0), path(3), 1, []Key{path(1)}},
		{"closer for many", path(0), path(4), 3, []Key{path(1), path(2), path(3)}},
		{"too many for the gap", path(0), path(4), 4, []Key{path(0, 0), path(0, 2), path(0, 4), path(0, 6)}},
		{"no gap", path(0), path(1), 1, []Key{path(0, 0)}},
		{"behind a run in no gap", path(0, 6), path(1), 1, []Key{path(0, 8)}},
		{"behind deep keys the first level with room", path(0, 6, 9), path(1), 1, []Key{path(0, 8)}},
		{"before a run", path(0), path(0, 0), 1, []Key{path(0, -4)}},
		{"inside a run", path(0, 0), path(0, 2), 1, []Key{path(0, 1)}},
		{"deeper inside a run", path(0, 0), path(0, 1), 1, []Key{path(0, 0, 0)}},
		{"common beginning", path(9, 9, 1), path(9, 9, 8), 1, []Key{path(9, 9, 3)}},
		{"above the greatest", path(most), "", 1, []Key{path(most, 0)}},
		{"below the least that may end a path", "", path(least + 1), 1, []Key{path(least, 0)}},
		{"below a path that begins with the least", "", path(least, 0), 1, []Key{path(least, -4)}},
		{"below the least inside", path(7), path(7, least, 1), 1, []Key{path(7, least, -3)}},
		{"many below the least", "", path(least + 3), 3, []Key{path(least+2, 0), path(least+2, 2), path(least+2, 4)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Between(tt.left, tt.right, tt.n, Max)
			if diff := cmp.Diff(tt.want, got); diff != "" || !ok {
				t.Errorf("ok is %v; (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestBetweenKeepsItsBound(t *testing.T) {
	if keys, ok := Between(path(0, 0), path(0, 1), 1, 2); ok || keys != nil {
		t.Errorf("got %v where no key of 2 bytes is left", keys)
	}
	if _, ok := Between(path(0), "", 81, 1); ok {
		t.Error("the last of many keys is longer than the bound")
	}
}

func TestBetweenRefusesContradictions(t *testing.T) {
	for _, tt := range [][2]Key{{path(0), path(0)}, {path(1), path(0)}, {path(0, 1), path(0)}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("keys between %v and %v", ints(tt[0]), ints(tt[1]))
				}
			}()
			Between(tt[0], tt[1], 1, Max)
		}()
	}
}

// checkBetween fails unless keys are n, valid and ascending between the two.
func checkBetween(t *testing.T, left, right Key, keys []Key, n int) {
	t.Helper()
	if len(keys) != n {
		t.Fatalf("%d keys, want %d", len(keys), n)
	}
	for i, k := range keys {
		if long := len(k) > Max; k <= left || right != "" && k >= right || !long && !Valid(k) {
			t.Fatalf("key %d is %v, between %v and %v", i, ints(k), ints(left), ints(right))
		}
		left = k
	}
}

// FuzzBetween finds room between any two valid keys. (destam 7, 8)
func FuzzBetween(f *testing.F) {
	f.Add("", "", 1)
	f.Add(string(path(0)), string(path(1)), 3)
	f.Add(string(path(5)), string(path(5, least, least+1)), 200)
	f.Add(string(path(most-1, 2)), "", 5)
	f.Fuzz(func(t *testing.T, a, b string, n int) {
		left, right := Key(a), Key(b)
		if left != "" && !Valid(left) || right != "" && !Valid(right) {
			return
		}
		if right != "" && left > right {
			left, right = right, left
		}
		if left == right && right != "" {
			return
		}
		n = 1 + (n&0xffff)%300
		keys, ok := Between(left, right, n, 3*Max)
		if !ok {
			t.Fatal("no room")
		}
		checkBetween(t, left, right, keys, n)
		if again, _ := Between(left, right, n, 3*Max); !slices.Equal(keys, again) {
			t.Fatal("other keys the second time")
		}
		if keys, ok := Part(left, right, n/3, n, 3*Max); !ok {
			t.Fatal("no room for a neighbourhood")
		} else {
			checkBetween(t, left, right, keys, n)
		}
	})
}

// TestKeysStayShort pins how long keys get where arrays grow in one place.
func TestKeysStayShort(t *testing.T) {
	tests := []struct {
		name  string
		where func(keys []Key) int // index to insert at
		n     int
		want  int // longest key in bytes
	}{
		{"append", func(keys []Key) int { return len(keys) }, 5_000, 2},
		{"prepend", func([]Key) int { return 0 }, 5_000, 3},
		{"after the first", func([]Key) int { return 1 }, 5_000, 4},
		{"before the last", func(keys []Key) int { return len(keys) - 1 }, 5_000, 4},
		{"middle", func(keys []Key) int { return len(keys) / 2 }, 240, Max},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys := []Key{path(0), path(2)}
			longest := 0
			for range tt.n {
				i := tt.where(keys)
				left, right := neighbours(keys, i)
				k, ok := Between(left, right, 1, Max)
				if !ok {
					t.Fatalf("no room after %d inserts", len(keys)-2)
				}
				checkBetween(t, left, right, k, 1)
				keys = slices.Insert(keys, i, k[0])
				longest = max(longest, len(k[0]))
			}
			if longest > tt.want {
				t.Errorf("longest key has %d bytes, want at most %d", longest, tt.want)
			}
		})
	}
}

// TestAMillionAppends checks that a key's length follows the logarithm of the
// number of elements, appended or prepended one at a time.
func TestAMillionAppends(t *testing.T) {
	last, first := path(0), path(0)
	for range 1_000_000 {
		up, _ := Between(last, "", 1, Max)
		down, _ := Between("", first, 1, Max)
		if up[0] <= last || down[0] >= first {
			t.Fatal("out of order")
		}
		last, first = up[0], down[0]
	}
	if len(last) > 4 || len(first) > 4 {
		t.Errorf("keys have %d and %d bytes, want at most 4", len(last), len(first))
	}
	all, _ := Between("", "", 1_000_000, Max)
	if k := all[len(all)-1]; len(k) > 4 {
		t.Errorf("the last of a million made at once has %d bytes", len(k))
	}
}

// TestBounds inserts at random places and at random in runs, removes, and
// renumbers everything when a key would exceed its bound. (destam 7, 8)
func TestBounds(t *testing.T) {
	for _, bound := range []int{6, 8, 10, Max} {
		t.Run(fmt.Sprintf("max=%d", bound), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(bound), 7))
			var keys []Key
			renumbered, at := 0, 0
			for range 8_000 {
				if len(keys) > 0 && r.IntN(4) == 0 {
					i := r.IntN(len(keys))
					keys = slices.Delete(keys, i, min(len(keys), i+r.IntN(4)))
				}
				if r.IntN(8) == 0 {
					at = r.IntN(len(keys) + 1)
				}
				at = min(at+r.IntN(2), len(keys))
				n := 1 + r.IntN(3)
				left, right := neighbours(keys, at)
				k, ok := Between(left, right, n, bound)
				if !ok {
					renumbered++
					all := Spread(len(keys) + n)
					checkBetween(t, "", "", all, len(keys)+n)
					if len(all[len(all)-1]) > 4 {
						t.Fatalf("spread over everything gives keys of %d bytes", len(all[len(all)-1]))
					}
					keys = all
					continue
				}
				checkBetween(t, left, right, k, n)
				keys = slices.Insert(keys, at, k...)
			}
			if most := 2; (bound == Max) != (renumbered <= most) {
				t.Errorf("%d renumberings", renumbered)
			}
		})
	}
}

func neighbours(keys []Key, i int) (left, right Key) {
	if i > 0 {
		left = keys[i-1]
	}
	if i < len(keys) {
		right = keys[i]
	}
	return left, right
}

func TestSpread(t *testing.T) {
	for n, last := range map[int]Key{1: path(0), 3: path(2048), 100: path(1024 * 99), 1_000_000: path(64 * 999_999)} {
		got := Spread(n)
		checkBetween(t, "", "", got, n)
		if got[0] != path(0) || got[n-1] != last {
			t.Errorf("%d keys go from %v to %v, want 0 to %v", n, ints(got[0]), ints(got[n-1]), ints(last))
		}
	}
}

func TestPart(t *testing.T) {
	tests := []struct {
		name        string
		left, right Key
		at, n, size int
		want        []Key // around the room; nil when there is none
	}{
		{"everything", "", "", 1, 2, 64, []Key{path(16 - 1<<21), path(1<<21 - 16)}},
		{"everything in short keys", "", "", 1, 2, 2, []Key{path(16 - 2065), path(12448 - 16)}},
		{"at the end", path(7), "", 1, 2, 64, []Key{path(7 + 16), path(7 + 1<<22 - 16)}},
		{"at the beginning", "", path(7), 1, 2, 64, []Key{path(7 - 1<<22 + 16), path(7 - 16)}},
		{"between far neighbours", path(0), path(100_000), 1, 3, 64, []Key{path(16), path(100_000 - 32)}},
		{"between near neighbours", path(0), path(100), 2, 3, 64, []Key{path(4), path(98)}},
		{"none before", path(0), path(100), 0, 3, 64, []Key{path(0), path(94)}},
		{"none behind", path(0), path(100), 3, 3, 64, []Key{path(6), path(100)}},
		{"no room between", path(0), path(7), 1, 3, 64, []Key{path(0, 16-1<<21), path(0, 1<<21-32)}},
		{"no room in short keys", path(0), path(7), 1, 3, 1, nil},
		{"no room for short keys", path(0), path(7), 40, 100, 2, nil},
		{"below a long key", path(5, 5, 5), path(6), 1, 2, 64, []Key{path(5, 5+16), path(5, 5+1<<22-16)}},
		{"at the greatest", path(most - 40), "", 1, 2, 64, []Key{path(most - 38), path(most - 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Part(tt.left, tt.right, tt.at, tt.n, tt.size)
			if !ok {
				if tt.want != nil {
					t.Error("no room")
				}
				return
			}
			checkBetween(t, tt.left, tt.right, got, tt.n)
			around := []Key{tt.left, tt.right}
			if tt.at > 0 {
				around[0] = got[tt.at-1]
			}
			if tt.at < tt.n {
				around[1] = got[tt.at]
			}
			if diff := cmp.Diff(tt.want, around); diff != "" {
				t.Errorf("room between %v and %v (-want +got):\n%s", ints(around[0]), ints(around[1]), diff)
			}
			for _, k := range got {
				if len(k) > tt.size {
					t.Errorf("%v has %d bytes", ints(k), len(k))
				}
			}
		})
	}
}
