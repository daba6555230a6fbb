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
	Records    [][]byte // of a batch that is not whole those that can be told apart, whatever is in them
	Whole      bool
}

// Salvage looks for batches everywhere in the bytes of a segment, whatever its
// front says: a batch has the id that its checksums begin with. Records alias
// the bytes.
func Salvage(image []byte) (all []Found) {
	for off := 0; ; {
		i := bytes.Index(image[off:], batchStart)
		if i < 0 {
			return all
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
			f.Records = apart(image[off+batchHeader:min(end, len(image))], f.Count)
			off += batchHeader
		}
		all = append(all, f)
	}
}

// apart gives the records that the bytes of a damaged batch seem to have.
func apart(b []byte, count int) (records [][]byte) {
	for range count {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			break
		}
		records = append(records, b[k:k+int(n):k+int(n)])
		b = b[k+int(n):]
	}
	return records
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
