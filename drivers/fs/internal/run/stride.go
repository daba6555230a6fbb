package run

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// strideSize is how many bytes of records have a checksum of their own, about,
// where the older records of a document are so many that nobody who wants some
// of them should read all.
const strideSize = 16 << 10

// stride is a stretch of the older records, which begins with a commit or tries.
type stride struct {
	first uint64 // the sequence that it begins with
	end   int64  // behind the record of the strides
	sum   uint32
}

// In the record of the strides: each of them, then the first sequence of the
// front and the checksum of all before that.
const (
	strideEntry = 20
	strideEnd   = 12
)

// appendRest appends the records that are not in the front.
func (d *Document) appendRest(b []byte, records []Record, salt uint32) []byte {
	strides, next := d.strides(records)
	if len(strides) == 0 {
		for _, r := range records {
			b = r.append(b)
		}
		return b
	}
	le := binary.LittleEndian
	size := strideEntry*len(strides) + strideEnd
	b = binary.AppendUvarint(b, uint64(1+size))
	b = append(b, kindStrides)
	at := len(b)
	b = slices.Grow(b, size+int(strides[len(strides)-1].end))[:at+size]
	for _, r := range records {
		b = r.append(b)
	}
	entries, rest := b[at:at:at+size], b[at+size:]
	begin := int64(0)
	for _, s := range strides {
		entries = le.AppendUint64(entries, s.first)
		entries = le.AppendUint64(entries, uint64(s.end))
		entries = le.AppendUint32(entries, crc32.Update(salt, castagnoli, rest[begin:s.end]))
		begin = s.end
	}
	entries = le.AppendUint64(entries, next)
	le.AppendUint32(entries, crc32.Update(salt, castagnoli, entries))
	return b
}

// strides cuts records where they are many, and gives the sequence after them.
func (d *Document) strides(records []Record) (all []stride, next uint64) {
	next = d.First
	last := stride{first: next}
	begin := int64(0)
	for _, r := range records {
		if r.Kind != Checkpoint && last.end-begin >= strideSize {
			all, begin = append(all, last), last.end
			last.first = next
		}
		last.end += int64(r.size())
		next = r.count(next)
	}
	if all == nil {
		return nil, next
	}
	return append(all, last), next
}

// Part calls fn with a document, if the run has it, and those of its records, at
// least, that are commits, tries or checkpoints of the sequences from to to. The
// frame ends with fn.
func (r *Run) Part(id driver.ID, from, to uint64, fn func(f *Frame) error) (found bool, err error) {
	if !r.spans(id) {
		return false, nil
	}
	err = r.use(func(x *finder) error {
		doc, ok, err := x.find(id)
		if err != nil || !ok {
			return err
		}
		f, err := x.part(doc, id, from, to)
		if err != nil {
			return err
		}
		found = true
		return fn(&f)
	})
	return found, err
}

// part reads of a document what Part gives.
func (x *finder) part(doc int64, id driver.ID, from, to uint64) (Frame, error) {
	r := x.run
	at, err := x.uint64(x.places + 8*doc)
	if err != nil {
		return Frame{}, err
	}
	place := int64(at)
	f, length, err := r.frame(place, head)
	if err != nil {
		return Frame{}, err
	}
	strides, next, rest, err := r.strides(place, &f, length)
	if err != nil {
		return Frame{}, err
	}
	if strides == nil {
		return x.document(doc, id, whole)
	}
	if f.id != id || to+1 >= next { // a checkpoint in the front is of the commit before it
		if f, err = x.document(doc, id, front); err != nil {
			return Frame{}, err
		}
	}
	f.whole, f.counted = true, next
	begin, wanted := int64(0), []stride(nil)
	for i, s := range strides {
		after := next
		if i+1 < len(strides) {
			after = strides[i+1].first
		}
		switch {
		case i > 0 && s.first > to:
		case after > from:
			wanted = append(wanted, s)
		default:
			begin = s.end
		}
	}
	if len(wanted) == 0 {
		return f, nil
	}
	f.counted = wanted[0].first
	end := wanted[len(wanted)-1].end
	if f.rest, err = r.src.bytes(rest+begin, end-begin); err != nil {
		return Frame{}, err
	}
	done := begin
	for _, s := range wanted {
		if crc32.Update(r.salt, castagnoli, f.rest[done-begin:s.end-begin]) != s.sum {
			return Frame{}, r.damaged(rest+done, "older versions of a document: "+errSum.Error())
		}
		done = s.end
	}
	return f, nil
}

// strides reads where the older records of a frame are cut, and gives where they
// begin, and the first sequence of its front; none if they are not.
func (r *Run) strides(place int64, f *Frame, length int64) (all []stride, next uint64, begin int64, err error) {
	at := place + f.size
	left := length - f.size
	b, err := r.src.bytes(at, min(left, 1+binary.MaxVarintLen64))
	if err != nil {
		return nil, 0, 0, err
	}
	head, size := stridesIn(b, left)
	if head == 0 {
		return nil, 0, 0, nil // or it is damaged, which who reads all of it will see
	}
	begin = at + head + size
	if b, err = r.src.bytes(begin-size, size); err != nil {
		return nil, 0, 0, err
	}
	all, next, ok := parseStrides(b, left-head-size, r.salt)
	if !ok {
		return nil, 0, 0, r.damaged(at, "older versions of a document: "+errSum.Error())
	}
	return all, next, begin, nil
}

// stridesIn gives how long what stands before the body of the record of strides
// is, and the body, at the front of so many bytes of older records of which b
// has the first; 0 if there is none.
func stridesIn(b []byte, all int64) (head, size int64) {
	n, k := binary.Uvarint(b)
	if k <= 0 || k >= len(b) || b[k] != kindStrides {
		return 0, 0
	}
	head = int64(k) + 1
	if n < 1+strideEntry+strideEnd || n > uint64(all-head) || (n-1-strideEnd)%strideEntry != 0 {
		return 0, 0
	}
	return head, int64(n) - 1
}

// parseStrides reads the body of a record of strides, behind which so many bytes
// are left.
func parseStrides(b []byte, left int64, salt uint32) (all []stride, next uint64, ok bool) {
	le := binary.LittleEndian
	size := len(b)
	if crc32.Update(salt, castagnoli, b[:size-4]) != le.Uint32(b[size-4:]) {
		return nil, 0, false
	}
	all = make([]stride, (size-strideEnd)/strideEntry)
	last := stride{}
	for i := range all {
		e := b[strideEntry*i:]
		s := stride{le.Uint64(e), int64(le.Uint64(e[8:])), le.Uint32(e[16:])}
		if s.first < last.first || s.end < last.end || s.end > left {
			return nil, 0, false
		}
		all[i], last = s, s
	}
	return all, le.Uint64(b[size-strideEnd:]), true
}

// wholeStrides gives those strides of older records that are whole; nil if they
// are not cut.
func wholeStrides(rest []byte, salt uint32) (parts [][]byte) {
	head, size := stridesIn(rest, int64(len(rest)))
	if head == 0 {
		return nil
	}
	body, records := rest[head:head+size], rest[head+size:]
	all, _, ok := parseStrides(body, int64(len(records)), salt)
	begin := int64(0)
	for _, s := range all {
		if part := records[begin:s.end]; ok && crc32.Update(salt, castagnoli, part) == s.sum {
			parts = append(parts, part)
		}
		begin = s.end
	}
	return parts
}
