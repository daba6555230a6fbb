package destam

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// get gives the live document of an id: the one that somebody has, or a new
// one from the store. It takes no document's lock.
func (t *table) get(ctx context.Context, id ID) (*live, error) {
	l := t.cache.Get(id)
	if l == nil {
		loaded := t.loading.begin(id)
		var err error
		l, err = t.cache.Load(ctx, id, func(ctx context.Context) (*live, error) { return t.read(ctx, id) })
		if newest, missed := loaded(); err == nil {
			t.db.counters.loads.Add(1)
			if l.hear(newest, nil); missed {
				l.lookAgain()
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if err := t.db.dead(); err != nil {
		// It may have come into the cache after those that are there were told.
		l.doc.Kill(&Error{Op: "change", Table: t.name, ID: id, Err: err})
		return nil, err
	}
	return l, nil
}

// read builds a document from the store. A deleted one is ErrDeleted.
func (t *table) read(ctx context.Context, id ID) (l *live, err error) {
	err = driver.Lend(ctx, t.db.driver, t.name, id, 0, func(state *driver.State) error {
		if state.Deleted {
			return ErrDeleted
		}
		b, err := t.build(ctx, state, func() *doc.Document {
			l = t.newLive(id)
			return l.doc
		})
		if err == nil {
			l.came(&b, state)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t.db.ids.seen(id)
	t.db.hold(l)
	l.release()
	l.checkpoint()
	return l, nil
}

// came notes what a new document was built from.
func (l *live) came(b *built, s *driver.State) {
	l.size.Store(b.size)
	l.since.Store(b.since)
	l.after.Store(b.after)
	l.version.Store(b.seq)
	if len(s.Held) > 0 {
		held := slices.Clone(s.Held)
		l.held.Store(&held)
		l.table.claims.show(l.claimant(), held)
	}
	if l.table.db.fed {
		l.table.loading.loaded(l, slices.Clone(s.Section)) // of this nothing may be kept
	}
}

// built is what a document was built from.
type built struct {
	doc   *doc.Document
	seq   uint64 // of its newest commit
	size  int64  // of its checkpoint, or of its creation
	since int64  // bytes of the commits after that
	after int64  // how many these are
}

// build makes the document of a state: what begin gives, and again what it
// gives when a checkpoint cannot be read and an older one has to do.
func (t *table) build(ctx context.Context, s *driver.State, begin func() *doc.Document) (built, error) {
	state := *s
	for {
		b, bad, err := t.replay(begin(), &state)
		if !bad {
			return b, err
		}
		if !errors.Is(err, doc.ErrApart) {
			t.db.opts.OnError(&Error{Op: "load", Table: t.name, ID: state.ID, Version: state.CheckpointSeq,
				Err: fmt.Errorf("the checkpoint is left out: %w", err)})
		}
		if state, err = t.before(ctx, &state); err != nil {
			return built{}, err
		}
	}
}

// replay fills a document with a state. Bad says that it is the checkpoint
// that cannot be read; without it there may be another way.
func (t *table) replay(d *doc.Document, s *driver.State) (b built, bad bool, err error) {
	b.doc = d
	if s.Checkpoint != nil {
		if err := d.Load(s.CheckpointSeq, s.Checkpoint); err != nil {
			return b, true, err
		}
		b.size = int64(len(s.Checkpoint))
	}
	b.seq = s.CheckpointSeq
	for i := range s.Commits {
		c := &s.Commits[i]
		if b.seq++; c.Seq != b.seq {
			return b, false, &Error{Op: "load", Table: t.name, ID: s.ID, Version: b.seq, Err: errMissing}
		}
		err := d.Later(c.Seq, c.Body)
		if len(c.Body) == 0 && c.Kind == driver.KindChange {
			err = fmt.Errorf("%w: a change of nothing", ErrCorrupt)
		}
		if err != nil {
			return b, false, &Error{Op: "load", Table: t.name, ID: s.ID, Version: c.Seq, Err: err}
		}
		if c.Seq == 1 {
			b.size = int64(len(c.Body))
		} else {
			b.since += int64(len(c.Body) + len(c.Section))
			b.after++
		}
	}
	d.Loaded()
	return b, false, nil
}

var errMissing = fmt.Errorf("%w: the store has not this version", ErrCorrupt)

// before gives a state that leads to the same version without its checkpoint,
// from the one before that or from the creation.
func (t *table) before(ctx context.Context, s *driver.State) (driver.State, error) {
	older := driver.State{}
	if s.CheckpointSeq > 1 {
		var err error
		if older, err = t.db.driver.Load(ctx, t.name, s.ID, s.CheckpointSeq-1); err != nil {
			return older, err
		}
	}
	older.Head = s.Head
	only := driver.Range{From: s.CheckpointSeq, To: s.CheckpointSeq}
	for c, err := range t.db.driver.Log(ctx, t.name, s.ID, only) {
		if err != nil {
			return older, err
		}
		older.Commits = append(older.Commits, c)
	}
	older.Commits = append(older.Commits, s.Commits...)
	return older, nil
}

// perCommit is how many bytes of a document can be read in the time that one
// commit takes beside its own.
const perCommit = 64

// grew notes a stored commit after the newest checkpoint.
func (l *live) grew(c *driver.Commit) {
	l.since.Add(int64(len(c.Body) + len(c.Section)))
	l.after.Add(1)
}

// checkpoint writes one when replaying what came since the newest costs more
// than reading one would, so that a load costs at most about twice the
// document: but not before there are half as many bytes of commits, so that
// the store is given at most three times these. Where this is called the store
// mostly has all that the document shows: then that is encoded at once, and
// given to the store in the background. A moment later something may be pending
// again, and the content would have to be loaded and replayed.
func (l *live) checkpoint() {
	db := l.table.db
	since, after, size := l.since.Load(), l.after.Load(), l.size.Load()
	if since+perCommit*after <= max(size, int64(db.opts.tuning.checkpoint)) || 2*since < size ||
		!l.checkpointing.CompareAndSwap(false, true) {
		return
	}
	seq, content, ok := l.doc.Checkpoint()
	l.Go(func() {
		defer l.checkpointing.Store(false)
		var err error
		if !ok {
			seq, content, err = l.content(db.ctx)
		}
		if err == nil {
			err = db.driver.Checkpoint(db.ctx, l.table.name, l.id, seq, content)
		}
		if err == nil {
			l.size.Store(int64(len(content)))
			l.since.Add(-since)
			l.after.Add(-after)
			db.counters.checkpoints.Add(1)
		} else if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotFound) && !errors.Is(err, context.Canceled) {
			db.opts.OnError(&Error{Op: "checkpoint", Table: l.table.name, ID: l.id, Version: seq, Err: err})
		}
	})
}

// content encodes a version that the store has. A document that is changed all
// the time always shows something that the store has not: then it is that of a
// copy, loaded for nothing else.
func (l *live) content(ctx context.Context) (seq uint64, content []byte, err error) {
	seq, content, ok := l.doc.Checkpoint()
	if ok {
		return seq, content, nil
	}
	err = driver.Lend(ctx, l.table.db.driver, l.table.name, l.id, 0, func(state *driver.State) error {
		c, err := l.table.build(ctx, state, l.table.scratch)
		if err == nil {
			seq, content, _ = c.doc.Checkpoint()
		}
		return err
	})
	return seq, content, err
}
