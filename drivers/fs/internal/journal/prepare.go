package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// nextName is what a segment is called until it is complete.
const nextName = "next.tmp"

// pieces is how much of a new segment is written at once.
const pieces = 1 << 20

// prepared is a segment that is being made, under its temporary name.
type prepared struct {
	done chan struct{} // closed when seg is complete and err is set
	seg  *segment
	err  error
}

// prepare begins to make the next segment, with room for a record that takes
// need bytes. A full disk shows here, before any record is taken for it. The
// caller holds order.
func (j *Journal) prepare(need int) *prepared {
	j.mu.Lock()
	s := newSegment(j.dir, j.seg.number+1, j.o.grown(j.seg.size, need))
	s.synced = j.no - 1 // true by the time that it has its name: see rotate
	p := &prepared{done: make(chan struct{}), seg: s}
	j.ahead = p
	j.mu.Unlock()
	j.o.Spawn(func() {
		p.err = errPanic
		defer close(p.done)
		// Memory that was never written to is none yet: without this, each page
		// would be made when the first record is put there, with mu held.
		image := make([]byte, s.size)
		clear(image)
		p.err = s.build(j.fs, j.dir, image, j.o.Store)
	})
	return p
}

// grown is the size of the segment after one of size bytes.
func (o Options) grown(size, need int) int {
	next := size + min(size, o.Segment-size) // twice the size may be more than an int of 32 bits holds
	return max(next, onPages(segmentHeader+padded(batchHeader+need)+batchHeader))
}

// onPages is a size that takes whole pages.
func onPages(n int) int {
	const page = 4096
	return (n + page - 1) &^ (page - 1)
}

// newSegment names a segment that has no file yet.
func newSegment(dir string, number uint64, size int) *segment {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: the program ends when it does
	return &segment{
		number: number,
		id:     binary.LittleEndian.Uint64(id[:]),
		size:   size,
		name:   filepath.Join(dir, fileName(number)),
	}
}

// build writes the file of a segment, with the batches that are in image
// already, and syncs it. Nobody sees it before it has its name: see activate.
// The image becomes the segment's.
func (s *segment) build(f vfs.FS, dir string, image []byte, store [16]byte) error {
	s.appendHeader(image[:0], store)
	s.image.Store(&image)
	if err := abandon(f, dir); err != nil {
		return err
	}
	file, err := f.Create(filepath.Join(dir, nextName))
	if err != nil {
		return err
	}
	for off := 0; off < len(image) && err == nil; off += pieces {
		_, err = file.WriteAt(image[off:min(off+pieces, len(image))], int64(off))
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err != nil {
		err = errors.Join(err, abandon(f, dir))
	}
	return err
}

// activate gives a segment its name and opens it; not before, as some systems
// rename no open file. When it fails the segment may have its name already: it
// is empty, or a copy, so that does not matter.
func (s *segment) activate(f vfs.FS, dir string) error {
	err := f.Rename(filepath.Join(dir, nextName), s.name)
	if err == nil {
		s.file, err = f.Open(s.name)
	}
	return err
}

// abandon gives the space of a segment back that has not got its name.
func abandon(f vfs.FS, dir string) error {
	if err := f.Remove(filepath.Join(dir, nextName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// next gives a complete segment with room for need bytes. One that was begun
// earlier and failed, or is too small, is made again, once. The caller holds
// order.
func (j *Journal) next(need int) (*segment, error) {
	j.mu.Lock()
	p := j.ahead
	j.mu.Unlock()
	if p != nil {
		<-p.done
		if p.err == nil && p.seg.size >= j.o.grown(0, need) {
			return p.seg, nil
		}
		if err := j.discard(p); err != nil {
			return nil, &SegmentError{Dir: j.dir, Size: p.seg.size, Err: err}
		}
	}
	p = j.prepare(need)
	<-p.done
	if p.err != nil {
		return nil, &SegmentError{Dir: j.dir, Size: p.seg.size, Err: errors.Join(p.err, j.discard(p))}
	}
	return p.seg, nil
}

// discard waits for a segment that is being made and gives it up.
func (j *Journal) discard(p *prepared) error {
	<-p.done
	j.mu.Lock()
	j.ahead = nil
	j.mu.Unlock()
	if p.err != nil {
		return nil // build cleaned up
	}
	return abandon(j.fs, j.dir)
}

// rotate makes the next segment the active one, with room for need bytes. The
// caller holds order.
func (j *Journal) rotate(need int) error {
	next, err := j.next(need)
	if err != nil {
		return err
	}
	j.pen.Lock()
	defer j.pen.Unlock()
	j.mu.Lock()
	old, last := j.seg, j.gathered()
	j.mu.Unlock()
	if err := j.write(last); err != nil {
		return err
	}
	// The old segment is durable before the new one takes anything: otherwise
	// a batch of the new one could survive one of the old one that does not,
	// and an acknowledged record would stand behind a hole.
	j.press.Lock()
	defer j.press.Unlock()
	if j.o.bug != rotatedEarly {
		if err := j.syncSegment(old); err != nil {
			return err
		}
	}
	if err := next.activate(j.fs, j.dir); err != nil {
		j.mu.Lock()
		j.ahead = nil
		j.mu.Unlock()
		return &SegmentError{Dir: j.dir, Size: next.size, Err: errors.Join(err, abandon(j.fs, j.dir))}
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return j.poison("sync", j.dir, errors.Join(err, next.file.Close()))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settled(last, j.bytes.written)
	old.last = last
	j.full = append(j.full, old)
	j.begin(next, segmentHeader)
	j.ahead = nil
	trim(j.full, j.o.Memory)
	return nil
}

// begin makes a segment the active one, whose next batch is at off. The caller
// holds mu.
func (j *Journal) begin(s *segment, off int) {
	j.seg, j.image = s, *s.image.Load()
	j.start, j.end, j.count = off, off, 0
}

// trim lets the images of full segments go, oldest first, until they take no
// more than so many bytes. Their records are read from the files then.
func trim(full []*segment, memory int) {
	kept := 0
	for i := len(full) - 1; i >= 0; i-- {
		if full[i].image.Load() == nil {
			continue
		}
		if kept += full[i].size; kept > memory {
			full[i].image.Store(nil)
		}
	}
}
