package destam

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Version is one stored commit of a document. The paths of its deltas are as
// of that version, their values are those of then: of objects plain structs,
// never live ones.
type Version struct {
	Number uint64
	Event  Event
	Commit
}

// Event says what a version was in the life of its document, or what happened
// to a document among those that a live query finds.
type Event uint8

// The events in a document's life.
const (
	Created  Event = iota + 1 // the first version
	Changed                   // anything else was changed
	Deleted                   // it was deleted, and has no deltas
	Restored                  // it was restored, and has no deltas

	Added   // to what a live query finds
	Removed // from what a live query finds
)

func (e Event) String() string {
	switch e {
	case Created:
		return "created"
	case Changed:
		return "changed"
	case Deleted:
		return "deleted"
	case Restored:
		return "restored"
	case Added:
		return "added"
	case Removed:
		return "removed"
	}
	return "no event"
}

// HistoryOption says which versions of a document's history are meant:
// [Versions], [Times], [Backwards].
type HistoryOption struct{ set func(*span) }

// span is a part of a history.
type span struct {
	from, to     uint64 // 0 for no bound
	since, until time.Time
	backwards    bool
}

// Versions limits a history to the versions with these numbers, both
// included; 0 is no limit.
func Versions(from, to uint64) HistoryOption {
	return HistoryOption{func(s *span) { s.from, s.to = from, to }}
}

// Times limits a history to what was committed since a time, and before
// another; a zero time is no limit.
func Times(since, until time.Time) HistoryOption {
	return HistoryOption{func(s *span) { s.since, s.until = since, until }}
}

// Backwards gives a history from the newest version on.
func Backwards() HistoryOption { return HistoryOption{func(s *span) { s.backwards = true }} }

// History yields the stored versions of the document, oldest first: who, when,
// why, and what each changed, with the values before. What is pending is no
// version yet. An error is the last pair. The live document is not touched. A
// store that was told to keep less than all history yields what it has.
//
//go:noinline
func (o *ODocument) History(ctx context.Context, opts ...HistoryOption) iter.Seq2[Version, error] {
	l := of(&o.OObject)
	if o.o.Tx() != nil {
		return func(yield func(Version, error) bool) {
			yield(Version{}, l.table.err("history", l.id, ErrInTransaction))
		}
	}
	return l.table.history(ctx, l.id, opts)
}

// History is [ODocument.History] of any document of a table, in memory or
// not, deleted or not. A purged one has none: [ErrNotFound].
//
//go:noinline
func History[O, P, Q any](ctx context.Context, t *Table[O, P, Q], id ID, opts ...HistoryOption) iter.Seq2[Version, error] {
	return t.t.history(ctx, id, opts)
}

func (t *table) history(ctx context.Context, id ID, opts []HistoryOption) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		for v, err := range t.traces(ctx, id, opts, false) {
			if err != nil {
				yield(Version{}, t.err("history", id, err))
				return
			}
			if !yield(v.version(), nil) {
				return
			}
		}
	}
}

// traced is one version as the store has it.
type traced struct {
	commit driver.Commit
	trace  doc.Trace
}

func (v *traced) version() Version {
	c := &v.commit
	shown := Version{Number: c.Seq, Event: Changed, Commit: Commit{Time: c.Time, By: c.By, Because: c.Because}}
	switch {
	case c.Kind == driver.KindDelete:
		shown.Event = Deleted
	case c.Kind == driver.KindRestore:
		shown.Event = Restored
	case c.Seq == 1:
		shown.Event = Created
	}
	shown.Deltas = deltas(v.trace.Deltas)
	return shown
}

// deltas shows traced changes to users.
func deltas(ts []doc.Traced) []Delta {
	ds := make([]Delta, 0, len(ts))
	for i := range ts {
		if x := &ts[i]; x.Renamed() == nil {
			ds = append(ds, Delta{x: &x.Head})
		}
	}
	return ds
}

// stride is how many versions are read at once when a history is read
// backwards: what a change replaced is known only from before it.
const stride = 64

// traces yields the versions that are meant.
func (t *table) traces(ctx context.Context, id ID, opts []HistoryOption, patch bool) iter.Seq2[*traced, error] {
	return func(yield func(*traced, error) bool) {
		s, err := t.span(ctx, id, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		if s.from > s.to {
			return
		}
		give := func(v *traced) error {
			if v.commit.Kind != driver.KindVoid && s.has(v.commit.Time) && !yield(v, nil) {
				return errStop
			}
			return nil
		}
		if s.backwards {
			err = t.backwards(ctx, id, s, patch, give)
		} else {
			err = t.walk(ctx, id, s.from, s.to, patch, func(c *driver.Commit, _ *doc.Document, tr doc.Trace) error {
				return give(&traced{*c, tr})
			})
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// errStop ends a walk that nobody wants to go on with.
var errStop = errors.New("stopped")

func (t *table) backwards(ctx context.Context, id ID, s span, patch bool, give func(*traced) error) error {
	for to := s.to; to >= s.from; {
		from := max(s.from, to-min(to, stride)+1)
		var vs []*traced
		err := t.walk(ctx, id, from, to, patch, func(c *driver.Commit, _ *doc.Document, tr doc.Trace) error {
			vs = append(vs, &traced{*c, tr})
			return nil
		})
		if err != nil {
			return err
		}
		for _, v := range slices.Backward(vs) {
			if err := give(v); err != nil {
				return err
			}
		}
		to = from - 1
	}
	return nil
}

// has tells whether a time is meant.
func (s *span) has(at time.Time) bool {
	return (s.since.IsZero() || !at.Before(s.since)) && (s.until.IsZero() || at.Before(s.until))
}

// span gives the versions that options mean, as far as they exist.
func (t *table) span(ctx context.Context, id ID, opts []HistoryOption) (s span, err error) {
	for _, o := range opts {
		if o.set != nil {
			o.set(&s)
		}
	}
	if err := t.ready(ctx); err != nil {
		return s, err
	}
	head, err := t.db.driver.Head(ctx, t.name, id)
	if err != nil {
		return s, err
	}
	first, err := oldest(ctx, t.db.driver, driver.Doc{Table: t.name, ID: id})
	if err != nil {
		return s, err
	}
	s.from = max(s.from, first)
	if s.to == 0 || s.to > head.Seq {
		s.to = head.Seq
	}
	if s.since.IsZero() && s.until.IsZero() || s.from > s.to {
		return s, nil
	}
	begin, last := uint64(0), uint64(0) // clocks may go back: the versions between may not all be meant
	for c, err := range t.db.driver.Log(ctx, t.name, id, driver.Range{From: s.from, To: s.to}) {
		if err != nil {
			return s, err
		}
		if !s.has(c.Time) {
			continue
		}
		if last = c.Seq; begin == 0 {
			begin = c.Seq
		}
	}
	if s.from, s.to = begin, last; begin == 0 {
		s.from = 1 // none
	}
	return s, nil
}
