package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

const (
	segmentMagic   = "\x89destam\n"
	segmentVersion = 1
	segmentHeader  = 64
)

// segment is one file of the journal.
type segment struct {
	number uint64
	id     uint64 // random: a batch of another segment is none of this
	synced uint64 // batches up to this number were durable when it got its name
	size   int    // of the file, which never changes
	last   uint64 // the number of its last batch, once it is full
	file   vfs.File
	name   string

	used atomic.Int64 // behind this the file had nothing but zeros when it was loaded

	// image is what the file holds, as long as it is worth the memory: always
	// while the segment is active. What was written into it once is not
	// changed, so readers need no lock.
	image atomic.Pointer[[]byte]
}

// fileName is the name of a segment in the journal's directory.
func fileName(number uint64) string { return fmt.Sprintf("%010d.log", number) }

// fileNumber is the number in the name of a segment.
func fileNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".log")
	if !ok || len(digits) < 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0 && fileName(n) == name
}

// appendHeader appends the front of the segment's file.
func (s *segment) appendHeader(b []byte, store [16]byte) []byte {
	le := binary.LittleEndian
	b = append(b, segmentMagic...)
	b = le.AppendUint16(b, segmentVersion)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, s.number)
	b = le.AppendUint64(b, s.id)
	b = le.AppendUint64(b, s.synced)
	b = le.AppendUint64(b, uint64(s.size))
	b = append(b, store[:]...)
	h := b[len(b)-segmentHeader:]
	le.PutUint32(h[12:], segmentSum(h))
	return b
}

// segmentSum is the checksum of a segment's front, but for itself.
func segmentSum(h []byte) uint32 {
	return crc32.Update(crc32.Checksum(h[:12], castagnoli), castagnoli, h[16:segmentHeader])
}

// openSegment opens the file of a segment and checks its front.
func openSegment(f vfs.FS, dir, name string, store [16]byte) (*segment, error) {
	s := &segment{name: filepath.Join(dir, name)}
	s.number, _ = fileNumber(name)
	var err error
	if s.file, err = f.Open(s.name); err != nil {
		return nil, err
	}
	if err := s.readHeader(store); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

func (s *segment) readHeader(store [16]byte) error {
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	var b [segmentHeader]byte
	if _, err := s.file.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return err
	}
	le := binary.LittleEndian
	version, number, want := le.Uint16(b[8:]), le.Uint64(b[16:]), le.Uint64(b[40:])
	s.id, s.synced = le.Uint64(b[24:]), le.Uint64(b[32:])
	switch {
	case string(b[:8]) != segmentMagic, le.Uint32(b[12:]) != segmentSum(b[:]):
		return s.damaged(0, "its header is damaged")
	case version > segmentVersion, le.Uint16(b[10:]) != 0:
		return &FormatError{File: s.name, Version: int(version)}
	case number != s.number:
		return s.damaged(0, fmt.Sprintf("it says that it is segment %d", number))
	case [16]byte(b[48:64]) != store:
		return s.damaged(0, "it belongs to another store")
	case uint64(size) != want:
		return s.damaged(size, fmt.Sprintf("it is %d bytes long and was made with %d", size, want))
	}
	s.size = int(size)
	return nil
}

// piece is how much of a segment is read at once.
const piece = 256 << 10

// load reads the whole segment into memory. Most of a segment is zeros, mostly:
// where they begin, pieces are read into one that is used again, so that they
// take no memory of the process until something is written there.
func (s *segment) load() ([]byte, error) {
	if image := s.image.Load(); image != nil {
		return *image, nil
	}
	image := make([]byte, s.size)
	used := 0
	var other []byte
	for off := 0; off < s.size; off += piece {
		into := image[off:min(off+piece, s.size)]
		read, behind := into, used < off
		if behind {
			if other == nil {
				other = make([]byte, piece)
			}
			read = other[:len(into)]
		}
		n, err := s.file.ReadAt(read, int64(off))
		if err != nil && err != io.EOF {
			return nil, err
		}
		if zero(read[:n]) {
			continue
		}
		if used = off + len(into); behind {
			copy(into, read[:n])
		}
	}
	s.used.Store(int64(used))
	s.image.Store(&image)
	return image, nil
}

func (s *segment) damaged(off int64, why string) error {
	return &DamageError{File: s.name, Offset: off, Why: why}
}

// Place is where a record is. The zero Place is nowhere.
type Place struct {
	seg *segment
	off uint32
	n   uint32
	sum uint32 // checked when the record is read from the file
}

// Segment is the number of the segment that the record is in, 0 for nowhere.
func (p Place) Segment() uint64 {
	if p.seg == nil {
		return 0
	}
	return p.seg.number
}

// Len is the length of the record.
func (p Place) Len() int { return int(p.n) }

func (p Place) String() string { return fmt.Sprintf("%s at offset %d", p.seg.name, p.off) }

// Read gives the record. It must not be changed: it may be the journal's own
// memory.
func (p Place) Read() ([]byte, error) {
	if image := p.seg.image.Load(); image != nil {
		end := int(p.off) + int(p.n)
		return (*image)[p.off:end:end], nil
	}
	b := make([]byte, p.n)
	if _, err := p.seg.file.ReadAt(b, int64(p.off)); err != nil {
		if p.seg.image.Load() != nil {
			return p.Read() // released meanwhile, see Release
		}
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != p.sum {
		return nil, p.seg.damaged(int64(p.off), "a record changed since it was checked")
	}
	return b, nil
}
