package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Kinds of records. The numbers are stored.
const (
	Commit     = 1 // Body is a commit as driver.AppendCommit writes it
	Checkpoint = 2 // Body is the content as of Seq
	Tries      = 3 // Body has the 16 bytes of each commit, from Seq on, that a purge erased

	kindStrides = 4 // where the older records are cut: it is not one of them
)

// Record is one thing that is known of a document.
type Record struct {
	Kind byte
	Seq  uint64 // of the commit, of the checkpoint, of the first of the tries
	Body []byte
}

// Head is a document without its records.
type Head struct {
	ID       driver.ID
	Standing driver.Standing
	First    uint64 // the oldest commit in this run, or the first of its tries
	Section  []byte // of the newest commit that had one, nil if none did
}

// Document is what a run has of a document. Records stand in the order of
// their sequences, a checkpoint behind the commit of its.
type Document struct {
	Head
	Records []Record
}

// Scratch is a document in memory that the next one is read into: who reads one
// after another needs memory for one.
type Scratch struct {
	Document
	memory []byte
}

// Terms gives the terms by which a document is found.
func (h *Head) Terms() []driver.Term {
	if h.Standing.Life != driver.Alive {
		return nil
	}
	terms, _ := driver.TermsIn(h.Section) // no error: it was checked when it was accepted
	return terms
}

const (
	frameHeader = 64
	headSumAt   = 60
	align       = 8
)

// part says how much of a frame is read.
type part int

const (
	head  part = iota // all but the records
	front             // what the newest state is built from
	whole
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// salt is what every checksum of a run begins with.
func salt(id uint64) uint32 {
	return crc32.Update(0, castagnoli, binary.LittleEndian.AppendUint64(nil, id))
}

// split gives the index of the first record of the front: the newest
// checkpoint, or the oldest record if there is none.
func (d *Document) split() int {
	for i := len(d.Records) - 1; i >= 0; i-- {
		if d.Records[i].Kind == Checkpoint {
			return i
		}
	}
	return 0
}

// append appends the frame of a document, b being empty or whole frames.
func (d *Document) append(b []byte, salt uint32) []byte {
	le := binary.LittleEndian
	start := len(b)
	b = append(b, make([]byte, 24)...)
	b = append(b, d.ID[:]...)
	b = le.AppendUint64(b, d.Standing.Seq)
	b = le.AppendUint64(b, d.First)
	b = append(b, byte(d.Standing.Life), 0, 0, 0, 0, 0, 0, 0)
	if d.Section == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(b, uint64(len(d.Section))+1)
		b = append(b, d.Section...)
	}
	b = binary.AppendUvarint(b, uint64(len(d.Standing.Held)))
	for _, term := range d.Standing.Held {
		b = binary.AppendUvarint(b, uint64(len(term)))
		b = append(b, term...)
	}
	head := len(b) - start
	at := d.split()
	size := 0
	for _, r := range d.Records[at:] {
		size += r.size()
	}
	b = binary.AppendUvarint(b, uint64(size))
	b = slices.Grow(b, size+align)
	for _, r := range d.Records[at:] {
		b = r.append(b)
	}
	b = pad(b, start)
	front := len(b) - start
	b = d.appendRest(b, d.Records[:at], salt)
	b = pad(b, start)
	f := b[start:]
	le.PutUint64(f[0:], uint64(len(f)))
	le.PutUint64(f[8:], uint64(front))
	le.PutUint32(f[headSumAt:], headSum(f, head, salt))
	le.PutUint32(f[16:], frontSum(f, front, salt))
	le.PutUint32(f[20:], crc32.Update(salt, castagnoli, f[front:]))
	return b
}

// headSum is the checksum of what a frame has before its records.
func headSum(f []byte, end int, salt uint32) uint32 {
	sum := crc32.Update(crc32.Update(salt, castagnoli, f[:16]), castagnoli, f[24:headSumAt])
	return crc32.Update(sum, castagnoli, f[frameHeader:end])
}

// frontSum is the checksum of a frame's front.
func frontSum(f []byte, front int, salt uint32) uint32 {
	return crc32.Update(crc32.Update(salt, castagnoli, f[:16]), castagnoli, f[24:front])
}

func pad(b []byte, start int) []byte {
	var zeros [align]byte
	return append(b, zeros[:(align-(len(b)-start)%align)%align]...)
}

// size is how many bytes a record takes.
func (r Record) size() int {
	n := r.inner()
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n)) + n
}

