package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Found is a batch in what is left of a segment.
type Found struct {
	No, Synced uint64
	Offset     int64
	Count      int      // of records
	Records    [][]byte // of a batch that is whole
	Whole      bool
	Body       []byte // of one that is not, as far as it is there
}

// Loose are bytes where a batch was whose header is damaged.
type Loose struct {
	After, Before uint64 // the batches around it, 0 for none
	Offset        int64
	Body          []byte
}

// Salvage looks for batches everywhere in the bytes of a segment, whatever its
// front says: a batch has the id that its checksums begin with. What it gives
// aliases the bytes.
func Salvage(image []byte) (all []Found, loose []Loose) {
	covered := min(segmentHeader, len(image))
	part := func(end int, before uint64) {
		if end > covered && len(bytes.TrimLeft(image[covered:end], "\x00")) > 0 {
			l := Loose{Before: before, Offset: int64(covered), Body: image[covered:end]}
			if n := len(all); n > 0 {
				l.After = all[n-1].No
			}
			loose = append(loose, l)
		}
	}
	for off := 0; ; {
		i := bytes.Index(image[off:], batchStart)
		if i < 0 {
			part(len(image), 0)
			return all, loose
		}
		if off += i; off%align != 0 || len(image)-off < batchHeader {
			off++
			continue
		}
		id := binary.LittleEndian.Uint64(image[off+8:])
		h, ok := readHeader(image[off:], id)
		if !ok {
			off++
			continue
		}
		f := Found{No: h.no, Synced: h.synced, Offset: int64(off), Count: int(h.count)}
		end := off + int(h.length)
		if end <= len(image) && h.sum == crc32.Update(seed(id), castagnoli, image[off+batchHeader:end]) {
			b := batch{header: h, start: off, end: end}
			f.Whole = b.records(image, func(at, n int) error {
				f.Records = append(f.Records, image[at:at+n:at+n])
				return nil
			}) == nil
		}
		if f.Whole {
			off = end
		} else {
			f.Records, f.Body = nil, image[off+batchHeader:min(end, len(image))]
			off += batchHeader
		}
		part(int(f.Offset), f.No)
		covered = max(covered, min(end, len(image)))
		all = append(all, f)
	}
}

// Number gives the number in the name of a segment's file.
func Number(name string) (uint64, bool) { return fileNumber(name) }

// Front says what is wrong with the front of a segment, nothing if it is whole.
func Front(image []byte) string {
	if len(image) < segmentHeader {
		return fmt.Sprintf("it is %d bytes long", len(image))
	}
	h := image[:segmentHeader]
	if string(h[:8]) != segmentMagic || binary.LittleEndian.Uint32(h[12:]) != segmentSum(h) {
		return "its front is damaged"
	}
	if size := binary.LittleEndian.Uint64(h[40:]); size != uint64(len(image)) {
		return fmt.Sprintf("it is %d bytes long and was made with %d", len(image), size)
	}
	return ""
}
