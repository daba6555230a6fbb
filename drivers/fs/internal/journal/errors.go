package journal

import (
	"fmt"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// DamageError says that the disk does not have what it promised to keep.
type DamageError struct {
	File   string
	Offset int64
	Why    string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s; nothing was changed; if this is a copy that was made while the store was in use, copy it again, otherwise restore the store from a backup, or save what can be read with fs.Salvage",
		e.File, e.Offset, e.Why)
}

// FormatError says that a segment was written by a newer version.
type FormatError struct {
	File    string
	Version int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has format %d, this program reads up to %d; open it with a newer version", e.File, e.Version, segmentVersion)
}

// SegmentError says that there is no next segment, most likely because the
// disk is full. The journal is whole, and goes on when one can be made.
type SegmentError struct {
	Dir  string
	Size int
	Err  error
}

func (e *SegmentError) Error() string {
	cure := "writing goes on by itself when this is over"
	if vfs.Full(e.Err) {
		cure = "writing goes on by itself when there is space again"
	}
	return fmt.Sprintf("no new journal segment of %d bytes in %s: %v; nothing is lost, reading goes on, %s",
		e.Size, e.Dir, e.Err, cure)
}

func (e *SegmentError) Unwrap() error { return e.Err }

// failure is the write or sync that poisoned a journal. It matches
// [driver.ErrPoisoned].
type failure struct {
	op   string
	file string
	err  error
}

func (e *failure) Error() string {
	return fmt.Sprintf("%s of %s: %v: %v", e.op, e.file, e.err, driver.ErrPoisoned)
}

func (e *failure) Unwrap() []error { return []error{driver.ErrPoisoned, e.err} }