// inner is size without the length in front.
func (r Record) inner() int {
	n := 1 + len(r.Body)
	if r.Kind != Commit {
		var b [binary.MaxVarintLen64]byte
		n += binary.PutUvarint(b[:], r.Seq)
	}
	return n
}

func (r Record) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(r.inner()))
	b = append(b, r.Kind)
	if r.Kind != Commit {
		b = binary.AppendUvarint(b, r.Seq)
	}
	return append(b, r.Body...)
}

// Frame is a document in a run's own memory: it ends with the function that it
// was given to, and so does everything that it gives.
type Frame struct {
	id      driver.ID
	seq     uint64
	first   uint64
	life    driver.Life
	section []byte
	held    []byte // count and texts
	front   []byte // records
	rest    []byte // records
	whole   bool   // rest was read too, or the part of it that begins with counted
	counted uint64 // the sequence of its first record that has one; 0 for first
	size    int64  // of the front, with all before its records
	own     bool   // it is in memory of its own, which nobody changes
}

var (
	errFrame = errors.New("frame is malformed")
	errSum   = errors.New("its checksum is wrong")
)

// frameSize gives the lengths of the frame at the front of b, which has at
// least its header, if they can be in a file of which so much is left.
func frameSize(b []byte, left int64) (length, front int64, err error) {
	l, f := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:])
	if l > uint64(left) || f > l || f < frameHeader || l%align != 0 || f%align != 0 {
		return 0, 0, errFrame
	}
	return int64(l), int64(f), nil
}

// parseFront takes the front of a frame apart, or its head alone, of which b may
// then be all that there is. It compares the checksum of what it takes: a head
// is read for every hit of a query, and what is behind it may be long.
func parseFront(b []byte, salt uint32, p part) (Frame, error) {
	le := binary.LittleEndian
	sum := le.Uint32(b[headSumAt:]) // 0 in what was written when heads had none
	if (p != head || sum == 0) && frontSum(b, len(b), salt) != le.Uint32(b[16:]) {
		return Frame{}, errSum
	}
	f := Frame{
		id: driver.ID(b[24:40]), seq: le.Uint64(b[40:]), first: le.Uint64(b[48:]), life: driver.Life(b[56]),
		size: int64(le.Uint64(b[8:])),
	}
	r := reader{b: b[frameHeader:]}
	if n := r.number(); n > 0 {
		f.section = r.bytes(n - 1)
	}
	held := r.b
	for range r.number() {
		if r.bytes(r.number()); r.bad {
			break
		}
	}
	if r.bad {
		return Frame{}, errFrame
	}
	f.held = held[:len(held)-len(r.b)]
	if p == head && sum != 0 && headSum(b, len(b)-len(r.b), salt) != sum {
		return Frame{}, errSum
	}
	if f.life > driver.Purged || f.first == 0 || f.first > f.seq+1 || le.Uint32(b[56:])>>8 != 0 {
		return Frame{}, errFrame
	}
	if p == head {
		return f, nil
	}
	f.front = r.bytes(r.number())
	if r.bad || len(r.b) >= align || !zero(r.b) {
		return Frame{}, errFrame
	}
	return f, nil
}

