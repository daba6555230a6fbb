package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// sealedOptions are those of TestSealed, with segments of a few records.
func sealedOptions(sealed uint64) Options {
	return Options{
		Store: storeID, First: 4096, Segment: 4096, Memory: 1 << 20, LostFound: "/lost+found", Sealed: sealed,
		Spawn: func(f func()) { f() },
	}
}

// collect opens the journal and gives what it replays, as batch:record.
func collect(f vfs.FS, dir string, sealed uint64) (*Journal, []string, error) {
	var got []string
	j, err := Open(f, dir, sealedOptions(sealed), func(rec []byte, _ Place, batch uint64) error {
		got = append(got, fmt.Sprintf("%d:%d", batch, len(rec)))
		return nil
	})
	return j, got, err
}

// filled makes a journal of one record a batch, in several segments.
func filled(t *testing.T, disk *vfs.Mem, batches int) *Journal {
	t.Helper()
	if err := vfs.MkdirAll(disk, "/journal"); err != nil {
		t.Fatal(err)
	}
	if err := Create(disk, "/journal", sealedOptions(0)); err != nil {
		t.Fatal(err)
	}
	j, _, err := collect(disk, "/journal", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batches {
		_, no, err := j.Append(make([]byte, 1000+i))
		if err == nil {
			err = j.Write(no)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// TestSealed opens a journal of which a beginning is kept elsewhere: with all
// its segments, without those that were released, and after every crash.
func TestSealed(t *testing.T) {
	const batches = 14
	for sealed := uint64(0); sealed <= batches; sealed++ {
		disk := vfs.NewMem()
		j := filled(t, disk, batches)
		if err := j.Sync(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		var want []string
		for no := sealed + 1; no <= batches; no++ {
			want = append(want, fmt.Sprintf("%d:%d", no, 999+no))
		}
		look := func(what string, disk *vfs.Mem) {
			t.Helper()
			for range 2 {
				j, got, err := collect(disk, "/journal", sealed)
				if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("sealed %d, %s: %v, %v, want %v", sealed, what, got, err, want)
				}
				if no := j.no; no <= batches {
					t.Fatalf("sealed %d, %s: the next batch is %d", sealed, what, no)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				if disk.OpenFiles() > 0 {
					t.Fatalf("sealed %d, %s: %d files are open", sealed, what, disk.OpenFiles())
				}
			}
		}
		look("killed", disk.Cut(vfs.Cut{Pick: vfs.Keep}))
		look("cut", disk.Cut(vfs.Cut{Pick: vfs.Drop}))
		names, err := j.Release(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := j.Release(sealed); len(again) > 0 || err != nil {
			t.Fatalf("released again: %v, %v", again, err)
		}
		for _, name := range names {
			look("before "+name+" is removed", disk.Cut(vfs.Cut{Pick: vfs.Keep}))
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		look("released", disk.Cut(vfs.Cut{Pick: vfs.Keep}))
		look("released, entries lost", disk.Cut(vfs.Cut{Pick: vfs.Drop}))
	}
}

// TestSealedCopy opens a journal that ends before what is sealed, as when it
// was copied first, and goes on behind that.
func TestSealedCopy(t *testing.T) {
	disk := vfs.NewMem()
	j := filled(t, disk, 5)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, got, err := collect(disk, "/journal", 20)
	if err != nil || len(got) > 0 {
		t.Fatalf("%v, %v", got, err)
	}
	if n := len(j.Spare()); n != 2 {
		t.Errorf("%d segments are spare: %v", n, j.Spare())
	}
	_, no, err := j.Append([]byte("next"))
	if err != nil || no != 21 {
		t.Errorf("the next batch is %d, %v", no, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got, err = collect(disk, "/journal", 20); err != nil || fmt.Sprint(got) != "[21:4]" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSealedRot flips each byte of a journal of which a part is sealed, in the
// middle of a segment too, as a close leaves it: what is not sealed is there, or
// the journal is refused, also when what rots is sealed and stands before it.
func TestSealedRot(t *testing.T) {
	const batches = 5
	disk := vfs.NewMem()
	if err := filled(t, disk, batches).Close(); err != nil {
		t.Fatal(err)
	}
	files, err := segmentFiles(disk)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for sealed := uint64(1); sealed < batches; sealed++ {
		var want []string
		for no := sealed + 1; no <= batches; no++ {
			want = append(want, fmt.Sprintf("%d:%d", no, 999+no))
		}
		for name, whole := range files {
			for off := 0; off < used(whole); off += 3 {
				b := slices.Clone(whole)
				b[off] ^= 1 << (off % 8)
				c, err := damaged(disk, name, b)
				if err != nil {
					t.Fatal(err)
				}
				j, got, err := collect(c, "/journal", sealed)
				if damage := (*DamageError)(nil); errors.As(err, &damage) {
					refused++
					continue
				}
				if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("sealed %d, byte %d of %s: %v, %v, want %v", sealed, off, name, got, err, want)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestMissingSegment removes a segment that was not sealed.
func TestMissingSegment(t *testing.T) {
	disk := vfs.NewMem()
	if err := filled(t, disk, 14).Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Remove(filepath.Join("/journal", fileName(1))); err != nil {
		t.Fatal(err)
	}
	var damage *DamageError
	if _, _, err := collect(disk, "/journal", 1); !errors.As(err, &damage) {
		t.Errorf("it opens: %v", err)
	}
	j, _, err := collect(disk, "/journal", 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCut ends a segment and reads a record of it when it is released.
func TestCut(t *testing.T) {
	disk := vfs.NewMem()
	j := filled(t, disk, 1)
	p, _, err := j.Append([]byte("record"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one finds an empty segment
		if no, err := j.Cut(); no != 2 || err != nil {
			t.Fatalf("cut at %d, %v", no, err)
		}
	}
	names, err := j.Release(2)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := disk.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Read(); string(b) != "record" || err != nil {
		t.Errorf("a released record: %q, %v", b, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Cut(); err == nil {
		t.Error("a closed journal is cut")
	}
	if _, err := disk.Open(names[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
