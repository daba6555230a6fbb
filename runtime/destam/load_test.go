package destam

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// damaged spoils the newest checkpoint that it is asked for.
type damaged struct {
	driver.Driver
	spoil func(seq uint64, content []byte) []byte
}

func (d *damaged) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	s, err := d.Driver.Load(ctx, table, id, at)
	if s.Checkpoint != nil {
		s.Checkpoint = d.spoil(s.CheckpointSeq, s.Checkpoint)
	}
	return s, err
}

// TestCheckpoints lets a document grow until checkpoints are written, and loads
// it from each of them.
func TestCheckpoints(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		spoiled := map[uint64]bool{}
		d = &damaged{d, func(seq uint64, content []byte) []byte {
			if spoiled[seq] {
				return content[:len(content)/2]
			}
			return content
		}}
		b := open(t, d, &Options{Window: time.Hour, tuning: tuning{checkpoint: 1}})
		o := b.create(Card{Title: strings.Repeat("x", 50)})
		for i := range 60 {
			o.Tags().Append(fmt.Sprint("tag", i))
			o.SetCount(i)
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			b.quiet(o)
		}
		b.opts.tuning.checkpoint = 1 << 30 // no more of them
		want := o.Snapshot()
		var seqs []uint64 // newest first
		for at := o.Version(); at > 0; {
			s := must(d.Load(ctx, "cards", o.ID(), at))(t)
			if s.Checkpoint == nil {
				break
			}
			seqs = append(seqs, s.CheckpointSeq)
			at = s.CheckpointSeq - 1
		}
		if len(seqs) < 2 || len(seqs) > 20 {
			t.Errorf("checkpoints %v of 61 versions", seqs)
		}
		for i := range len(seqs) + 1 {
			got, version := b.asStored(o.ID())
			if diff := cmp.Diff(want, got, same); diff != "" || version != 61 {
				t.Fatalf("spoiled %v: version %d (-want +got)\n%s", spoiled, version, diff)
			}
			list := b.errs.take()
			if len(list) != i {
				t.Errorf("%d reports of %d spoiled checkpoints: %v", len(list), i, list)
			}
			for j, err := range list {
				if e := err.(*Error); !errors.Is(err, ErrCorrupt) || e.Version != seqs[j] {
					t.Errorf("reported %v", err)
				}
			}
			if i < len(seqs) {
				spoiled[seqs[i]] = true
			}
		}
	})
}

// TestCheckpointOfBusy writes checkpoints of a document that always shows what
// the store has not.
func TestCheckpointOfBusy(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, &Options{Window: time.Hour, tuning: tuning{checkpoint: 1}})
		o := b.create(Card{})
		o.SetTitle(strings.Repeat("stored", 100))
		gate := f.Hang(drivertest.Append)
		done := make(chan error)
		go func() { done <- o.Flush(ctx) }()
		<-gate.Arrived()
		o.SetCount(1)
		gate.Release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for {
			s := must(d.Load(ctx, "cards", o.ID(), 0))(t)
			if s.CheckpointSeq == 2 {
				break
			}
			runtime.Gosched()
		}
		if got, _ := b.asStored(o.ID()); got.Title != o.Title() || got.Count != 0 || !o.Pending() {
			t.Errorf("stored %+v, pending %v", got, o.Pending())
		}
	})
}

// TestCorrupt loads what cannot be read at all.
func TestCorrupt(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		b.create(Card{})
		for _, body := range [][]byte{{}, {0xc1}, {0x91, 0xc1}, {0x90, 0x90}} {
			id := b.DB.ids.next()
			section := must(driver.AppendValue(nil, driver.Object{}))(t)
			r := d.Append(ctx, []driver.Commit{{
				Table: "cards", ID: id, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Body: body, Section: section,
			}})
			if r[0].Err != nil {
				t.Fatal(r[0].Err)
			}
			_, err := b.cards.Get(ctx, id)
			var e *Error
			if !errors.Is(err, ErrCorrupt) || !errors.As(err, &e) || e.Version != 1 || e.ID != id {
				t.Errorf("body %x: got %v", body, err)
			}
		}
	})
}

// TestLoadPieces bounds how many pieces of memory a load takes: those of the
// document, of the values that it has in the end, and few others, however many
// commits there were.
func TestLoadPieces(t *testing.T) {
	if racing {
		t.Skip("the race detector takes memory of its own")
	}
	dir := t.TempDir()
	reopen := func() *OCardTable {
		return CardTable(must(Open(ctx, must(fs.Open(dir, nil))(t), nil))(t))
	}
	cards := reopen()
	o := must(cards.Create(ctx, Card{Title: "t", Query: CardQuery{Owner: "ann"}}))(t)
	for n := range 20 {
		o.SetTitle(fmt.Sprint("title ", n))
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	id := o.ID()
	if err := cards.t.db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	cards = reopen()
	pieces := testing.AllocsPerRun(200, func() {
		if _, err := cards.t.read(ctx, id); err != nil {
			t.Fatal(err)
		}
	})
	if pieces > 10 {
		t.Errorf("a load takes %v pieces of memory", pieces)
	}
	if err := cards.t.db.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
