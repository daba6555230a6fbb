package journal

import "testing"

// TestGrown holds how large segments get, also where an int has 32 bits.
func TestGrown(t *testing.T) {
	for _, tt := range []struct{ size, segment, need, want int }{
		{1 << 20, 16 << 20, 0, 2 << 20},
		{8 << 20, 16 << 20, 0, 16 << 20},
		{16 << 20, 16 << 20, 0, 16 << 20},
		{12 << 20, 16 << 20, 0, 16 << 20},
		{1 << 30, 1 << 30, 0, 1 << 30},
		{1 << 29, 1 << 30, 0, 1 << 30},
		{64 << 20, 16 << 20, 0, 16 << 20}, // one was made for a large record
		{4096, 4096, 5000, 8192},
		{0, 4096, 10, 4096},
		{16 << 20, 16 << 20, MaxRecord, MaxRecord + 4096},
	} {
		if got := (Options{Segment: tt.segment}).grown(tt.size, tt.need); got != tt.want {
			t.Errorf("after %d bytes, of at most %d, for a record of %d: %d, want %d", tt.size, tt.segment, tt.need, got, tt.want)
		}
	}
}
