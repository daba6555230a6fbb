package driver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Decoder reads the stored forms of commits that belong together, one
// document's, say, several times as fast as [DecodeCommit] and without taking
// memory: what it gives aliases what it was given, which must not change any
// more, and what one commit has in common with the one before. Nobody may change
// such a commit. The zero Decoder is ready; it is for one goroutine.
type Decoder struct {
	// Of the last commit that was read in full: what it gave, and the stored
	// forms of its fields up to the id, from the schema to the extensions, and
	// of the unique values. Commits of a document differ in nothing of that,
	// mostly, and where they do not it is compared and not read.
	last               Commit
	front, middle, end []byte
}

// Reset makes the decoder one that knows no commit: what it was given may change
// again. It keeps texts only, in the hope that they come again.
func (d *Decoder) Reset() {
	*d = Decoder{last: Commit{Table: d.last.Table, By: d.last.By, Because: d.last.Because}}
}

// Decode is [DecodeCommit] into c, which is overwritten.
func (d *Decoder) Decode(b []byte, c *Commit) error {
	if d.again(b, c) {
		return nil
	}
	*c = Commit{}
	d.front, d.middle, d.end = nil, nil, nil
	r := wire.NewReader(b)
	if err := readFront(r); err != nil {
		return err
	}
	at := func() int { return len(b) - r.Len() }
	c.Table = readText(r, d.last.Table)
	readFixed(r, c.ID[:])
	front := b[:at()]
	c.Seq = r.Uint()
	readFixed(r, c.Try[:])
	c.Kind = readKind(r)
	c.Time = r.Time()
	from := at()
	c.Schema = readUint32(r)
	c.By = readText(r, d.last.By)
	c.Because = readText(r, d.last.Because)
	c.Ext = readExt(r)
	middle := b[from:at()]
	c.Body = readBody(r)
	if !r.Nil() {
		if c.Section = r.View(); c.Section == nil {
			c.Section = []byte{}
		}
	}
	end := b[at():]
	c.Held = readHeld(r)
	if err := readEnd(r); err != nil {
		*c = Commit{}
		return err
	}
	d.last = *c
	d.front, d.middle, d.end = front, middle, end
	return nil
}

// again reads a commit that has in common with the last one what commits
// mostly have, in the form that [AppendCommit] gives it. Of any other it reads
// nothing.
func (d *Decoder) again(b []byte, c *Commit) bool {
	if d.front == nil || !bytes.HasPrefix(b, d.front) {
		return false
	}
	seq, p, ok := cutUint(b[len(d.front):])
	const fixed = 1 + 1 + 16 + 1 // the attempt, and the kind
	if !ok || len(p) < fixed || p[0] != 0xc4 || p[1] != 16 || p[18] < byte(KindChange) || p[18] > byte(KindRenumber) {
		return false
	}
	try, kind := p[2:18], Kind(p[18])
	when, p, ok := cutTime(p[fixed:])
	if !ok || !bytes.HasPrefix(p, d.middle) {
		return false
	}
	body, p, ok := cutBytes(p[len(d.middle):])
	if !ok || len(p) == 0 || p[0] != 0xc0 || !bytes.Equal(p[1:], d.end) {
		return false
	}
	*c = d.last
	c.Seq, c.Try, c.Kind, c.Time, c.Body, c.Section = seq, [16]byte(try), kind, when, body, nil
	return true
}

// cutUint reads an integer of any of the forms that are not negative.
func cutUint(b []byte) (n uint64, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0x80:
		return uint64(b[0]), b[1:], true
	case len(b) >= 2 && b[0] == 0xcc:
		return uint64(b[1]), b[2:], true
	case len(b) >= 3 && b[0] == 0xcd:
		return uint64(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case len(b) >= 5 && b[0] == 0xce:
		return uint64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	case len(b) >= 9 && b[0] == 0xcf:
		return binary.BigEndian.Uint64(b[1:]), b[9:], true
	}
	return 0, nil, false
}

// cutTime reads an instant of this time: those of other centuries have another
// form.
func cutTime(b []byte) (t time.Time, rest []byte, ok bool) {
	switch {
	case len(b) >= 10 && b[0] == 0xd7 && b[1] == 0xff:
		v := binary.BigEndian.Uint64(b[2:])
		return time.Unix(int64(v&(1<<34-1)), int64(v>>34)).UTC(), b[10:], v>>34 < 1e9
	case len(b) >= 6 && b[0] == 0xd6 && b[1] == 0xff:
		return time.Unix(int64(binary.BigEndian.Uint32(b[2:])), 0).UTC(), b[6:], true
	}
	return t, nil, false
}

// cutBytes reads binary data and gives its bytes in b, nil for none.
func cutBytes(b []byte) (data, rest []byte, ok bool) {
	n, head := uint64(0), 0
	switch {
	case len(b) >= 2 && b[0] == 0xc4:
		n, head = uint64(b[1]), 2
	case len(b) >= 3 && b[0] == 0xc5:
		n, head = uint64(binary.BigEndian.Uint16(b[1:])), 3
	case len(b) >= 5 && b[0] == 0xc6:
		n, head = uint64(binary.BigEndian.Uint32(b[1:])), 5
	default:
		return nil, nil, false
	}
	if b = b[head:]; n > uint64(len(b)) {
		return nil, nil, false
	}
	if n > 0 {
		data = b[:n:n]
	}
	return data, b[n:], true
}

// readText reads a string, which often is the same as the last one.
func readText(r *wire.Reader, last string) string {
	if r.Kind() != wire.String {
		return r.String() // an error
	}
	if b := r.View(); string(b) != last {
		return string(b)
	}
	return last
}

// readBody reads binary data and gives its bytes in the input, nil for none.
func readBody(r *wire.Reader) []byte {
	if r.Kind() != wire.Bytes {
		return r.Bytes() // an error
	}
	if b := r.View(); len(b) > 0 {
		return b
	}
	return nil
}

// readFront reads what says how a stored commit is to be read.
func readFront(r *wire.Reader) error {
	fields := r.Array()
	version := r.Uint()
	if r.Err() == nil && (version != commitVersion || fields != commitFields) {
		return unknownVersion(version, fields)
	}
	if flags := r.Uint(); flags != 0 {
		return unknownFlags(flags)
	}
	return nil
}

// readEnd says what was wrong with a stored commit.
func readEnd(r *wire.Reader) error {
	if r.Err() == nil && r.Len() > 0 {
		r.Fail(fmt.Errorf("%d bytes follow it", r.Len()))
	}
	if err := r.Err(); err != nil {
		return &FormatError{Err: err}
	}
	return nil
}
