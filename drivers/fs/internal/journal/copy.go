package journal

import (
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Snapshot is what a journal had at one moment: its segments that were not
// released.
type Snapshot struct {
	segs []*segment
	end  int // of what is written into the last one
}

// Snapshot gives the journal as it is, with all batches that are written. It
// stays readable when segments are released.
func (j *Journal) Snapshot() Snapshot {
	j.pen.Lock() // so that no batch is half written
	defer j.pen.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	return Snapshot{append(append([]*segment(nil), j.full...), j.seg), j.start}
}

// Write writes the segments into a directory that has none. The journal there
// is like one whose process was killed.
func (s Snapshot) Write(f vfs.FS, dir string) error {
	for i, seg := range s.segs {
		image, err := seg.load()
		if err != nil {
			return err
		}
		if i == len(s.segs)-1 {
			whole := make([]byte, seg.size)
			copy(whole, image[:s.end])
			image = whole
		}
		if err := vfs.WriteFile(f, filepath.Join(dir, filepath.Base(seg.name)), image); err != nil {
			return err
		}
	}
	return nil
}
