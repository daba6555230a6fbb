package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"
	"testing"

	"encoding/binary"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// mutants are bugs that stores of this kind had. Each must be caught, or the
// tests are blind to it.
var mutants = []variant{
	{name: "the end of a sync that began too early acknowledges", bug: ackedEarly},
	{name: "a sync vouches for what was written while it ran", bug: lateTarget},
	{name: "a failed write does not poison", bug: writtenOn},
	{name: "a failed sync is tried again", bug: syncedAgain},
	{name: "the next segment is used before the last is synced", bug: rotatedEarly},
	{name: "an un-synced tail is served from the page cache", bug: tailTrusted},
	{name: "batches are appended over a torn tail", bug: tornAppended},
	{name: "copied batches are replayed twice", bug: copiesReplayed},
	{name: "a copy is taken for the beginning", bug: copiesBegin},
	{name: "an un-synced tail is dropped", bug: tailDropped},
	{name: "torn bytes are thrown away", bug: tornDiscarded},

	{name: "no checksum of the body", codec: broken(func(c *codec) { c.batch = sumUnchecked })},
	{name: "no checksum of the header, length trusted", codec: broken(func(c *codec) {
		c.header, c.batch = headerUnchecked, lengthTrusted
	})},
	{name: "the checksum covers the first sector of a batch", codec: broken(func(c *codec) {
		c.seal, c.batch = sealFirstSector, readFirstSector
	})},
	{name: "the segment's id is not checked", codec: broken(func(c *codec) { c.batch = idUnchecked })},
	{name: "the batch's number is not checked", codec: broken(func(c *codec) { c.batch = numberUnchecked })},
	{name: "zeros are an empty batch", codec: broken(func(c *codec) { c.batch = zerosAccepted })},
	{name: "nobody looks for vouchers", codec: broken(func(c *codec) {
		c.vouched = func([]byte, int, uint64) uint64 { return 0 }
		c.batch = vouchersForgotten
	})},
	{name: "only good batches are asked for vouchers", codec: broken(func(c *codec) {
		c.vouched = func([]byte, int, uint64) uint64 { return 0 }
	})},
	{name: "batches vouch for what is not synced", codec: broken(func(c *codec) { c.seal = vouchedEarly })},

	{name: "no file is synced", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, unsynced: func(string) bool { return true }} }},
	{name: "no directory is synced", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, unsyncedDirs: true} }},
	{name: "a segment gets its name before it is synced", bend: func(f vfs.FS) vfs.FS {
		return &bent{FS: f, unsynced: func(name string) bool { return strings.HasSuffix(name, ".tmp") }}
	}},
	{name: "torn bytes are kept in a file that is not synced", bend: func(f vfs.FS) vfs.FS {
		return &bent{FS: f, unsynced: func(name string) bool { return strings.Contains(name, ".torn") }}
	}},
	{name: "an active segment is filled with zeros", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, zeroedLate: true} }},
	{name: "a read error is the end", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, readErrors: true} }},
	{name: "only the first segment's name is made durable", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, namedOnce: true} }},
	{name: "torn bytes are kept under a name that is not durable", bend: func(f vfs.FS) vfs.FS {
		return &bent{FS: f, lostNames: true}
	}},
	{name: "the error of a write is ignored", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, deaf: vfs.OpWrite} }},
	{name: "the error of a sync is ignored", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, deaf: vfs.OpSync} }},
	{name: "the error of a directory's sync is ignored", bend: func(f vfs.FS) vfs.FS { return &bent{FS: f, deaf: vfs.OpSyncDir} }},
	{name: "the old segment is removed before the copy has its name", bend: func(f vfs.FS) vfs.FS {
		return &bent{FS: f, syncedLate: true}
	}},
}

func broken(change func(*codec)) codec {
	c := format
	change(&c)
	return c
}

func sumUnchecked(image []byte, off int, id, no uint64) (batch, bool) {
	h, ok := readHeader(image[off:], id)
	return batch{h, off, off + int(h.length)}, ok && h.no == no && int(h.length) <= len(image)-off
}

func headerUnchecked(b []byte, _ uint64) (header, bool) {
	if len(b) < batchHeader || binary.LittleEndian.Uint32(b) != batchMagic {
		return header{}, false
	}
	le := binary.LittleEndian
	return header{no: le.Uint64(b[16:]), synced: le.Uint64(b[24:]), length: le.Uint32(b[32:]), sum: le.Uint32(b[36:]), count: le.Uint32(b[40:])}, true
}

func lengthTrusted(image []byte, off int, id, no uint64) (batch, bool) {
	h, ok := headerUnchecked(image[off:], id)
	if !ok || h.no != no {
		return batch{}, false
	}
	b := batch{h, off, off + int(h.length)}
	return b, h.sum == crc32.Update(seed(id), castagnoli, image[off+batchHeader:b.end])
}

func sealFirstSector(h header, b []byte, id uint64) {
	h.seal(b, id)
	binary.LittleEndian.PutUint32(b[36:], crc32.Update(seed(id), castagnoli, b[batchHeader:min(len(b), 400)]))
	binary.LittleEndian.PutUint32(b[4:], crc32.Update(seed(id), castagnoli, b[8:batchHeader]))
}

func readFirstSector(image []byte, off int, id, no uint64) (batch, bool) {
	b, ok := sumUnchecked(image, off, id, no)
	return b, ok && b.sum == crc32.Update(seed(id), castagnoli, image[off+batchHeader:min(b.end, off+400)])
}

func idUnchecked(image []byte, off int, _, no uint64) (batch, bool) {
	if len(image)-off < batchHeader {
		return batch{}, false
	}
	return readBatch(image, off, binary.LittleEndian.Uint64(image[off+8:]), no)
}

