package fs

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// writer commits to a document of its own.
type writer struct {
	next driver.Commit
}

func newWriter(n int, body []byte) *writer {
	w := &writer{driver.Commit{
		Table: notes, Kind: driver.KindChange, Time: time.Unix(1, 0).UTC(), Body: body, Section: []byte{0x80},
	}}
	binary.BigEndian.PutUint64(w.next.ID[:], uint64(n)+1)
	return w
}

func (w *writer) commit(s *Store, durable bool) error {
	w.next.Seq++
	binary.BigEndian.PutUint64(w.next.Try[:], w.next.Seq)
	err := s.Append(background, []driver.Commit{w.next})[0].Err
	w.next.Section = nil
	if err == nil && durable {
		err = s.Sync(background, driver.Doc{Table: notes, ID: w.next.ID})
	}
	return err
}

// raw appends as the store's disk allows at best: one write and one sync for
// all that gathered while the last ran, nothing else.
type raw struct {
	file vfs.File
	off  int64

	mu      sync.Mutex
	turn    *sync.Cond
	gather  []byte
	spare   []byte
	ordered uint64 // records in gather or before
	durable uint64
	busy    bool
}

// rawSize is how much a raw file may hold before it begins anew.
const rawSize = 64 << 20

func newRaw(b *testing.B, dir string, zeroed bool) *raw {
	f, err := vfs.OS.Create(filepath.Join(dir, fmt.Sprint("raw-", zeroed)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	zeros := make([]byte, 1<<20)
	for off := int64(0); zeroed && off < rawSize; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, off); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	r := &raw{file: f}
	r.turn = sync.NewCond(&r.mu)
	return r
}

func (r *raw) commit(rec []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather = append(r.gather, rec...)
	r.ordered++
	mine := r.ordered
	for r.durable < mine {
		if r.busy {
			r.turn.Wait()
			continue
		}
		r.busy = true
		b, target := r.gather, r.ordered
		r.gather = r.spare[:0]
		r.mu.Unlock()
		if r.off+int64(len(b)) > rawSize {
			r.off = 0
		}
		_, err := r.file.WriteAt(b, r.off)
		if err == nil {
			err = r.file.Sync()
		}
		r.off += int64(len(b))
		r.mu.Lock()
		if err != nil {
			return err
		}
		r.spare, r.busy, r.durable = b, false, target
		r.turn.Broadcast()
	}
	return nil
}

// countedDisk counts what is done to the segments of a journal.
type countedDisk struct {
	vfs.FS
	writes, syncs atomic.Int64
}

type countedFile struct {
	vfs.File
	fs *countedDisk
}

func (c *countedDisk) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil || filepath.Ext(name) != ".log" {
		return f, err
	}
	return countedFile{f, c}, nil
}

func (f countedFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.writes.Add(1)
	return f.File.WriteAt(b, off)
}

func (f countedFile) Sync() error {
	f.fs.syncs.Add(1)
	return f.File.Sync()
}

// BenchmarkCommit commits, each commit durable before the next of its
// goroutine, beside a bare file that is appended to and one that was filled
// with zeros before. Disks are moody, so the three take turns, and what counts
// is the ratio, and how many commits share a write and a sync.
func BenchmarkCommit(b *testing.B) {
	body := make([]byte, 80)
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("durable=true/goroutines=%d", goroutines), func(b *testing.B) {
			dir := b.TempDir()
			disk := &countedDisk{FS: vfs.OS}
			full, first, err := (*Options)(nil).sizes()
			must(b, err)
			s, err := open(disk, filepath.Join(dir, "store"), settings{
				Options: journal.Options{Segment: full, First: first, Memory: fresh, Idle: markAfter}, keeping: usual,
			})
			must(b, err)
			must(b, s.Declare(background, driver.Schema{Table: notes}))
			writers := make([]*writer, goroutines)
			for i := range writers {
				writers[i] = newWriter(i, body)
			}
			rec := appendCommit(nil, &writers[0].next)
			growing, zeroed := newRaw(b, dir, false), newRaw(b, dir, true)
			ways := []struct {
				name   string
				commit func(i int) error
			}{
				{"growing", func(int) error { return growing.commit(rec) }},
				{"zeroed", func(int) error { return zeroed.commit(rec) }},
				{"fs", func(i int) error { return writers[i].commit(s, true) }},
			}
			counts, spent := make([]int64, len(ways)), make([]time.Duration, len(ways))
			for b.Loop() {
				for i, way := range ways {
					n, d := turn(b, goroutines, way.commit)
					counts[i] += n
					spent[i] += d
				}
			}
			rates := make([]float64, len(ways))
			for i, way := range ways {
				rates[i] = float64(counts[i]) / spent[i].Seconds()
				b.ReportMetric(rates[i], way.name+"/s")
			}
			b.ReportMetric(rates[2]/rates[1], "fs/zeroed")
			b.ReportMetric(float64(counts[2])/float64(disk.writes.Load()), "commits/write")
			b.ReportMetric(float64(counts[2])/float64(disk.syncs.Load()), "commits/sync")
			b.ReportMetric(0, "ns/op")
			must(b, s.Close(background))
		})
	}
}

