package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// decay is something that a disk does to bytes that were durable.
type decay struct {
	name string
	step int // offsets are multiples of it
	do   func(b []byte, off int)
}

var decays = []decay{
	{"a flipped bit", 1, func(b []byte, off int) { b[off] ^= 1 << (off % 8) }},
	{"a sector of zeros", vfs.Sector, func(b []byte, off int) { clear(b[off:min(off+vfs.Sector, len(b))]) }},
	{"a batch of another place", align, func(b []byte, off int) {
		h, ok := readHeader(b[off:], binary.LittleEndian.Uint64(b[24:]))
		if !ok || off+2*int(h.length) > used(b)-batchHeader { // the voucher stays
			return
		}
		copy(b[off+int(h.length):], b[off:off+int(h.length)])
	}},
	{"a sector of another place", vfs.Sector, func(b []byte, off int) {
		copy(b[off:min(off+vfs.Sector, len(b))], b[(off+vfs.Sector)%len(b):])
	}},
}

// segmentFiles reads all segments of a disk.
func segmentFiles(disk *vfs.Mem) (map[string][]byte, error) {
	names, err := disk.List(journalDir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if _, ok := fileNumber(name); !ok {
			continue
		}
		name = filepath.Join(journalDir, name)
		f, err := disk.Open(name)
		if err != nil {
			return nil, err
		}
		b, err := vfs.ReadFile(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		files[name] = b
	}
	return files, nil
}

// damaged gives a copy of the disk in which one file has other bytes, or is
// not there.
func damaged(disk *vfs.Mem, name string, b []byte) (*vfs.Mem, error) {
	c := disk.Cut(vfs.Cut{Pick: vfs.Keep})
	if err := c.Remove(name); err != nil || b == nil {
		return c, err
	}
	f, err := c.Create(name)
	if err != nil {
		return c, err
	}
	_, err = f.WriteAt(b, 0)
	return c, errors.Join(err, f.Close())
}

// runRot runs a script and then does to every byte that the disk was to keep
// what disks do. The journal must refuse to open, or have everything.
func runRot(v variant, script string, states *int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("script %q: panic: %v", script, p)
		}
	}()
	w, err := newWorld(v, 0, 0, states)
	if err != nil {
		return err
	}
	for i := range script {
		if err := w.step(script[i]); err != nil {
			return err
		}
	}
	files, err := segmentFiles(w.disk)
	if err != nil {
		return err
	}
	last := slices.Max(slices.Collect(maps.Keys(files)))
	for name, whole := range files {
		for _, d := range decays {
			end := used(whole)
			if name == last && d.step > align {
				end = (end - 1) / d.step * d.step // nobody vouches for the voucher's own sector
			}
			for off := 0; off < end; off += d.step {
				b := append([]byte(nil), whole...)
				d.do(b, off)
				if err := w.rotten(name, b); err != nil {
					return fmt.Errorf("script %q: %s at %d of %s: %w", script, d.name, off, name, err)
				}
			}
		}
		for _, b := range [][]byte{nil, {}, whole[:len(whole)/2], append(whole, 0)} {
			if b == nil && name == last {
				continue // nor for the last file
			}
			if err := w.rotten(name, b); err != nil {
				return fmt.Errorf("script %q: %s with %d bytes: %w", script, name, len(b), err)
			}
		}
	}
	return w.j.Close()
}

// rotten opens the disk with one file changed.
func (w *world) rotten(name string, b []byte) error {
	*w.states++
	disk, err := damaged(w.disk, name, b)
	if err != nil {
		return err
	}
	f, err := open(w.v, disk)
	var damage *DamageError
	switch {
	case errors.As(err, &damage), errors.Is(err, ErrMissing):
		if n := disk.OpenFiles(); n != 0 {
			return fmt.Errorf("%d files open after a refusal", n)
		}
		return nil
	case err != nil:
		return err
	}
	if err := w.m.isPrefix(f.records, w.m.durable); err != nil {
		return err
	}
	return f.Close()
}

// rotScripts end where everything is vouched for: after a mark, a close, a
// recovery.
var rotScripts = []string{
	"asAsgsm",
	"asgsc",
	"gsAsgsAsAsm",
	"AgAk",
	"AAAAsmaAk",
	"OsaOsm",
	"asAApgkm",
	"eeeeesm",
}

// fewestRot is what TestRot must try at least.
const fewestRot = 30_000

