package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// bare is what a journal cannot beat: records copied behind each other, one
// write and one sync for all that gathered while the last ran, no order to
// keep, no checksum, no header and no end of the file.
type bare struct {
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

func newBare(b *testing.B, zeroed bool) *bare {
	f, err := vfs.OS.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	for off := int64(0); zeroed && off < 64<<20; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:], off); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	r := &bare{file: f}
	r.turn = sync.NewCond(&r.mu)
	return r
}

func (r *bare) commit(rec []byte) error {
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
		if r.off+int64(len(b)) > 64<<20 {
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

// newCommits gives a function for each way to make a record durable.
func newCommits(b *testing.B, rec []byte) map[string]func() error {
	o := Options{Store: storeID, First: 1 << 20, Segment: 16 << 20, Memory: 32 << 20, LostFound: "lost+found"}
	dir := b.TempDir()
	if err := Create(vfs.OS, dir, o); err != nil {
		b.Fatal(err)
	}
	j, err := Open(vfs.OS, dir, o, func([]byte, Place, uint64) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	growing, zeroed := newBare(b, false), newBare(b, true)
	return map[string]func() error{
		"growing": func() error { return growing.commit(rec) },
		"zeroed":  func() error { return zeroed.commit(rec) },
		"journal": func() error {
			var no uint64
			var err error
			j.Gather(func() { _, no, err = j.Append(rec) })
			if err == nil {
				err = j.Write(no)
			}
			if err == nil {
				err = j.Sync(context.Background(), no)
			}
			return err
		},
	}
}

// BenchmarkCommit commits records of 200 bytes, each durable before the next
// of its goroutine. Disks are moody, so the ways take turns, a thousandth of
// the time each, and what counts is their ratio.
func BenchmarkCommit(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			commits := newCommits(b, record(1, 200))
			counts := map[string]int64{}
			spent := map[string]time.Duration{}
			for b.Loop() {
				for _, how := range []string{"growing", "zeroed", "journal"} {
					n, d := slice(b, goroutines, commits[how])
					counts[how] += n
					spent[how] += d
				}
			}
			rate := func(how string) float64 { return float64(counts[how]) / spent[how].Seconds() }
			for how := range counts {
				b.ReportMetric(rate(how), how+"/s")
			}
			b.ReportMetric(rate("journal")/rate("zeroed"), "journal/zeroed")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// slice commits for a while.
func slice(b *testing.B, goroutines int, commit func() error) (int64, time.Duration) {
	const long = 50 * time.Millisecond
	start := time.Now()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for time.Since(start) < long {
				if err := commit(); err != nil {
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
