package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Lost is a stretch of bytes that is in no whole batch and was set aside.
type Lost struct {
	File   string // where it was
	Offset int64
	Bytes  int64
	Kept   string // where it is now
}

// setAside copies what stands behind the last good batch into lost+found: the
// remains of batches that nobody was told were durable. The segments stay as
// they are, so that this may be done again.
func (r *recovery) setAside() error {
	if r.o.bug == tornDiscarded {
		return nil
	}
	if r.last != nil {
		if err := r.setAsideBehind(r.last, r.end); err != nil {
			return err
		}
	}
	for _, s := range r.tail {
		if err := r.setAsideBehind(s, segmentHeader); err != nil {
			return err
		}
	}
	return nil
}

func (r *recovery) setAsideBehind(s *segment, off int) error {
	image, err := s.load()
	if err != nil {
		return err
	}
	n := used(image[off:s.used.Load()])
	if n == 0 {
		return nil
	}
	if err := vfs.MkdirAll(r.fs, r.o.LostFound); err != nil {
		return err
	}
	kept := filepath.Join(r.o.LostFound, fmt.Sprintf("%010d-%d.torn", s.number, off))
	if err := vfs.WriteFile(r.fs, kept, image[off:off+n]); err != nil {
		return err
	}
	r.lost = append(r.lost, Lost{File: s.name, Offset: int64(off), Bytes: int64(n), Kept: kept})
	return nil
}

// rehome copies the good batches of the last segment into a new one and makes
// that durable, with headers that say so. What was read may have been in the
// page cache alone; syncing the old file would not help when an earlier sync
// of it had failed.
func (r *recovery) rehome() (*segment, error) {
	if r.o.bug == tailDropped {
		r.dropTail()
	}
	if len(r.batches) == 0 {
		r.end = segmentHeader
	}
	s := newSegment(r.dir, r.segs[len(r.segs)-1].number+1, r.o.First)
	if r.last != nil {
		s.size = r.last.size
	}
	s.synced = r.no - 1
	err := r.copyTo(s)
	if tight := onPages(r.end + batchHeader); vfs.Full(err) && tight < s.size {
		// Then one that holds the batches and no more: what is there can be
		// read, and the next segment waits for space like any other.
		s.size = tight
		err = r.copyTo(s)
	}
	if err != nil {
		return nil, err
	}
	if err := s.activate(r.fs, r.dir); err != nil {
		return nil, err
	}
	r.segs = append(r.segs, s)
	if err := r.fs.SyncDir(r.dir); err != nil {
		return nil, err
	}
	if r.last != nil {
		r.old = append(r.old, r.last)
	}
	r.vouched = s.synced
	return s, nil
}

// copyTo builds a segment with the good batches of the last one.
func (r *recovery) copyTo(s *segment) error {
	image := make([]byte, s.size)
	for _, b := range r.batches {
		copy(image[b.start:b.end], (*r.last.image.Load())[b.start:b.end])
		b.synced = s.synced
		r.o.codec.seal(b.header, image[b.start:b.end], s.id)
	}
	return s.build(r.fs, r.dir, image, r.o.Store)
}

// dropTail is a bug on purpose.
func (r *recovery) dropTail() {
	for n := len(r.batches); n > 0 && r.batches[n-1].no > r.vouched; n-- {
		r.batches, r.end, r.no = r.batches[:n-1], r.batches[n-1].start, r.batches[n-1].no
	}
}

// remove removes segments that are of no use any more. It is not synced: one
// that comes back is removed again.
func (r *recovery) remove(segs []*segment) {
	for _, s := range segs {
		_ = s.file.Close()
		_ = r.fs.Remove(s.name)
	}
}

// Pristine tells whether a directory holds nothing but what an interrupted
// [Create] may have left: no segment in which anything was written.
func Pristine(f vfs.FS, dir string) (bool, error) {
	names, err := f.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if name == nextName {
			continue
		}
		if name != fileName(1) {
			return false, nil
		}
		file, err := f.Open(filepath.Join(dir, name))
		if err != nil {
			return false, err
		}
		b, err := vfs.ReadFile(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return false, err
		}
		if len(b) > segmentHeader && !zero(b[segmentHeader:]) {
			return false, nil
		}
	}
	return true, nil
}
