package pos

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

func TestAppendKeys(t *testing.T) {
	many := func(first, step int64, n int) []Key {
		return series{first: first, step: step, n: n}.keys([]byte(path(7)))
	}
	tests := []struct {
		name string
		keys []Key
		want string // entries, without msgpack's header
	}{
		{"none", nil, ""},
		{"one", []Key{path(0)}, "\x80\x01!"},
		{"one more", []Key{path(0), path(2)}, "\x80\x01!\x01"},
		{"widest in a byte", []Key{path(0), path(128)}, "\x80\x01!\x7f"},
		{"too wide for a byte", []Key{path(0), path(129)}, "\x80\x01!\xff\x81\x01\x01"},
		{"a path that goes on", []Key{path(0), path(0, 3)}, "\x80\x01!\x81\x01$"},
		{"a shorter path", []Key{path(0, 200), path(1)}, "\x80\x03!\xc1\x28\x80\x01\""},
		{"shared bytes", []Key{path(0, 200, 1), path(0, 201, 1)}, "\x80\x04!\xc1\x28\"\x82\x02\x29\""},
		{"two at one distance", many(0, 2, 3), "\x80\x02(!\x01\x01"},
		{"run", many(0, 2, 4), "\x80\x02(!\xc1\x03"},
		{"long run", many(0, 63, 1001), "\x80\x02(!\xfe\xe8\x07"},
		{"long wide run", many(0, 1024, 1001), "\x80\x02(!\xff\x80\x08\xe8\x07"},
		{"three at a wide distance", many(0, 65, 4), "\x80\x02(!\x40\x40\x40"},
		{"four at a wide distance", many(0, 65, 5), "\x80\x02(!\xff\x41\x04"},
		{"run, then another", append(many(0, 1, 4), many(10, 2, 4)...), "\x80\x02(!\xc0\x03\x06\xc1\x03"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := AppendKeys([]byte("before"), tt.keys)
			want := wire.AppendBytes([]byte("before"), []byte(tt.want))
			if !bytes.Equal(got, want) {
				t.Fatalf("got % x, want % x", got, want)
			}
			r := wire.NewReader(got[len("before"):])
			back := ReadKeys(r, len(tt.keys))
			if !slices.Equal(back, tt.keys) || r.Err() != nil {
				t.Errorf("read back %x, %v", back, r.Err())
			}
		})
	}
}

func TestReadKeysRefuses(t *testing.T) {
	tests := []struct {
		name string
		n    int
		in   string
	}{
		{"fewer", 2, "\x80\x01!"},
		{"more", 1, "\x80\x01!\x01"},
		{"none wanted", 0, "\x80\x01!"},
		{"negative", -1, ""},
		{"distance from nothing", 1, "\x01"},
		{"run from nothing", 3, "\xc1\x03"},
		{"shares bytes with nothing", 1, "\x81\x01!"},
		{"shares more than there is", 2, "\x80\x01!\x82\x01!"},
		{"no length", 1, "\x80"},
		{"cut key", 1, "\x80\x02!"},
		{"key of 255 bytes", 1, "\x80\xff" + string(bytes.Repeat([]byte("!"), 255))},
		{"empty key", 1, "\x80\x00"},
		{"invalid key", 1, "\x80\x01\xff"},
		{"descending", 2, "\x80\x01!\x80\x01!"},
		{"prefix of the one before", 2, "\x80\x02!!\x81\x00"},
		{"endless run", 5, "\x80\x01!\xc0\xff\xff\xff\xff\x0f"},
		{"endless distance", 2, "\x80\x01!\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"},
		{"no distance", 2, "\x80\x01!\xff\x00\x01"},
		{"cut distance", 2, "\x80\x01!\xff"},
		{"cut run", 5, "\x80\x01!\xc0\x84"},
		{"empty run", 1, "\x80\x01!\xc0\x00"},
		{"run longer than wanted", 3, "\x80\x01!\xc0\x03"},
		{"past the greatest", 2, "\x80\x06\xfe\xff\xff\xff\xff\xff\x00"},
		{"too long", 1, "\x80\x41" + string(bytes.Repeat([]byte("!"), 65))},
		{"grows too long", 2, "\x80\x40" + string(bytes.Repeat([]byte("!"), 63)) + "\xc0\x00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := wire.NewReader(wire.AppendBytes(nil, []byte(tt.in)))
			if got := ReadKeys(r, tt.n); got != nil || r.Err() == nil {
				t.Errorf("read %x", got)
			}
		})
	}
	t.Run("no binary data", func(t *testing.T) {
		r := wire.NewReader(wire.AppendInt(nil, 1))
		if got := ReadKeys(r, 1); got != nil || r.Err() == nil {
			t.Errorf("read %x", got)
		}
	})
}

// FuzzKeys reads damaged keys, and reads back what it could read.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x80\x01!\xc0\x03"), uint16(4))
	f.Add([]byte("\x80\x02!!\x80\x01\xa2\x05"), uint16(3))
	f.Fuzz(func(t *testing.T, in []byte, n uint16) {
		r := wire.NewReader(wire.AppendBytes(nil, in))
		keys := ReadKeys(r, int(n))
		if r.Err() != nil {
			if keys != nil {
				t.Fatal("keys beside an error")
			}
			return
		}
		checkBetween(t, "", "", keys, int(n))
		stored := AppendKeys(nil, keys)
		r.Reset(stored)
		if again := ReadKeys(r, len(keys)); !slices.Equal(again, keys) || r.Err() != nil || r.Len() != 0 {
			t.Fatalf("%x are read back as %x, %v", keys, again, r.Err())
		}
	})
}

// TestKeysStoredSize pins what keys take on disk.
func TestKeysStoredSize(t *testing.T) {
	made, _ := Between("", "", 100_000, Max)
	if n := len(AppendKeys(nil, made)); n > 10 {
		t.Errorf("keys made at once take %d bytes", n)
	}
	if keys, _ := Part(path(0), path(1), 300, 1000, Max); len(AppendKeys(nil, keys)) > 24 {
		t.Errorf("renumbered keys take %d bytes", len(AppendKeys(nil, keys)))
	}
	r := rand.New(rand.NewPCG(3, 4))
	keys := make([]Key, 0, 20_000)
	for range cap(keys) {
		i := r.IntN(len(keys) + 1)
		left, right := neighbours(keys, i)
		k, _ := Between(left, right, 1, Max)
		keys = slices.Insert(keys, i, k[0])
	}
	per := float64(len(AppendKeys(nil, keys))) / float64(len(keys))
	if per > 4.5 {
		t.Errorf("keys of random inserts take %.1f bytes each", per)
	}
	t.Logf("keys of random inserts take %.2f bytes each", per)
}