func TestRot(t *testing.T) {
	states := 0
	for _, s := range part(rotScripts) {
		if err := runRot(variant{}, s, &states); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d kinds of rot", states)
	if states < fewestRot && !racing {
		t.Errorf("%d kinds of rot, at least %d are expected", states, fewestRot)
	}
}

// TestRotBeforeTheMark shows the known limit: what is synced last, and nobody
// vouches for yet, looks like a torn tail when it rots. Nothing before it is
// lost, and its bytes are kept.
func TestRotBeforeTheMark(t *testing.T) {
	states := 0
	w, err := newWorld(variant{}, 0, 0, &states)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []byte("asas") {
		if err := w.step(op); err != nil {
			t.Fatal(err)
		}
	}
	files, err := segmentFiles(w.disk)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		b[used(b)-9] ^= 1
		disk, err := damaged(w.disk, name, b)
		if err != nil {
			t.Fatal(err)
		}
		f, err := open(variant{}, disk)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.m.isPrefix(f.records, 1); err != nil || len(f.records) != 1 {
			t.Errorf("%d records, %v", len(f.records), err)
		}
		if lost := f.Lost(); len(lost) != 1 || lost[0].File != name || lost[0].Bytes == 0 {
			t.Errorf("lost %+v", lost)
		}
	}
}

// TestTornTail looks at the bytes that recovery sets aside.
func TestTornTail(t *testing.T) {
	states := 0
	if err := runTorn(variant{}, &states); err != nil {
		t.Error(err)
	}
}

// runTorn tears the last batch and asks for its bytes back.
func runTorn(v variant, states *int) error {
	w, err := newWorld(v, 0, 0, states)
	if err != nil {
		return err
	}
	for _, op := range []byte("asA") {
		if err := w.step(op); err != nil {
			return err
		}
	}
	name := filepath.Join(journalDir, fileName(1))
	files, err := segmentFiles(w.disk)
	if err != nil {
		return err
	}
	b := files[name]
	end := used(b)
	clear(b[end-100:])
	disk, err := damaged(w.disk, name, b)
	if err != nil {
		return err
	}
	f, err := open(v, disk)
	if err != nil {
		return err
	}
	if len(f.records) != 1 || len(f.Lost()) != 1 {
		return fmt.Errorf("%d records and %d stretches lost", len(f.records), len(f.Lost()))
	}
	lost := f.Lost()[0]
	if err := f.Close(); err != nil {
		return err
	}
	kept, err := disk.Cut(vfs.Cut{Pick: vfs.Drop}).Open(lost.Kept)
	if err != nil {
		return err
	}
	got, err := vfs.ReadFile(kept)
	if err = errors.Join(err, kept.Close()); err != nil {
		return err
	}
	if want := b[lost.Offset : lost.Offset+lost.Bytes]; string(got) != string(want) || used(b) != int(lost.Offset+lost.Bytes) {
		return fmt.Errorf("%d bytes kept of %d", len(got), len(want))
	}
	return nil
}

// TestStray looks at a batch that has the right number and checksum at the
// right place, and is of another segment.
func TestStray(t *testing.T) {
	states := 0
	if err := runStray(variant{}, &states); err != nil {
		t.Error(err)
	}
}

// runStray lets two copies of a journal go on differently, and puts what one
// wrote into the other, where it wrote nothing yet.
func runStray(v variant, states *int) error {
	w, err := newWorld(v, 0, 0, states)
	if err != nil {
		return err
	}
	for _, op := range []byte("asa") { // what nobody vouches for is copied by both
		if err := w.step(op); err != nil {
			return err
		}
	}
	var files [2]map[string][]byte
	var disks [2]*vfs.Mem
	for i := range disks {
		disks[i] = w.disk.Kill()
		f, err := open(v, disks[i])
		if err != nil {
			return err
		}
		if i == 1 {
			if _, _, err := f.Append(record(99, 200)); err != nil {
				return err
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
		if files[i], err = segmentFiles(disks[i]); err != nil {
			return err
		}
	}
	*states++
	name := filepath.Join(journalDir, fileName(2))
	mine, other := files[0][name], files[1][name]
	end := used(mine) // padded: the last thing is the batch that was copied
	copy(mine[padded(end):], other[padded(end):])
	disk, err := damaged(disks[0], name, mine)
	if err != nil {
		return err
	}
	f, err := open(v, disk)
	if err != nil {
		return err
	}
	if err := w.m.isPrefix(f.records, 2); err != nil {
		return err
	}
	return f.Close()
}
