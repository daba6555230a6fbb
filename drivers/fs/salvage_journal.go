package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// place is a batch, and the file in which it is.
type place struct {
	journal.Found
	name string
}

// wreckage is what is left of a journal.
type wreckage struct {
	batches map[uint64]place
	loose   []loose
	vouched uint64 // batches up to this were durable
	last    uint64
}

type loose struct {
	journal.Loose
	name string
}

// journal reads the segments.
func (x *salvor) journal(ctx context.Context, sealed uint64) error {
	j, err := x.segments(ctx)
	if err != nil {
		return err
	}
	first := j.last + 1
	for no := range j.batches {
		first = min(first, no)
	}
	if sealed+1 < first {
		x.lose(Loss{Where: journalName, Why: fmt.Sprintf("batches %d to %d are missing", sealed+1, first-1)})
	}
	missing := make(map[uint64]bool)
	for no := sealed + 1; no < first && no <= j.vouched; no++ {
		missing[no] = true
	}
	previous := place{name: journalName}
	for no := first; no <= max(j.last, j.vouched); no++ {
		b, ok := j.batches[no]
		if no > j.vouched && !b.Whole {
			// What a power failure left; nobody was told that it is durable.
			x.lose(Loss{Where: previous.name, Why: fmt.Sprintf("batches from %d on were being written when the store ended, and were never durable", no)})
			break
		}
		if ok {
			previous = b
			x.batch(b.Found, b.name, no > sealed)
		} else if no > sealed {
			missing[no] = true
			x.lose(Loss{Where: fmt.Sprintf("%s behind offset %d", previous.name, previous.Offset), Why: fmt.Sprintf("batch %d is missing", no)})
		}
	}
	for _, l := range j.loose {
		for no := range missing {
			if no > l.After && (no < l.Before || l.Before == 0) {
				x.gather(l.Body, fmt.Sprintf("%s at offset %d", l.name, l.Offset), false)
				break
			}
		}
	}
	return nil
}

// segments looks for batches in all segments.
func (x *salvor) segments(ctx context.Context) (j wreckage, err error) {
	j.batches = make(map[uint64]place)
	names, err := x.fs.List(filepath.Join(x.dir, journalName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return j, err
	}
	if len(names) == 0 {
		x.lose(Loss{Where: journalName, Why: "it has no segments"})
	}
	for _, base := range names { // ascending: of two batches with one number the later file has it
		if _, ok := journal.Number(base); !ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return j, err
		}
		name := filepath.Join(journalName, base)
		image, err := x.image(name)
		if err != nil {
			return j, err
		}
		found, parts := journal.Salvage(image)
		if why := journal.Front(image); why != "" {
			x.lose(Loss{Where: name, Why: fmt.Sprintf("%s; %d batches are left", why, len(found))})
		}
		for i, b := range found {
			if i == 0 {
				for no := range j.batches {
					if no >= b.No { // written again here, or left over from before
						delete(j.batches, no)
					}
				}
			}
			j.batches[b.No] = place{b, name}
			j.vouched, j.last = max(j.vouched, b.Synced), max(j.last, b.No)
		}
		for _, l := range parts {
			j.loose = append(j.loose, loose{l, name})
		}
	}
	return j, nil
}

// batch takes over what a batch has. Fresh says that no run has it.
func (x *salvor) batch(b journal.Found, name string, fresh bool) {
	if !b.Whole {
		if fresh {
			x.broken(b, fmt.Sprintf("%s at offset %d", name, b.Offset))
		}
		return
	}
	for _, rec := range b.Records {
		if len(rec) < recordFront || rec[1] != recordVersion {
			continue
		}
		body := rec[recordFront:]
		switch rec[0] {
		case recordSchema:
			if s, err := decodeSchema(body); err == nil {
				w := x.table(s.Table)
				w.schema, w.known = s, true
			}
		case recordCommit:
			if c, err := driver.DecodeCommit(body); err == nil {
				x.commit(&c, body, rankJournal)
			}
		case recordCheckpoint:
			if c, err := decodeCheckpoint(body); err == nil {
				d := x.table(c.table).doc(c.id)
				d.checkpoints = append(d.checkpoints, remain{c.seq, rankJournal, c.content})
			}
		}
	}
}
