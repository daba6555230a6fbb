package destam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// stuck is a driver that, while it is jammed, answers nobody before their
// context ends.
type stuck struct {
	driver.Driver
	jam atomic.Pointer[chan struct{}]
}

func (s *stuck) wait(ctx context.Context) error {
	jam := s.jam.Load()
	if jam == nil {
		return nil
	}
	select {
	case <-*jam:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stuck) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	if s.wait(ctx) != nil {
		return make([]driver.Result, 0) // nobody knows
	}
	return s.Driver.Append(ctx, batch)
}

func (s *stuck) Declare(ctx context.Context, schema driver.Schema) error {
	return errors.Join(s.wait(ctx), s.Driver.Declare(ctx, schema))
}

func (s *stuck) Sync(ctx context.Context, docs ...driver.Doc) error {
	return errors.Join(s.wait(ctx), s.Driver.Sync(ctx, docs...))
}

func (s *stuck) Head(ctx context.Context, table string, id ID) (driver.Head, error) {
	if err := s.wait(ctx); err != nil {
		return driver.Head{}, err
	}
	return s.Driver.Head(ctx, table, id)
}

func (s *stuck) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	if err := s.wait(ctx); err != nil {
		return driver.State{}, err
	}
	return s.Driver.Load(ctx, table, id, at)
}

func (s *stuck) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	if err := s.wait(ctx); err != nil {
		return 0, err
	}
	return s.Driver.Count(ctx, table, terms)
}

func (s *stuck) Purge(ctx context.Context, table string, id ID) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Driver.Purge(ctx, table, id)
}

// unjammed yields what a driver does when it is not jammed any more.
func unjammed[T any](ctx context.Context, s *stuck, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := s.wait(ctx); err != nil {
			var none T
			yield(none, err)
			return
		}
		seq(yield)
	}
}

func (s *stuck) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return unjammed(ctx, s, s.Driver.Find(ctx, table, q))
}

func (s *stuck) Log(ctx context.Context, table string, id ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return unjammed(ctx, s, s.Driver.Log(ctx, table, id, r))
}

func (s *stuck) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return unjammed(ctx, s, s.Driver.Tables(ctx))
}

func (s *stuck) Documents(ctx context.Context, table string, after ID) iter.Seq2[driver.Entry, error] {
	return unjammed(ctx, s, s.Driver.Documents(ctx, table, after))
}

// waits is what a call may wait for: a document in memory, one that is not, one
// that is deleted, a live query, and an export of all.
type waits struct {
	*base
	stuck      *stuck
	ctx        context.Context
	cancel     func()
	answer     func()
	o          *OCard
	away, gone ID
	ref        Ref[OCard]
	live       *Live[CardQuery]
	exported   bytes.Buffer
}

// settle waits for a listener who waits until the call is over, or Close begins.
func (w *waits) settle(ctx context.Context) error {
	entered, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	defer w.o.Watch(func(*Commit) {
		close(entered)
		select {
		case <-leave:
		case <-w.stop:
		}
	})()
	go w.o.SetTitle("new")
	<-entered
	return Settle(ctx, w.o)
}