// parseRest compares the checksum of what is behind the front of a frame.
func parseRest(front, rest []byte, salt uint32) error {
	if crc32.Update(salt, castagnoli, rest) != binary.LittleEndian.Uint32(front[20:]) {
		return errSum
	}
	return nil
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// ID is the document's.
func (f *Frame) ID() driver.ID { return f.id }

// Head gives the head, in memory of its own.
func (f *Frame) Head() Head {
	h := f.peek()
	h.Standing.Held = f.Held()
	return h
}

// peek is Head without what the document holds.
func (f *Frame) peek() Head {
	h := Head{ID: f.id, First: f.first, Standing: driver.Standing{Seq: f.seq, Life: f.life}}
	if h.Section = f.section; h.Section != nil && !f.own {
		h.Section = append(make([]byte, 0, len(f.section)), f.section...)
	}
	return h
}

// Held gives the unique values that the document holds, in memory of its own.
func (f *Frame) Held() []driver.Term {
	r := reader{b: f.held}
	n := r.number()
	if n == 0 {
		return nil
	}
	text, size := string(f.held), len(f.held) // one text for all
	held := make([]driver.Term, 0, min(n, 16))
	for range n {
		length := len(r.bytes(r.number()))
		end := size - len(r.b)
		held = append(held, driver.Term(text[end-length:end]))
	}
	return held
}

// Size is how much memory Own takes.
func (f *Frame) Size() int { return len(f.section) + len(f.front) + len(f.rest) }

// Own makes the frame one in memory of its own, which is that behind b: what its
// records give may then be kept, though not changed.
func (f *Frame) Own(b []byte) {
	if f.own {
		return
	}
	f.own = true
	take := func(part *[]byte) {
		if *part == nil {
			return
		}
		start := len(b)
		b = append(b, *part...)
		*part = b[start:len(b):len(b)]
	}
	take(&f.section)
	take(&f.front)
	take(&f.rest)
}

// First is the sequence of the oldest commit in the frame, one more than the
// newest of all if it has none.
func (f *Frame) First() uint64 { return f.first }

// Checkpoint gives the newest checkpoint of a document, with which its front
// begins.
func (f *Frame) Checkpoint() (seq uint64, content []byte, ok bool) {
	if len(f.front) == 0 {
		return 0, nil, false
	}
	r := reader{b: f.front}
	rec, err := r.record()
	return rec.Seq, rec.Body, err == nil && rec.Kind == Checkpoint
}

// Front gives the records of the front, to be read by [Records].
func (f *Frame) Front() []byte { return f.front }

// Records yields the records of a front, and for each commit no sequence.
func Records(front []byte, yield func(Record) error) error {
	f := Frame{front: front}
	return f.Records(yield)
}

// Records yields the records in order: those of the front, or all if the frame
// was read whole, or those that were read by [Run.Part]; then commits have their
// Seq. A record that is none ends it
// with an error.
func (f *Frame) Records(yield func(Record) error) error {
	next := f.first
	if f.counted > 0 {
		next = f.counted
	}
	each := func(b []byte) error {
		r := reader{b: b}
		for len(r.b) > 0 && (len(r.b) >= align || !zero(r.b)) {
			rec, err := r.record()
			if err != nil {
				return err
			}
			if rec.Kind == kindStrides {
				continue
			}
			if f.whole {
				next = rec.count(next)
			}
			if err := yield(rec); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each(f.rest); err != nil {
		return err
	}
	return each(f.front)
}

// count gives a commit its sequence, and that of the next.
func (r *Record) count(next uint64) uint64 {
	switch r.Kind {
	case Commit:
		r.Seq = next
		next++
	case Tries:
		next += uint64(len(r.Body) / 16)
	}
	return next
}

// reader takes bytes apart. After the first thing that is not there it is bad
// and gives nothing more.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// record takes one record. A commit's Seq is not in it and left to those who
// count.
func (r *reader) record() (Record, error) {
	in := reader{b: r.bytes(r.number())}
	kind := in.bytes(1)
	if r.bad || in.bad {
		return Record{}, errFrame
	}
	rec := Record{Kind: kind[0]}
	switch rec.Kind {
	case Commit, kindStrides:
	case Checkpoint, Tries:
		rec.Seq = in.number()
	default:
		return Record{}, fmt.Errorf("%w: a record has kind %d", errFrame, rec.Kind)
	}
	rec.Body = in.b
	if in.bad || rec.Kind == Tries && len(rec.Body)%16 != 0 {
		return Record{}, errFrame
	}
	return rec, nil
}

// Read reads a frame that was read whole into s, whose document is another one
// then, and checks that its records fit together.
func (f *Frame) Read(s *Scratch) error {
	d := &s.Document
	size := f.Size()
	s.memory = slices.Grow(s.memory[:0], size)
	f.Own(s.memory)
	d.Head = f.Head()
	const usual = 64 // a record mostly takes more, and a count may lie
	d.Records = slices.Grow(d.Records[:0], int(min(f.seq+1-f.first, uint64(size/usual)))+1)
	err := f.Records(func(r Record) error {
		d.Records = append(d.Records, r)
		return nil
	})
	if err != nil {
		return err
	}
	return d.check()
}

// check says whether a commit is missing.
func (d *Document) check() error {
	next := d.First
	for _, r := range d.Records {
		if r.Kind == Tries && (r.Seq != next || d.Standing.Life != driver.Purged) {
			return errFrame
		}
		next = r.count(next)
	}
	if next != d.Standing.Seq+1 {
		return fmt.Errorf("%w: it has commits up to %d of %d", errFrame, next-1, d.Standing.Seq)
	}
	return nil
}
