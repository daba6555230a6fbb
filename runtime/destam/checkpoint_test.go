package destam

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// weighed counts the bytes that a driver is given, and keeps the checkpoints.
type weighed struct {
	driver.Driver
	mu          sync.Mutex
	deltas      int // bytes of bodies
	all         int // of bodies, sections and checkpoints
	checkpoints map[uint64][]byte
}

func (w *weighed) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	w.mu.Lock()
	for _, c := range batch {
		w.deltas += len(c.Body)
		w.all += len(c.Body) + len(c.Section)
	}
	w.mu.Unlock()
	return w.Driver.Append(ctx, batch)
}

func (w *weighed) Checkpoint(ctx context.Context, table string, id ID, seq uint64, content []byte) error {
	w.mu.Lock()
	if w.checkpoints == nil {
		w.checkpoints = map[uint64][]byte{}
	}
	w.all += len(content)
	w.checkpoints[seq] = bytes.Clone(content)
	w.mu.Unlock()
	return w.Driver.Checkpoint(ctx, table, id, seq, content)
}

// bounded holds that there are checkpoints, and that the driver was given at
// most three times the bytes of the deltas.
func (w *weighed) bounded(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.checkpoints) == 0 || w.all > 3*w.deltas {
		t.Errorf("%d checkpoints: %d bytes for %d of deltas", len(w.checkpoints), w.all, w.deltas)
	}
}

// quiet returns when no checkpoint is being written.
func (b *base) quiet(o *OCard) {
	b.t.Helper()
	eventually(b.t, "a checkpoint is written", func() bool { return !of(&o.OObject).checkpointing.Load() })
}

// TestCheckpointCost holds that a load costs at most about twice the document,
// whatever its history, and that what a driver is given is at most three times
// the deltas.
func TestCheckpointCost(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		w := &weighed{Driver: d}
		opts := &Options{Window: time.Hour}
		opts.tuning.checkpoint = 512
		b := open(t, w, opts)
		o := b.create(sample())
		id := o.ID()
		for i := range 1500 {
			if err := o.Update(func(o *OCard) error {
				o.SetCount(i)
				o.SetTitle(fmt.Sprintf("a title that is somewhat longer, the %dth", i))
				if i%3 == 0 {
					o.Lines().Append(Line{Text: fmt.Sprint("line ", i)})
				}
				if n := o.Lines().Len(); n > 20 {
					o.Lines().Remove(0, n/2)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if i%4 == 0 {
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				b.quiet(o)
			}
			if i%100 != 99 {
				continue
			}
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			b.quiet(o)
			state := must(d.Load(ctx, "cards", id, 0))(t)
			replay := 0
			for _, c := range state.Commits {
				replay += len(c.Body) + len(c.Section)
			}
			// What was on its way to the store while the last was written comes on top.
			if most := 2*max(len(state.Checkpoint), 512) + 2000; replay > most {
				t.Fatalf("after %d commits %d bytes of %d commits are replayed on a checkpoint of %d", i+1, replay, len(state.Commits), len(state.Checkpoint))
			}
		}
		w.bounded(t)
	})
}

// TestCheckpointSmall changes little of a large document, often: what is written
// for the sake of loading is bounded by the bytes of the deltas, not by how many
// there are.
func TestCheckpointSmall(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		w := &weighed{Driver: d}
		opts := &Options{Window: time.Hour}
		opts.tuning.checkpoint = 512
		b := open(t, w, opts)
		o := b.create(Card{Title: strings.Repeat("x", 20_000)})
		for i := range 4000 {
			if err := o.Update(func(o *OCard) error { o.SetCount(i + 1); return nil }); err != nil {
				t.Fatal(err)
			}
			if i%64 == 0 {
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				b.quiet(o)
			}
		}
		w.bounded(t)
	})
}

// TestCheckpointsAgree compares each checkpoint of a random life with the same
// version replayed from the creation, byte for byte.
func TestCheckpointsAgree(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		for seed := range uint64(3) {
			w := &weighed{Driver: kept{d}}
			opts := &Options{Window: time.Hour}
			opts.tuning.checkpoint, opts.tuning.keyBound = 64, 6
			b := open(t, w, opts)
			r := rand.New(rand.NewPCG(seed, 8))
			o := b.create(Card{})
			for range 300 {
				scribble(r, o)
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				b.quiet(o)
			}
			w.mu.Lock()
			checkpoints := w.checkpoints
			w.mu.Unlock()
			if len(checkpoints) < 3 {
				t.Fatalf("only %d checkpoints", len(checkpoints))
			}
			zero := b.cards.t.scratch()
			for c, err := range d.Log(ctx, "cards", o.ID(), driver.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				if err := zero.Replay(c.Seq, c.Body); err != nil {
					t.Fatal(err)
				}
				content, ok := checkpoints[c.Seq]
				if !ok {
					continue
				}
				if _, whole, _ := zero.Checkpoint(); !bytes.Equal(content, whole) {
					t.Fatalf("seed %d: the checkpoint of version %d is of something else", seed, c.Seq)
				}
				again := b.cards.t.scratch()
				if err := again.Load(c.Seq, content); err != nil {
					t.Fatal(err)
				}
				if _, whole, _ := again.Checkpoint(); !bytes.Equal(content, whole) {
					t.Fatalf("seed %d: the checkpoint of version %d loads as something else", seed, c.Seq)
				}
			}
		}
	})
}

// BenchmarkLoadLong loads a document as of versions near the end of a short
// history and of a long one: 100,000 commits, or a million with DESTAM_LONG=1.
// The versions are many, because what is replayed depends on how far behind the
// newest checkpoint a version is.
func BenchmarkLoadLong(b *testing.B) {
	long := 100_000
	if os.Getenv("DESTAM_LONG") != "" {
		long = 1_000_000
	}
	for _, commits := range []int{1000, long} {
		b.Run(fmt.Sprintf("commits=%d", commits), func(b *testing.B) {
			cards := benched(b, memory.Open(nil))
			o := must(cards.Create(ctx, sample()))(b)
			for i := range commits {
				if err := o.Update(func(o *OCard) error { o.SetCount(i + 1); return nil }); err != nil {
					b.Fatal(err)
				}
				if i%100 == 99 {
					if err := o.Flush(ctx); err != nil {
						b.Fatal(err)
					}
					for of(&o.OObject).checkpointing.Load() {
						runtime.Gosched() // nobody commits as fast as this for long
					}
				}
			}
			id, replayed, i := o.ID(), 0, 0
			for b.Loop() {
				at := uint64(commits - i*7%800)
				i++
				state, err := cards.t.db.driver.Load(ctx, "cards", id, at)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := cards.t.build(ctx, &state, cards.t.scratch); err != nil {
					b.Fatal(err)
				}
				replayed += len(state.Commits)
			}
			b.ReportMetric(float64(replayed)/float64(i), "replayed/op")
		})
	}
}
