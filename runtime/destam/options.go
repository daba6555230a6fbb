package destam

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options say how a database works; the zero Options, and nil, are good ones.
type Options struct {
	// Window is how long bare setters gather before they are stored as one
	// version: 100 ms if zero. A process that is killed loses at most this.
	Window time.Duration

	// SyncEvery is how soon what was stored in the background is durable:
	// a second if zero. A power failure loses at most this and Window of what
	// was not flushed.
	SyncEvery time.Duration

	// MaxPending is how many bytes of Updates may wait for the store before
	// further ones wait: 64 MiB if zero.
	MaxPending int64

	// MaxWait is how long an Update waits then before it gives [ErrBusy]:
	// 10 s if zero.
	MaxWait time.Duration

	// Backlog is how many commits may wait for a listener or for a loop over
	// Changes before they are folded into one: 1,024 if zero.
	Backlog int

	// OnError gets the errors that have no caller: of storing in the
	// background, of setters of documents that are closed or deleted, of
	// listeners. It may be called on any goroutine, several at once, and never
	// under a lock. They go to Logger if it is nil: they never disappear. What
	// comes is an [*Error].
	OnError func(error)

	// OnConflict is told when a change made here took the place of what
	// another writer had stored meanwhile, which its author had not seen. It
	// is called as OnError is. They go to Logger if it is nil.
	OnConflict func(Conflict)

	// Logger gets what has no handler above, and what nobody has to handle: what
	// a store set aside when it was opened, and that it accepts again after an
	// outage. It is slog.Default if it is nil.
	Logger *slog.Logger

	tuning tuning
}

// tuning is what only tests change.
type tuning struct {
	keyBound   int           // longest position key
	patience   time.Duration // a wait for a document's lock longer than this is reported
	backoff    time.Duration // before the first retry of a driver's call; doubles up to maxBackoff
	checkpoint int           // fewest bytes of commits that a checkpoint is written for
}

// maxBackoff bounds the time between two attempts to store something.
const maxBackoff = time.Second

// or gives the first of two values that is not zero.
func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// check says which option no database can work with.
func (o *Options) check() error {
	if o == nil {
		return nil
	}
	for _, x := range []struct {
		name string
		less bool
	}{
		{"Window", o.Window < 0}, {"SyncEvery", o.SyncEvery < 0}, {"MaxPending", o.MaxPending < 0},
		{"MaxWait", o.MaxWait < 0}, {"Backlog", o.Backlog < 0},
	} {
		if x.less {
			return fmt.Errorf("the option %s is less than zero; zero is the usual value", x.name)
		}
	}
	return nil
}

// filled gives options without zeros.
func (o *Options) filled() Options {
	var f Options
	if o != nil {
		f = *o
	}
	f.Window = or(f.Window, 100*time.Millisecond)
	f.SyncEvery = or(f.SyncEvery, time.Second)
	f.MaxPending = or(f.MaxPending, 64<<20)
	f.MaxWait = or(f.MaxWait, 10*time.Second)
	f.Backlog = or(f.Backlog, 1024)
	if f.Logger == nil {
		f.Logger = slog.Default()
	}
	if f.OnError == nil {
		f.OnError = f.logError
	}
	if f.OnConflict == nil {
		f.OnConflict = func(c Conflict) {
			f.Logger.Warn("destam: overwritten unseen", "table", c.Table, "id", c.ID, "by", c.By, "paths", c.Paths)
		}
	}
	f.tuning.keyBound = or(f.tuning.keyBound, 64)
	f.tuning.patience = or(f.tuning.patience, time.Second)
	f.tuning.backoff = or(f.tuning.backoff, 10*time.Millisecond)
	// Replaying 16 KiB of commits takes about as long as finding a document:
	// below that a checkpoint saves nothing that anybody would notice.
	f.tuning.checkpoint = or(f.tuning.checkpoint, 16<<10)
	return f
}

// logError logs an error of background work with its place.
func (o *Options) logError(err error) {
	var attrs []any
	if e := (*Error)(nil); errors.As(err, &e) {
		attrs = append(attrs, "op", e.Op)
		if e.Table != "" {
			attrs = append(attrs, "table", e.Table)
		}
		if !e.ID.IsZero() {
			attrs = append(attrs, "id", e.ID)
		}
		if e.Version > 0 {
			attrs = append(attrs, "version", e.Version)
		}
	}
	o.Logger.Error("destam: in the background", append(attrs, "error", err)...)
}