// waiting are the calls that take a context, each so that it waits.
var waiting = map[string]func(context.Context, *waits) error{
	"Create": func(ctx context.Context, w *waits) error { _, err := w.cards.Create(ctx, Card{}); return err },
	"Get":    func(ctx context.Context, w *waits) error { _, err := w.cards.Get(ctx, w.away); return err },
	"Find":   func(ctx context.Context, w *waits) error { _, err := w.cards.Find(ctx); return err },
	"Reuse": func(ctx context.Context, w *waits) error {
		_, err := w.cards.Reuse(ctx, CardWhere.Owner().Is("new"))
		return err
	},
	"Query":    func(ctx context.Context, w *waits) error { _, err := w.cards.Query(ctx); return err },
	"QueryAll": func(ctx context.Context, w *waits) error { return last(w.cards.QueryAll(ctx)) },
	"Instance": func(ctx context.Context, w *waits) error {
		_, err := w.cards.Instance(ctx, Hit[CardQuery]{ID: w.away})
		return err
	},
	"Live":          func(ctx context.Context, w *waits) error { _, err := w.cards.Live(ctx); return err },
	"Transact":      func(ctx context.Context, w *waits) error { return w.cards.Transact(ctx, w.o.ID(), change) },
	"Transact away": func(ctx context.Context, w *waits) error { return w.cards.Transact(ctx, w.away, change) },
	"At":            func(ctx context.Context, w *waits) error { _, err := w.cards.At(ctx, w.o.ID(), 1); return err },
	"AtTime": func(ctx context.Context, w *waits) error {
		_, _, err := AtTime(ctx, w.cards, w.away, time.Now())
		return err
	},
	"Diff":         func(ctx context.Context, w *waits) error { _, err := Diff(ctx, w.cards, w.o.ID(), 1, 2); return err },
	"Blame":        func(ctx context.Context, w *waits) error { _, err := Blame(ctx, w.cards, w.o.ID()); return err },
	"History":      func(ctx context.Context, w *waits) error { return last(w.o.History(ctx)) },
	"Patches":      func(ctx context.Context, w *waits) error { return last(Patches(ctx, w.cards, w.o.ID())) },
	"Count":        func(ctx context.Context, w *waits) error { _, err := Count(ctx, w.cards); return err },
	"Flush":        func(ctx context.Context, w *waits) error { w.o.SetTitle("new"); return w.o.Flush(ctx) },
	"Flush of id":  func(ctx context.Context, w *waits) error { return w.cards.Flush(ctx, w.away) },
	"Flush of all": func(ctx context.Context, w *waits) error { w.o.SetTitle("new"); return w.DB.Flush(ctx) },
	"Delete":       func(ctx context.Context, w *waits) error { return w.o.Delete(ctx) },
	"Delete away":  func(ctx context.Context, w *waits) error { return w.cards.Delete(ctx, w.away) },
	"Restore":      func(ctx context.Context, w *waits) error { _, err := w.cards.Restore(ctx, w.gone); return err },
	"Purge":        func(ctx context.Context, w *waits) error { return w.cards.Purge(ctx, w.o.ID()) },
	"Purge away":   func(ctx context.Context, w *waits) error { return w.cards.Purge(ctx, w.away) },
	"Revert":       func(ctx context.Context, w *waits) error { return w.o.Revert(ctx, 1) },
	"Undo":         func(ctx context.Context, w *waits) error { return w.o.Undo(ctx, 2) },
	"Export":       func(ctx context.Context, w *waits) error { _, err := Export(ctx, w.cards, io.Discard, nil); return err },
	"Import": func(ctx context.Context, w *waits) error {
		_, err := Import(ctx, w.cards, &w.exported, &ImportOptions{Existing: SkipExisting})
		return err
	},
	"Verify":       func(ctx context.Context, w *waits) error { return last(Verify(ctx, w.DB, nil)) },
	"Load":         func(ctx context.Context, w *waits) error { _, err := w.ref.Load(ctx, w.cards); return err },
	"Changes":      func(ctx context.Context, w *waits) error { return last(w.o.Changes(ctx)) },
	"Live Changes": func(ctx context.Context, w *waits) error { return last(w.live.Changes(ctx)) },
	"Settle":       func(ctx context.Context, w *waits) error { return w.settle(ctx) },
	"Close":        func(ctx context.Context, w *waits) error { w.o.SetTitle("new"); return w.DB.Close(ctx) },
}

func change(c *OCard) error { c.SetCount(c.Count() + 1); return nil }

// whileWaiting calls all that waits while the store answers nobody, also while
// somebody else waits for it with the same document, and then test. After that
// the store answers again.
func whileWaiting(t *testing.T, test func(t *testing.T, w *waits, result <-chan error)) {
	for name, call := range waiting {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, busy %v", name, busy), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWaits(t)
					jam := make(chan struct{})
					w.stuck.jam.Store(&jam)
					if busy {
						w.o.SetCount(2)
						go func() { _ = w.o.Flush(ctx) }()
						synctest.Wait()
					}
					w.ctx, w.cancel = context.WithCancel(ctx)
					defer w.cancel()
					result := make(chan error, 1)
					go func() { result <- call(w.ctx, w) }()
					synctest.Wait()
					if len(result) > 0 {
						t.Errorf("it did not wait, and gave %v", <-result)
					}
					w.answer = sync.OnceFunc(func() {
						w.stuck.jam.Store(nil)
						close(jam)
					})
					defer w.answer()
					test(t, w, result)
				})
			})
		}
	}
}

func newWaits(t *testing.T) *waits {
	d := &stuck{Driver: memory.Open(nil)}
	w := &waits{stuck: d, base: open(t, d, &Options{Window: time.Hour, SyncEvery: time.Hour})}
	w.o = w.create(Card{Title: "here"})
	away, gone := w.create(Card{Title: "away"}), w.create(Card{Title: "gone"})
	w.away, w.gone, w.ref = away.ID(), gone.ID(), RefTo(away)
	w.live = must(w.cards.Live(ctx))(t)
	w.o.SetCount(1)
	if err := errors.Join(gone.Delete(ctx), w.o.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	must(Export(ctx, w.cards, &w.exported, nil))(t)
	of(&away.OObject).forget()
	return w
}

// TestContextEnds ends the context of every call that waits: it returns at once,
// and when the store answers again all goes on.
func TestContextEnds(t *testing.T) {
	whileWaiting(t, func(t *testing.T, w *waits, result <-chan error) {
		w.cancel()
		synctest.Wait()
		select {
		case err := <-result:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		default:
			t.Error("it waits on")
		}
		w.answer()
		synctest.Wait()
		for _, err := range w.errs.take() {
			t.Errorf("in the background: %v", err)
		}
		w.live.Close()
	})
}

// TestCloseWaiting closes the database under every call that waits: when the
// store answers, it has done what it was called for or says that it was closed,
// and Close returns.
func TestCloseWaiting(t *testing.T) {
	whileWaiting(t, func(t *testing.T, w *waits, result <-chan error) {
		closed := make(chan error, 1)
		go func() { closed <- w.DB.Close(ctx) }()
		synctest.Wait()
		w.answer()
		if err := <-result; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}
