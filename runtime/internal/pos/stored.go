package pos

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// The stored form of ascending keys is msgpack binary data that holds one
// entry after the other. Each is relative to the key before it, the first to
// no key at all; "one more" means that only the last integer differs.
//
//	0x00 … 0x7f                      one key: 1 to 128 more
//	0x80 … 0xbf  length  bytes       one key: the first 0 to 63 bytes stay,
//	                                 then length (one byte) others
//	0xc0 … 0xfe  count (uvarint)     count keys, each 1 to 63 more than the last
//	0xff  step  count (uvarints)     count keys, each step more than the last
//
// How many keys there are stands elsewhere, usually as the number of elements.
const (
	entryKey  = 0x80
	entryRun  = 0xc0
	entryWide = 0xff

	mostMore = entryKey             // greatest distance in an entry of one byte
	mostStep = entryWide - entryRun // greatest distance in the first byte of a run
	leastRun = 3                    // keys from which on a run is shorter
)

// AppendKeys appends keys, which must be valid and ascend. Keys as
// [Between] makes them for many elements at once take a few bytes in all,
// keys that grew by inserts one to three bytes each.
func AppendKeys(b []byte, keys []Key) []byte { return AppendAll(b, slices.Values(keys)) }

// AppendAll is AppendKeys for keys that are not a list of their own.
func AppendAll(b []byte, keys iter.Seq[Key]) []byte {
	w := keyWriter{b: b}
	for k := range keys {
		w.add(k)
	}
	w.endRun()
	return wire.Enclose(w.b, len(b))
}

// keyWriter appends entries. It holds back keys at one distance until it
// knows how many there are.
type keyWriter struct {
	b    []byte
	last Key
	end  int   // where the last integer of last begins
	v    int64 // the last integer of last
	step int64 // distance of the keys held back
	held int
}

func (w *keyWriter) add(k Key) {
	end, v := w.lastOf(k)
	more := v - w.v
	switch {
	case w.last == "" || end != w.end || k[:end] != w.last[:end] || more < 1:
		w.endRun()
		same := 0
		for same < min(len(k), len(w.last)) && k[same] == w.last[same] {
			same++
		}
		w.b = append(w.b, entryKey|byte(same), byte(len(k)-same))
		w.b = append(w.b, k[same:]...)
	case more == w.step:
		w.held++
	default:
		w.endRun()
		w.step, w.held = more, 1
	}
	w.last, w.end, w.v = k, end, v
}

// lastOf returns where the last integer of k begins, and the integer: mostly at
// the same place as in the key before, behind the same beginning.
func (w *keyWriter) lastOf(k Key) (end int, v int64) {
	i := 0
	if w.end < len(k) && k[:w.end] == w.last[:w.end] {
		i = w.end
	}
	for size := 0; i < len(k); i += size {
		end = i
		v, size = integer(k[i:])
	}
	return end, v
}

// endRun appends the keys held back.
func (w *keyWriter) endRun() {
	switch {
	case w.held == 0:
	case w.held >= leastRun && w.step <= mostStep:
		w.b = append(w.b, byte(entryRun+w.step-1))
		w.b = binary.AppendUvarint(w.b, uint64(w.held))
	case w.held <= leastRun && w.step <= mostMore:
		for range w.held {
			w.b = append(w.b, byte(w.step-1))
		}
	default:
		w.b = binary.AppendUvarint(append(w.b, entryWide), uint64(w.step))
		w.b = binary.AppendUvarint(w.b, uint64(w.held))
	}
	w.step, w.held = 0, 0
}

var errKeys = errors.New("positions of an array are damaged")

