package doc

import "testing"

// TestPieces holds what becomes of memory: a little stays, more is passed on
// and forgets what was in it, very much goes.
func TestPieces(t *testing.T) {
	x := 1
	for _, c := range []struct {
		size  int
		stays bool
	}{{0, true}, {mostKept, true}, {mostKept + 1, false}, {mostPassed, false}, {mostPassed + 1, false}} {
		var p pieces[*int]
		s := p.take(c.size)
		if len(s) != 0 || cap(s) < c.size {
			t.Fatalf("room for %d is of length %d and for %d", c.size, len(s), cap(s))
		}
		for range c.size {
			s = append(s, &x)
		}
		if left := p.spare(s); cap(left) != cap(s) && c.stays || left != nil && !c.stays {
			t.Errorf("of room for %d there stays %d", c.size, cap(left))
		}
		if c.size > mostPassed {
			continue
		}
		for _, v := range s[:c.size] {
			if v != nil {
				t.Fatalf("room for %d is spare, and not cleared", c.size)
			}
		}
		if again := p.take(c.size); len(again) != 0 || cap(again) < c.size {
			t.Errorf("room for %d again is of length %d and for %d", c.size, len(again), cap(again))
		}
	}
}