func numberUnchecked(image []byte, off int, id, _ uint64) (batch, bool) {
	h, _ := readHeader(image[off:], id)
	return readBatch(image, off, id, h.no)
}

func zerosAccepted(image []byte, off int, id, no uint64) (batch, bool) {
	if end := off + batchHeader; end <= len(image) && zero(image[off:end]) {
		return batch{header{no: no, length: batchHeader}, off, end}, true
	}
	return readBatch(image, off, id, no)
}

func vouchersForgotten(image []byte, off int, id, no uint64) (batch, bool) {
	b, ok := readBatch(image, off, id, no)
	b.synced = 0
	return b, ok
}

func vouchedEarly(h header, b []byte, id uint64) {
	h.synced = h.no - 1
	h.seal(b, id)
}

// bent is a file system that somebody uses wrongly: it does what a journal with
// the bug would do to the real one.
type bent struct {
	vfs.FS
	unsynced     func(name string) bool // files whose Sync does nothing
	unsyncedDirs bool
	zeroedLate   bool
	readErrors   bool
	syncedLate   bool
	namedOnce    bool
	lostNames    bool
	deaf         vfs.Kind // whose errors are not heard

	late  []string // directories whose sync was put off
	named bool     // the journal's directory was synced
}

func (b *bent) wrap(f vfs.File, err error, name string) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	w := &bentFile{File: f, b: b, name: name}
	if b.zeroedLate && filepath.Base(name) != nextName {
		w.zeroes = 600
	}
	return w, nil
}

func (b *bent) Create(name string) (vfs.File, error) {
	f, err := b.FS.Create(name)
	return b.wrap(f, err, name)
}

func (b *bent) Open(name string) (vfs.File, error) {
	f, err := b.FS.Open(name)
	return b.wrap(f, err, name)
}

func (b *bent) SyncDir(dir string) error {
	if b.unsyncedDirs {
		return nil
	}
	if b.syncedLate && dir == journalDir {
		b.late = append(b.late, dir)
		return nil
	}
	if b.lostNames && dir == lostFound || b.namedOnce && dir == journalDir && b.named {
		return nil
	}
	b.named = b.named || dir == journalDir
	if err := b.FS.SyncDir(dir); b.deaf != vfs.OpSyncDir {
		return err
	}
	return nil
}

func (b *bent) Remove(name string) error {
	err := b.FS.Remove(name)
	if strings.HasSuffix(name, ".log") {
		for _, dir := range b.late {
			_ = b.FS.SyncDir(dir)
		}
		b.late = nil
	}
	return err
}

type bentFile struct {
	vfs.File
	b      *bent
	name   string
	zeroes int // where zeros are still to be written from
}

func (f *bentFile) Sync() error {
	if f.b.unsynced != nil && f.b.unsynced(f.name) {
		return nil
	}
	if f.b.zeroedLate && f.zeroes > 0 {
		size, _ := f.Size()
		_, _ = f.File.WriteAt(make([]byte, int(size)-f.zeroes), int64(f.zeroes))
		f.zeroes = 0
	}
	if err := f.File.Sync(); f.b.deaf != vfs.OpSync {
		return err
	}
	return nil
}

func (f *bentFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	if f.b.deaf == vfs.OpWrite {
		return len(p), nil
	}
	return n, err
}

func (f *bentFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if f.b.readErrors && err != nil {
		clear(p)
		return len(p), nil
	}
	return n, err
}

// hunt looks for a failure of a mutant: with a few scripts of each kind, which
// is enough for most, and then with all.
func hunt(v variant, states *int) error {
	few, fewRot := []string{"asAsgsa", "gAsgAsgAsgAs", "askAAskg", "AdAdAdAdAs", "AAzkAszAApAzs"}, []string{"asAsgsm", "gsAsgsAsAsm", "eeeeesm"}
	if err := huntWith(v, few, fewRot, 7, 0, states); err != nil {
		return err
	}
	return huntWith(v, scripts, rotScripts, 10, 1, states)
}

func huntWith(v variant, scripts, rotScripts []string, cuts, depth int, states *int) error {
	for _, s := range scripts {
		if err := run(v, s, cuts, depth, states); err != nil {
			return err
		}
	}
	if err := errors.Join(runTorn(v, states), runStray(v, states)); err != nil {
		return err
	}
	for seed := range uint64(len(scripts)) {
		if err := runCrowd(v, fault{}, seed, states); err != nil {
			return err
		}
	}
	for _, s := range rotScripts {
		if err := runRot(v, s, states); err != nil {
			return err
		}
	}
	for _, s := range scripts {
		for _, f := range faults {
			for f.k = 1; ; f.k++ {
				fired, err := runFaulty(v, s, f, states)
				if err != nil {
					return err
				}
				if !fired {
					break
				}
			}
		}
	}
	return nil
}

// fewestMutants is how many bugs there must be at least.
const fewestMutants = 30

func TestMutants(t *testing.T) {
	if racing {
		t.Skip("the mutants have bugs that crashes show, not races: they run without the race detector")
	}
	if len(mutants) < fewestMutants {
		t.Errorf("%d mutants, at least %d are expected", len(mutants), fewestMutants)
	}
	for _, v := range mutants {
		t.Run(v.name, func(t *testing.T) {
			states := 0
			err := hunt(v, &states)
			if err == nil {
				t.Fatalf("not caught in %d states", states)
			}
			t.Logf("caught after %d states: %s", states, cut(fmt.Sprint(err), 200))
		})
	}
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
