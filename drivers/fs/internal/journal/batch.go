package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	batchMagic  = 0x8a54_5344 // "DST" and a byte that no text has
	batchHeader = 48
	align       = 8
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	batchStart = binary.LittleEndian.AppendUint32(nil, batchMagic)
)

// seed is what every checksum of a segment begins with.
func seed(id uint64) uint32 {
	return crc32.Update(0, castagnoli, binary.LittleEndian.AppendUint64(nil, id))
}

// codec is how batches are written and read. There is one, format; tests put
// others in its place, with a check left out, to see that they would notice.
type codec struct {
	seal    func(h header, batch []byte, id uint64)
	header  func(b []byte, id uint64) (header, bool)
	batch   func(image []byte, off int, id, no uint64) (batch, bool)
	vouched func(image []byte, off int, id uint64) uint64
}

var format = codec{seal: header.seal, header: readHeader, batch: readBatch, vouched: vouched}

// header is the front of a batch.
type header struct {
	no     uint64 // the batch's number
	synced uint64 // batches up to this number were durable when it was made
	length uint32 // of the whole batch
	count  uint32 // records
	sum    uint32 // of what is behind the header
}

// seal writes the header in front of a batch whose records are in place.
func (h header) seal(batch []byte, id uint64) {
	le := binary.LittleEndian
	le.PutUint32(batch[0:], batchMagic)
	le.PutUint64(batch[8:], id)
	le.PutUint64(batch[16:], h.no)
	le.PutUint64(batch[24:], h.synced)
	le.PutUint32(batch[32:], uint32(len(batch)))
	le.PutUint32(batch[36:], crc32.Update(seed(id), castagnoli, batch[batchHeader:]))
	le.PutUint32(batch[40:], h.count)
	le.PutUint32(batch[44:], 0)
	le.PutUint32(batch[4:], crc32.Update(seed(id), castagnoli, batch[8:batchHeader]))
}

// readHeader gives the header at the front of b, if there is a whole one of
// the segment there. The length is one that a batch may have; whether b has it
// is for the caller to see.
func readHeader(b []byte, id uint64) (header, bool) {
	le := binary.LittleEndian
	if len(b) < batchHeader || le.Uint32(b[0:]) != batchMagic || le.Uint64(b[8:]) != id ||
		le.Uint32(b[4:]) != crc32.Update(seed(id), castagnoli, b[8:batchHeader]) {
		return header{}, false
	}
	h := header{
		no:     le.Uint64(b[16:]),
		synced: le.Uint64(b[24:]),
		length: le.Uint32(b[32:]),
		sum:    le.Uint32(b[36:]),
		count:  le.Uint32(b[40:]),
	}
	return h, h.length >= batchHeader && h.length%align == 0 && le.Uint32(b[44:]) == 0
}

// batch is one that was read, whole.
type batch struct {
	header
	start, end int // in the segment
}

// readBatch gives the batch of number no at off, if there is a whole one.
func readBatch(image []byte, off int, id, no uint64) (batch, bool) {
	h, ok := readHeader(image[off:], id)
	if !ok || h.no != no || uint64(h.length) > uint64(len(image)-off) {
		return batch{}, false
	}
	b := batch{header: h, start: off, end: off + int(h.length)}
	return b, h.sum == crc32.Update(seed(id), castagnoli, image[b.start+batchHeader:b.end])
}

// errRecords says that a batch whose checksum is right holds no records: it
// was not written by this package.
var errRecords = errors.New("records of a batch do not fill it")

// records calls fn with each record of a batch: where it is and its length.
func (b batch) records(image []byte, fn func(off, n int) error) error {
	off := b.start + batchHeader
	for range b.count {
		n, k := binary.Uvarint(image[off:b.end])
		if k <= 0 || n > uint64(b.end-off-k) {
			return errRecords
		}
		off += k
		if err := fn(off, int(n)); err != nil {
			return err
		}
		off += int(n)
	}
	if b.end-off >= align || !zero(image[off:b.end]) {
		return errRecords
	}
	return nil
}

// vouched gives the highest number that any whole header in image, from off
// on, says was durable. Headers are looked for at every place where one may
// begin, as the lengths on the way cannot be trusted.
func vouched(image []byte, off int, id uint64) uint64 {
	var synced uint64
	for {
		i := bytes.Index(image[off:], batchStart)
		if i < 0 {
			return synced
		}
		off += i
		if h, ok := readHeader(image[off:], id); ok && off%align == 0 {
			synced = max(synced, h.synced)
		}
		off++
	}
}

// used gives the length of b without the zeros at its end.
func used(b []byte) int {
	const step = 4096 // compared at once
	for len(b) >= step && zero(b[len(b)-step:]) {
		b = b[:len(b)-step]
	}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return len(b)
}

func zero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

// zeros is written into segments before they are used, and compared with.
var zeros [1 << 20]byte

func padded(n int) int { return (n + align - 1) &^ (align - 1) }

// framed is the room that a record of n bytes takes in a batch.
func framed(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n)) + n
}
