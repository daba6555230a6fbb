package run

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/destam-go/destamgen/runtime/driver"
)

const (
	headMagic  = "\x89destrun"
	footMagic  = "\x89destidx"
	version    = 1
	headerSize = 128
	footerSize = 128
	tableAt    = 48
)

// header is the front of a run.
type header struct {
	number uint64
	id     uint64
	store  [16]byte
	table  string
}

func (h header) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, headerSize)
	copy(b, headMagic)
	le.PutUint16(b[8:], version)
	le.PutUint64(b[16:], h.number)
	le.PutUint64(b[24:], h.id)
	copy(b[32:], h.store[:])
	b[tableAt] = byte(len(h.table))
	copy(b[tableAt+1:], h.table)
	le.PutUint32(b[12:], endSum(b))
	return b
}

// endSum is the checksum of a header or footer, but for itself.
func endSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:])
}

// end checks what header and footer have in common. It gives a version above
// this program's, or 0, and whether it is whole.
func end(b []byte, magic string) (newer int, ok bool) {
	le := binary.LittleEndian
	if string(b[:8]) != magic || le.Uint32(b[12:]) != endSum(b) {
		return 0, false
	}
	if v := le.Uint16(b[8:]); v > version || le.Uint16(b[10:]) != 0 {
		return int(max(v, version+1)), false
	}
	return 0, true
}

func decodeHeader(b []byte) (h header, ok bool) {
	le := binary.LittleEndian
	h.number, h.id = le.Uint64(b[16:]), le.Uint64(b[24:])
	h.store = [16]byte(b[32:48])
	n := int(b[tableAt])
	if n == 0 || n > driver.MaxTableName {
		return header{}, false
	}
	h.table = string(b[tableAt+1 : tableAt+1+n])
	return h, true
}

// footer is the end of a run.
type footer struct {
	data int64 // where the frames end and the index begins
	Counts
	terms  uint64 // entries
	values uint64 // entries
	seed   seed
	id     uint64
	sums   uint32

	idWords, termWords uint64 // of the filters; 0 in runs that have none
}

// Counts says how much is in a run.
type Counts struct {
	Documents uint64 // in any life
	Commits   uint64 // without those that a purge erased
	Alive     uint64
	Purges    uint64 // purged documents of which older runs may have commits
}

func (f footer) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, footerSize)
	copy(b, footMagic)
	le.PutUint16(b[8:], version)
	le.PutUint64(b[16:], uint64(f.data))
	le.PutUint64(b[24:], f.Documents)
	le.PutUint64(b[32:], f.terms)
	le.PutUint64(b[40:], f.values)
	le.PutUint64(b[48:], f.Commits)
	le.PutUint64(b[56:], f.Alive)
	le.PutUint64(b[64:], f.Purges)
	copy(b[72:], f.seed[:])
	le.PutUint64(b[88:], f.id)
	le.PutUint32(b[96:], f.sums)
	le.PutUint64(b[104:], f.idWords)
	le.PutUint64(b[112:], f.termWords)
	le.PutUint32(b[12:], endSum(b))
	return b
}

func decodeFooter(b []byte) footer {
	le := binary.LittleEndian
	f := footer{
		data:   int64(le.Uint64(b[16:])),
		terms:  le.Uint64(b[32:]),
		values: le.Uint64(b[40:]),
		id:     le.Uint64(b[88:]),
		sums:   le.Uint32(b[96:]),

		idWords: le.Uint64(b[104:]), termWords: le.Uint64(b[112:]),
		Counts: Counts{
			Documents: le.Uint64(b[24:]), Commits: le.Uint64(b[48:]), Alive: le.Uint64(b[56:]), Purges: le.Uint64(b[64:]),
		},
	}
	copy(f.seed[:], b[72:])
	return f
}
