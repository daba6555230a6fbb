package journal

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// TestLiveCopy copies the files of a journal while it is written to, as a
// program that copies files does: one after the other, each in pieces. What is
// opened has everything that was durable when the copy began and is a prefix. A
// copy whose pieces do not go together is refused, and says so; one whose
// segments were read at once is always whole.
func TestLiveCopy(t *testing.T) {
	for _, piece := range []int{512, 1024, 1 << 20} {
		opened, refused := 0, 0
		for seed := range uint64(400) {
			err := liveCopy(piece, rand.New(rand.NewPCG(seed, uint64(piece))))
			var damage *DamageError
			switch {
			case err == nil:
				opened++
			case errors.As(err, &damage) && piece < 1<<20 && strings.Contains(err.Error(), "copy it again"):
				refused++
			default:
				t.Fatalf("pieces of %d, seed %d: %v", piece, seed, err)
			}
		}
		t.Logf("in pieces of %d bytes: %d copies opened, %d were refused", piece, opened, refused)
		if opened < 100 || piece == 512 && refused == 0 {
			t.Errorf("in pieces of %d bytes: %d copies opened, %d were refused", piece, opened, refused)
		}
	}
}

// liveCopy makes one copy and opens it.
func liveCopy(piece int, rng *rand.Rand) error {
	states := 0
	w, err := newWorld(variant{}, 0, 0, &states)
	if err != nil {
		return err
	}
	some := func() error {
		for range rng.IntN(3) {
			if err := w.step("aAgsm"[rng.IntN(5)]); err != nil {
				return err
			}
		}
		return nil
	}
	for range 1 + rng.IntN(9) {
		if err := some(); err != nil {
			return err
		}
	}
	durable := w.m.durable
	to := vfs.NewMem()
	if err := vfs.MkdirAll(to, journalDir); err != nil {
		return err
	}
	names, err := w.disk.List(journalDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyFile(to, w.disk, filepath.Join(journalDir, name), piece, some); err != nil {
			return err
		}
	}
	if err := w.j.Close(); err != nil {
		return err
	}
	return reread(variant{}, to, w.m, durable)
}

// copyFile copies a file, and something happens before each piece.
func copyFile(to, from vfs.FS, name string, piece int, meanwhile func() error) error {
	in, err := from.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // it was there when the directory was read
		return nil
	}
	if err != nil {
		return err
	}
	out, err := to.Create(name)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	b := make([]byte, piece)
	for off := int64(0); err == nil; off += int64(piece) {
		if err = meanwhile(); err != nil {
			break
		}
		var n int
		if n, err = in.ReadAt(b, off); err == nil || err == io.EOF {
			_, werr := out.WriteAt(b[:n], off)
			err = errors.Join(err, werr)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, in.Close(), out.Close())
}
