package run

import (
	"encoding/binary"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Piece is a document in what is left of a run.
type Piece struct {
	Place   int64
	Head    *Head    // nil when its front is damaged
	Records []Record // that are whole; their bodies alias the bytes, commits have no Seq
	Why     string   // what is damaged of it, empty if nothing is

	// Of a damaged front, what it seems to be about. Sure says that the index
	// has the id.
	ID   driver.ID
	Seq  uint64
	Sure bool
}

// Salvage looks for documents in the bytes of a run, of which the index, the
// header and the footer may be damaged. Ids are what the run's id may be besides what it
// says itself; data is where its documents end, 0 if nobody knows.
func Salvage(image []byte, data int64, ids ...uint64) (table string, pieces []Piece) {
	s := salvage{image: image, data: data, ids: ids}
	if len(image) >= headerSize {
		h, ok := decodeHeader(image)
		if _, sound := end(image[:headerSize], headMagic); ok && sound {
			table = h.table
		}
		s.ids = append(s.ids, h.id)
	}
	if len(image) >= headerSize+footerSize {
		back := image[len(image)-footerSize:]
		f := decodeFooter(back)
		s.ids = append(s.ids, f.id)
		if _, sound := end(back, footMagic); sound {
			if s.data == 0 {
				s.data = f.data
			}
			s.index(f)
		}
	}
	if n := int64(len(image)); s.data < headerSize || s.data > n {
		s.data = n
	}
	for place := int64(headerSize); place <= s.data-frameHeader; {
		if p, length, ok := s.frame(place); ok {
			pieces = append(pieces, p)
			place += length
			continue
		}
		p, next := s.damaged(place)
		if p != nil {
			pieces = append(pieces, *p)
		}
		place = next
	}
	return table, pieces
}

type salvage struct {
	image []byte
	data  int64
	ids   []uint64
	id    *uint64             // the one, once a checksum was right
	at    map[int64]driver.ID // what the index says is at a place
}

// index notes what the index says, as far as it fits the file.
func (s *salvage) index(f footer) {
	n, room := int64(f.Documents), int64(len(s.image))-f.data
	if f.data < headerSize || n <= 0 || n > room/24 {
		return
	}
	s.at = make(map[int64]driver.ID, n)
	ids, places := s.image[f.data:], s.image[f.data+16*n:]
	for i := range n {
		s.at[int64(binary.LittleEndian.Uint64(places[8*i:]))] = driver.ID(ids[16*i : 16*i+16])
	}
}

// parse reads the front of a frame with each id that the run may have.
func (s *salvage) parse(b []byte) (f Frame, sum uint32, ok bool) {
	ids := s.ids
	if s.id != nil {
		ids = []uint64{*s.id}
	}
	for i := range ids {
		if f, err := parseFront(b, salt(ids[i]), whole); err == nil {
			s.id = &ids[i]
			return f, salt(ids[i]), true
		}
	}
	return Frame{}, 0, false
}

// frame reads a frame whose front is whole.
func (s *salvage) frame(place int64) (p Piece, length int64, ok bool) {
	b := s.image[place:s.data]
	length, front, err := frameSize(b, int64(len(b)))
	if err != nil {
		return p, 0, false
	}
	f, sum, ok := s.parse(b[:front])
	if !ok {
		return p, 0, false
	}
	h := f.Head()
	p = Piece{Place: place, Head: &h, ID: h.ID, Seq: h.Standing.Seq}
	rest := b[front:length]
	older := [][]byte{rest}
	if parseRest(b[:front], rest, sum) != nil {
		p.Why = "its older versions are damaged"
		older = wholeStrides(rest, sum)
	}
	if why := p.take(append(older, f.front)...); why != nil {
		p.Why = why.Error()
	}
	return p, length, true
}

// take takes the records of stretches, oldest first.
func (p *Piece) take(stretches ...[]byte) error {
	for _, b := range stretches {
		err := Records(b, func(r Record) error {
			p.Records = append(p.Records, r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// damaged gives what can be said of bytes where no whole front begins, and
// where one does, or where the index says that one did.
func (s *salvage) damaged(place int64) (p *Piece, next int64) {
	next = place + align
	for ; next <= s.data-frameHeader; next += align {
		if _, ok := s.at[next]; ok {
			break
		}
		b := s.image[next:s.data]
		if _, front, err := frameSize(b, int64(len(b))); err == nil {
			if _, _, ok := s.parse(b[:front]); ok {
				break
			}
		}
	}
	if next > s.data-frameHeader {
		next = s.data
	}
	b := s.image[place:next]
	id, sure := s.at[place]
	if !sure && (zero(b) || len(b) < frameHeader) {
		return nil, next
	}
	p = &Piece{Place: place, Why: "its front is damaged", ID: id, Sure: sure}
	if len(b) < frameHeader {
		return p, next
	}
	if p.Seq = binary.LittleEndian.Uint64(b[40:]); !sure {
		p.ID = driver.ID(b[24:40])
	}
	length, front, err := frameSize(b, int64(len(b)))
	if err != nil || s.id == nil {
		return p, next
	}
	rest := b[front:length]
	older := [][]byte{rest}
	if sum := salt(*s.id); parseRest(b, rest, sum) != nil {
		older = wholeStrides(rest, sum)
	}
	if p.take(older...) != nil {
		p.Records = nil
	}
	return p, next
}