// turn commits with many goroutines for a while.
func turn(b *testing.B, goroutines int, commit func(i int) error) (int64, time.Duration) {
	const long = 50 * time.Millisecond
	start := time.Now()
	var n atomic.Int64
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for time.Since(start) < long {
				if err := commit(i); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load(), time.Since(start)
}

// BenchmarkBatch appends a thousand commits at once and makes them durable.
func BenchmarkBatch(b *testing.B) {
	s, err := Open(b.TempDir(), nil)
	must(b, err)
	must(b, s.Declare(background, driver.Schema{Table: notes}))
	batch := make([]driver.Commit, 1000)
	w := newWriter(0, make([]byte, 80))
	for b.Loop() {
		for i := range batch {
			w.next.Seq++
			binary.BigEndian.PutUint64(w.next.Try[:], w.next.Seq)
			batch[i] = w.next
			w.next.Section = nil
		}
		for _, r := range s.Append(background, batch) {
			must(b, r.Err)
		}
		must(b, s.Sync(background))
	}
	b.ReportMetric(float64(len(batch))*float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	must(b, s.Close(background))
}

// BenchmarkLoad loads documents of a checkpoint of 400 bytes and 20 commits
// that were written in turns, as BenchmarkAppend would leave them.
func BenchmarkLoad(b *testing.B) {
	const documents = 10_000
	s, err := Open(b.TempDir(), nil)
	must(b, err)
	must(b, s.Declare(background, driver.Schema{Table: notes}))
	writers := make([]*writer, documents)
	for i := range writers {
		writers[i] = newWriter(i, make([]byte, 80))
	}
	for round := range 21 {
		for _, w := range writers {
			must(b, w.commit(s, false))
			if round == 0 {
				must(b, s.Checkpoint(background, notes, w.next.ID, 1, make([]byte, 400)))
			}
		}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % documents
		if _, err := s.Load(background, notes, writers[i].next.ID, 0); err != nil {
			b.Fatal(err)
		}
	}
	must(b, s.Close(background))
}

// BenchmarkFind looks for one document of many by a unique value.
func BenchmarkFind(b *testing.B) {
	const documents = 100_000
	s, err := Open(b.TempDir(), nil)
	must(b, err)
	must(b, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
	fill(b, s, documents)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % documents
		term := driver.Term(fmt.Sprint("slug\x00sslug ", i))
		for h, err := range s.Find(context.Background(), notes, driver.Query{Terms: []driver.Term{term}}) {
			if err != nil || h.Seq != 1 {
				b.Fatal(h, err)
			}
		}
	}
	must(b, s.Close(background))
}

func fill(b testing.TB, s *Store, documents int) {
	batch := make([]driver.Commit, 0, 1000)
	for i := range documents {
		c := newWriter(i, make([]byte, 80)).next
		section := driver.Object{
			{Name: "slug", Value: fmt.Sprint("slug ", i)},
			{Name: "owner", Value: fmt.Sprint("owner ", i%100)},
		}
		c.Section, _ = driver.AppendValue(nil, section)
		c.Held = driver.Held(section, []string{"slug"})
		c.Seq, c.Try[0] = 1, 1
		if batch = append(batch, c); len(batch) < cap(batch) && i < documents-1 {
			continue
		}
		for _, r := range s.Append(background, batch) {
			must(b, r.Err)
		}
		batch = batch[:0]
	}
	must(b, s.Sync(background))
}

// BenchmarkOpen opens a store of many documents, closed in order and killed.
func BenchmarkOpen(b *testing.B) {
	const documents = 100_000
	for _, closed := range []bool{true, false} {
		b.Run(fmt.Sprintf("closed=%v/documents=%d", closed, documents), func(b *testing.B) {
			dir := b.TempDir()
			from := filepath.Join(dir, "store")
			s, err := Open(from, nil)
			must(b, err)
			must(b, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
			fill(b, s, documents)
			if closed {
				must(b, s.Close(background))
			} else {
				w := newWriter(documents, []byte("not synced"))
				must(b, w.commit(s, false))
			}
			copies := 0
			for b.Loop() {
				b.StopTimer()
				copies++
				to := filepath.Join(dir, fmt.Sprint(copies))
				must(b, os.CopyFS(to, os.DirFS(from)))
				b.StartTimer()
				s, err := Open(to, nil)
				must(b, err)
				b.StopTimer()
				must(b, s.Close(background))
				must(b, os.RemoveAll(to))
				b.StartTimer()
			}
			if !closed {
				must(b, s.Close(background))
			}
		})
	}
}
