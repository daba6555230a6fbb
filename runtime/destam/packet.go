package destam

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// packet is what travels between processes: an array of a version, its kind,
// the table, the document, the bytes, and of a link which it is, the side that
// it comes from, its number there, the newest number of the other side that it
// was made on, and a checksum of all that is before it: most of what a wrong
// byte does would fit the document.
type packet struct {
	kind         int64
	id           ID
	body         []byte
	link         ID
	side         int64
	number, seen uint64
}

const (
	packetVersion = 3
	packetParts   = 10

	packetCopy   = 1
	packetCommit = 2

	sideFirst  = 1
	sideSecond = 2
)

func (l *live) pack(p packet) []byte {
	b := wire.AppendArray(nil, packetParts)
	b = wire.AppendInt(b, packetVersion)
	b = wire.AppendInt(b, p.kind)
	b = wire.AppendString(b, l.table.name)
	b = wire.AppendBytes(b, l.id[:])
	b = wire.AppendBytes(b, p.body)
	b = wire.AppendBytes(b, p.link[:])
	b = wire.AppendInt(b, p.side)
	b = wire.AppendUint(b, p.number)
	b = wire.AppendUint(b, p.seen)
	return wire.AppendUint(b, uint64(crc32.Checksum(b, castagnoli)))
}

// unpack reads a packet of a kind. Its body is the input's.
func (t *table) unpack(kind int64, b []byte) (p packet, err error) {
	r := wire.NewReader(b)
	parts, version := r.Array(), r.Int()
	p.kind = r.Int()
	if r.Err() == nil && (parts != packetParts || version != packetVersion || p.kind != kind) {
		return p, fmt.Errorf("%w: version %d and kind %d of a packet are not what belongs here", ErrUnfit, version, p.kind)
	}
	name := r.View()
	readID(r, &p.id)
	p.body = r.View()
	readID(r, &p.link)
	p.side, p.number, p.seen = r.Int(), r.Uint(), r.Uint()
	whole := b[:len(b)-r.Len()]
	if sum := r.Uint(); r.Err() == nil && sum != uint64(crc32.Checksum(whole, castagnoli)) {
		r.Fail(errors.New("it was damaged on the way: its checksum is another"))
	}
	if r.Err() == nil && r.Len() > 0 {
		r.Fail(errors.New("something follows it"))
	}
	if err := r.Err(); err != nil {
		return packet{}, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	if string(name) != t.name {
		return packet{}, fmt.Errorf("%w: it is of table %q", ErrUnfit, name)
	}
	return p, nil
}

func readID(r *wire.Reader, id *ID) {
	b := r.View()
	if r.Err() == nil && len(b) != len(id) {
		r.Fail(errors.New("an id has another length"))
	}
	copy(id[:], b)
}

// of demands that the packet is of a document.
func (p *packet) of(l *live) error {
	if p.id != l.id {
		return fmt.Errorf("%w: it is of document %s", ErrUnfit, p.id)
	}
	return nil
}
