package journal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// FuzzOpen opens a journal whose segment holds anything behind its header.
func FuzzOpen(f *testing.F) {
	states := 0
	for _, script := range []string{"", "asAgm", "gAs"} {
		w, err := newWorld(variant{}, 0, 0, &states)
		if err != nil {
			f.Fatal(err)
		}
		for i := range script {
			if err := w.step(script[i]); err != nil {
				f.Fatal(err)
			}
		}
		files, err := segmentFiles(w.disk)
		if err != nil {
			f.Fatal(err)
		}
		for _, b := range files {
			f.Add(b[:used(b)], 0)
			f.Add(b[:used(b)], 100)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, reseal int) {
		if len(b) < segmentHeader || len(b) > 1<<16 {
			return
		}
		// Make the front right, and one batch too, or all that is tried is
		// the checksum.
		s := segment{number: 1, id: 9, size: len(b)}
		s.appendHeader(b[:0], storeID)
		if off := padded(min(max(reseal, segmentHeader), len(b))); len(b)-off >= batchHeader {
			header{no: 1, count: uint32(reseal) & 7}.seal(b[off:len(b)&^(align-1)], s.id)
		}
		disk := vfs.NewMem()
		if err := vfs.MkdirAll(disk, journalDir); err != nil {
			t.Fatal(err)
		}
		if err := vfs.WriteFile(disk, journalDir+"/"+fileName(1), b); err != nil {
			t.Fatal(err)
		}
		j, err := open(variant{}, disk)
		var damage *DamageError
		if err != nil {
			if !errors.As(err, &damage) {
				t.Fatal(err)
			}
			return
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzBatch writes records and reads them back.
func FuzzBatch(f *testing.F) {
	f.Add([]byte("records"), uint8(3), uint64(7))
	f.Fuzz(func(t *testing.T, rec []byte, n uint8, id uint64) {
		disk := vfs.NewMem()
		j := openNew(t, disk, variant{}.options())
		for range n {
			p, _, err := j.Append(rec)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Read(); err != nil || !bytes.Equal(got, rec) {
				t.Fatalf("read %x, %v", got, err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := open(variant{}, disk)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got.records {
			if !bytes.Equal(r, rec) {
				t.Fatalf("replayed %x", r)
			}
		}
		if len(got.records) != int(n) {
			t.Fatalf("%d records of %d", len(got.records), n)
		}
		if err := got.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