// ReadKeys reads n keys that [AppendKeys] appended. It checks that they are
// valid and ascend and that there are no more of them, and fails the reader
// otherwise. A few bytes can stand for any number of keys, so the caller
// bounds n, by the elements that it has read or the bytes that they take.
func ReadKeys(r *wire.Reader, n int) []Key {
	p := r.View()
	if r.Err() != nil {
		return nil
	}
	d := keyReader{p: p, keys: make([]Key, 0, min(max(n, 0), 1<<12))}
	for len(d.p) > 0 && d.entry(n) {
	}
	if d.seal(); len(d.p) > 0 || len(d.keys) != n {
		r.Fail(errKeys)
		return nil
	}
	return d.keys
}

// CheckKeys is [ReadKeys] without the keys: it only fails.
func CheckKeys(r *wire.Reader, n int) {
	p := r.View()
	if r.Err() != nil {
		return
	}
	d := keyReader{p: p, check: true}
	for len(d.p) > 0 && d.entry(n) {
	}
	if len(d.p) > 0 || d.count != n {
		r.Fail(errKeys)
	}
}

// keyReader reads entries. Keys are collected in a block, which becomes the
// memory that they share.
type keyReader struct {
	p     []byte // entries left
	keys  []Key  // sealed keys
	block []byte
	ends  []int // of the keys in block
	last  [Max]byte
	size  int   // bytes of last
	end   int   // where the last integer of last begins
	v     int64 // the last integer of last
	count int   // of the keys that were read
	check bool  // nobody wants them
}

// entry reads one entry and says whether it is sound and there are not more
// than n keys.
func (d *keyReader) entry(n int) bool {
	c := d.p[0]
	rest := d.p[1:]
	switch {
	case c < entryKey:
		if !d.more(int64(c)+1, 1, n) {
			return false
		}
	case c < entryRun:
		if len(rest) == 0 {
			return false
		}
		end := 1 + int(rest[0])
		if len(rest) < end || !d.key(int(c-entryKey), rest[1:end], n) {
			return false
		}
		rest = rest[end:]
	default:
		step := uint64(c-entryRun) + 1
		if c == entryWide {
			step, rest = uvarint(rest)
		}
		var count uint64
		count, rest = uvarint(rest)
		if count == 0 || count > uint64(n) || step-1 >= most-least || !d.more(int64(step), int(count), n) {
			return false
		}
	}
	d.p = rest
	return true
}

// uvarint reads a number and gives what follows it; 0 when there is none.
func uvarint(p []byte) (uint64, []byte) {
	v, size := binary.Uvarint(p)
	if size <= 0 {
		return 0, nil
	}
	return v, p[size:]
}

// more adds count keys whose last integers are step apart.
func (d *keyReader) more(step int64, count, n int) bool {
	if d.size == 0 || d.count+count > n {
		return false
	}
	for range count {
		d.v += step
		if d.v > most || d.end+sizeOf(d.v) > Max {
			return false
		}
		d.size = len(appendInteger(d.last[:d.end], d.v))
		d.add()
	}
	return true
}

// key adds a key that has the first bytes of the one before it.
func (d *keyReader) key(same int, rest []byte, n int) bool {
	if same > d.size || same+len(rest) > Max || d.count == n {
		return false
	}
	var k [Max]byte
	size := copy(k[:], d.last[:same])
	size += copy(k[size:], rest)
	if text := Key(k[:size]); !Valid(text) || text <= Key(d.last[:d.size]) {
		return false
	}
	d.last, d.size = k, size
	for i := 0; i < size; {
		v, width := integer(Key(d.last[i:size]))
		d.end, d.v = i, v
		i += width
	}
	d.add()
	return true
}

// add takes last into the block.
func (d *keyReader) add() {
	if d.count++; d.check {
		return
	}
	d.block = append(d.block, d.last[:d.size]...)
	d.ends = append(d.ends, len(d.block))
	if len(d.ends) == shared {
		d.seal()
	}
}

// seal gives the keys in the block their memory.
func (d *keyReader) seal() {
	d.keys = appendShared(d.keys, d.block, d.ends)
	d.block, d.ends = d.block[:0], d.ends[:0]
}
