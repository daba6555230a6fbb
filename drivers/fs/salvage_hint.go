package fs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// hint is a version that a damaged batch seems to have had.
type hint struct {
	table string
	id    driver.ID
	seq   uint64
	where string
	sure  bool // nothing else has had it
}

// broken names what a damaged batch had, which nothing else has.
func (x *salvor) broken(b journal.Found, where string) {
	told := x.gather(b.Body, where, true)
	x.lose(Loss{Where: where, Why: fmt.Sprintf("batch %d is damaged, with %d records, of which %d can still be named", b.No, b.Count, min(told, b.Count))})
}

// gather looks for records in what is damaged, and says how many it has found.
func (x *salvor) gather(b []byte, where string, sure bool) (told int) {
	for len(b) > 0 {
		n, h, ok := front(b)
		if b = b[n:]; !ok {
			continue
		}
		if told++; !h.id.IsZero() {
			h.where, h.sure = where, sure
			x.hints = append(x.hints, h)
		}
	}
	return told
}

// front reads what a record begins with, of bytes of which any may be damaged,
// and says where to go on: behind the record when all of it makes sense, and
// otherwise at the next byte, since its length may be what is damaged. What is
// no commit that makes sense gives no id.
func front(b []byte) (next int, h hint, ok bool) {
	n, k := binary.Uvarint(b)
	if k > 0 && n >= recordFront && n <= uint64(len(b)-k) && b[k+1] == recordVersion {
		body, end := b[k+recordFront:k+int(n)], k+int(n)
		switch b[k] {
		case recordSchema:
			if _, err := decodeSchema(body); err == nil {
				return end, h, true
			}
		case recordCommit:
			if c, err := driver.DecodeCommit(body); err == nil {
				return end, hint{table: c.Table, id: c.ID, seq: c.Seq}, true
			}
		case recordCheckpoint: // of the content anything may be damaged: it is not lost when the versions are there
			if c, err := decodeCheckpoint(body); err == nil && (driver.Schema{Table: c.table}).Check() == nil {
				return end, h, true
			}
		}
	}
	if !bytes.HasPrefix(b, commitFront) {
		return 1, h, false
	}
	h, ok = frontOfCommit(b[len(commitFront):])
	return 1, h, ok
}

// commitFront begins the record of a commit: see docs/FORMAT.md.
var commitFront = []byte{recordCommit, recordVersion, 0x9f, 1, 0}

// frontOfCommit reads table, id and sequence of a commit.
func frontOfCommit(b []byte) (h hint, ok bool) {
	size := 0
	switch {
	case len(b) > 1 && b[0]&0xe0 == 0xa0:
		size, b = int(b[0]&0x1f), b[1:]
	case len(b) > 2 && b[0] == 0xd9:
		size, b = int(b[1]), b[2:]
	default:
		return h, false
	}
	const least = 2 + 16 + 1 // what precedes an id, the id, a small sequence
	if len(b) < size+least || b[size] != 0xc4 || b[size+1] != 16 {
		return h, false
	}
	h.table, h.id = string(b[:size]), driver.ID(b[size+2:])
	if (driver.Schema{Table: h.table}).Check() != nil || h.id.IsZero() {
		return hint{}, false
	}
	var number [9]byte // of one that is cut short the rest is zero
	copy(number[:], b[size+2+16:])
	be := binary.BigEndian
	switch b := number[:]; b[0] {
	case 0xcc:
		h.seq = uint64(b[1])
	case 0xcd:
		h.seq = uint64(be.Uint16(b[1:]))
	case 0xce:
		h.seq = uint64(be.Uint32(b[1:]))
	case 0xcf:
		h.seq = be.Uint64(b[1:])
	default:
		h.seq = uint64(b[0])
	}
	return h, true
}

// heed makes losses of the hints, now that all that is whole is known.
func (x *salvor) heed() {
	for _, h := range x.hints {
		w := x.tables[h.table]
		if w == nil {
			x.lose(Loss{Table: h.table, ID: h.id, From: h.seq, To: h.seq, Where: h.where, Why: "it seems to have been in a damaged batch"})
			continue
		}
		d := w.doc(h.id)
		switch {
		case slices.ContainsFunc(d.commits, func(r remain) bool { return r.seq == h.seq }):
			if h.sure {
				x.lose(Loss{Table: h.table, Where: h.where, Why: fmt.Sprintf("a version that cannot be named: it calls itself version %d of document %v, which is there", h.seq, h.id)})
			}
			continue
		case h.seq < d.top+most:
			d.top = max(d.top, h.seq)
		default:
			x.lose(Loss{Table: h.table, ID: h.id, Where: h.where, Why: "a version of a damaged number, in a damaged batch"})
		}
		d.where, d.why = h.where, "it was in a damaged batch"
	}
}
