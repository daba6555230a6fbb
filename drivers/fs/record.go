package fs

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// What a record of the journal is, in its first byte. The second is the
// version of that kind of record. The numbers are stored.
const (
	recordSchema     = 1 // table, revision, count and names of unique fields
	recordCommit     = 2 // as driver.AppendCommit writes it
	recordCheckpoint = 3 // table, id, sequence, content to the end

	recordVersion = 1
	recordFront   = 2
)

// errRecord says that a record is not what this package writes. Its batch has
// the right checksum, so it is not the disk's fault.
var errRecord = errors.New("record is malformed")

func appendSchema(b []byte, s driver.Schema) []byte {
	b = append(b, recordSchema, recordVersion)
	b = appendText(b, s.Table)
	b = binary.AppendUvarint(b, uint64(s.Revision))
	b = binary.AppendUvarint(b, uint64(len(s.Unique)))
	for _, path := range s.Unique {
		b = appendText(b, path)
	}
	return b
}

func appendCommit(b []byte, c *driver.Commit) []byte {
	return driver.AppendCommit(append(b, recordCommit, recordVersion), c)
}

func appendCheckpoint(b []byte, table string, id driver.ID, seq uint64, content []byte) []byte {
	b = append(b, recordCheckpoint, recordVersion)
	b = appendText(b, table)
	b = append(b, id[:]...)
	b = binary.AppendUvarint(b, seq)
	return append(b, content...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes a record apart. After the first thing that is not there it
// gives nothing more, and its err is set.
type reader struct {
	b   []byte
	err error
}

func (r *reader) number() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.b, r.err = nil, errRecord
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.err = nil, errRecord
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.number())) }

func decodeSchema(b []byte) (driver.Schema, error) {
	r := reader{b: b}
	s := driver.Schema{Table: r.text()}
	revision := r.number()
	s.Revision = uint32(revision)
	for range r.number() {
		if r.err != nil {
			break
		}
		s.Unique = append(s.Unique, r.text())
	}
	if r.err != nil || len(r.b) > 0 || uint64(s.Revision) != revision {
		return driver.Schema{}, errRecord
	}
	return s, s.Check()
}

// storedCheckpoint is a checkpoint as a record has it. Content aliases the
// record.
type storedCheckpoint struct {
	table   string
	id      driver.ID
	seq     uint64
	content []byte
}

func decodeCheckpoint(b []byte) (storedCheckpoint, error) {
	r := reader{b: b}
	c := storedCheckpoint{table: r.text()}
	copy(c.id[:], r.bytes(uint64(len(c.id))))
	c.seq = r.number()
	c.content = r.b
	return c, r.err
}

// readCommit gives a commit from the journal, in memory of its own.
func readCommit(p journal.Place) (driver.Commit, error) {
	b, err := p.Read()
	if err != nil {
		return driver.Commit{}, err
	}
	return driver.DecodeCommit(b[recordFront:])
}

// readContent gives the content of a checkpoint, in memory of its own.
func readContent(p journal.Place) ([]byte, error) {
	b, err := p.Read()
	if err != nil {
		return nil, err
	}
	c, err := decodeCheckpoint(b[recordFront:])
	return append(make([]byte, 0, len(c.content)), c.content...), err
}

// replay is told every record when the store is opened, in order.
func (s *Store) replay(rec []byte, p journal.Place, batch uint64) error {
	if len(rec) < recordFront {
		return fmt.Errorf("%v: %w", p, errRecord)
	}
	if kind, version := rec[0], rec[1]; kind < recordSchema || kind > recordCheckpoint || version != recordVersion {
		return fmt.Errorf("%w: %v has a record of kind %d, version %d", ErrFormat, p, kind, version)
	}
	s.segment = p.Segment()
	s.tail += int64(len(rec))
	var err error
	switch body := rec[recordFront:]; rec[0] {
	case recordSchema:
		err = s.replaySchema(body)
	case recordCommit:
		err = s.replayCommit(body, p, batch)
	case recordCheckpoint:
		err = s.replayCheckpoint(body, p, batch)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", p, err)
	}
	return nil
}

func (s *Store) replaySchema(b []byte) error {
	schema, err := decodeSchema(b)
	if err != nil {
		return err
	}
	s.define(schema)
	return nil
}

func (s *Store) replayCommit(b []byte, p journal.Place, batch uint64) error {
	var c driver.Commit
	if err := s.replayed.Decode(b, &c); err != nil {
		return err
	}
	t := s.tables[c.Table]
	if t == nil {
		return errRecord
	}
	var k known
	if c.Seq > 1 || t.memory(c.ID) != nil { // a first commit has nothing before it to look for
		var err error
		if k, err = t.known(c.ID); err != nil {
			return err
		}
	}
	if c.Seq != k.standing.Seq+1 {
		return errRecord
	}
	t.keep(&c, k, p, batch) // it is a part of the segment, which nobody changes
	return nil
}

func (s *Store) replayCheckpoint(b []byte, p journal.Place, batch uint64) error {
	c, err := decodeCheckpoint(b)
	if err != nil {
		return err
	}
	t := s.tables[c.table]
	if t == nil {
		return errRecord
	}
	k, ok, err := t.wants(c.id, c.seq)
	if err != nil {
		return err
	}
	if !ok {
		return errRecord
	}
	t.addCheckpoint(c.id, k, c.seq, p, batch)
	return nil
}
