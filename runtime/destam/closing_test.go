package destam

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
)

// TestCloseInside closes the database from everywhere that a program's own
// functions are called: it works, or says that it goes on without its caller.
// Nobody hangs, and nobody is left.
func TestCloseInside(t *testing.T) {
	const bare, self = false, true
	for _, c := range []struct {
		where string
		self  bool // it is told that it would wait for itself
		play  func(b *base, o *OCard, closes func())
	}{
		{"a listener", bare, func(_ *base, o *OCard, closes func()) {
			o.Watch(func(*Commit) { closes() })
			o.SetTitle("x")
		}},
		{"a listener of an Update", bare, func(_ *base, o *OCard, closes func()) {
			o.Watch(func(*Commit) { closes() })
			_ = o.Update(func(o *OCard) error { o.SetTitle("x"); return nil })
		}},
		{"a listener that a fresh goroutine calls", self, func(_ *base, o *OCard, closes func()) {
			n := 0
			o.Watch(func(*Commit) {
				if n++; n < 100 {
					o.SetTitle(fmt.Sprint(n))
				} else if n == 100 {
					closes()
				}
			})
			o.SetTitle("x")
		}},
		{"a listener of a live query", self, func(b *base, o *OCard, closes func()) {
			q := must(b.cards.Live(ctx))(b.t)
			q.Watch(func(LiveChange[CardQuery]) { closes() })
			o.Query().Labels().Append("x")
		}},
		{"OnError", bare, func(b *base, o *OCard, closes func()) {
			b.onError = closes
			o.Watch(func(*Commit) { panic(onPurpose) })
			o.SetTitle("x")
		}},
		{"OnError in the background", self, func(b *base, o *OCard, closes func()) {
			b.onError = closes
			q := must(b.cards.Live(ctx))(b.t)
			q.Watch(func(LiveChange[CardQuery]) { panic(onPurpose) })
			o.Query().Labels().Append("x")
		}},
		{"OnCommit", self, func(b *base, o *OCard, closes func()) {
			OnCommit(b.cards, func(*OCard, Version) { closes() })
			o.SetTitle("x")
		}},
		{"an Update", self, func(b *base, o *OCard, closes func()) {
			err := o.Update(func(o *OCard) error { o.SetTitle("x"); closes(); return nil })
			if err != nil || o.Title() != "x" {
				b.t.Errorf("the Update gives %v, the title is %q", err, o.Title())
			}
		}},
		{"a View", self, func(_ *base, o *OCard, closes func()) {
			_ = o.View(func(*OCard) error { closes(); return nil })
		}},
		{"a Transact", bare, func(b *base, o *OCard, closes func()) {
			err := b.cards.Transact(ctx, o.ID(), func(o *OCard) error { o.SetTitle("x"); closes(); return nil })
			if !errors.Is(err, ErrClosed) || o.Title() == "x" {
				b.t.Errorf("the Transact gives %v, the title is %q", err, o.Title())
			}
		}},
		{"a loop over Changes", bare, func(b *base, o *OCard, closes func()) {
			var last error
			_, changes := Follow(ctx, o)
			o.SetTitle("x")
			for _, err := range changes {
				if last = err; err == nil {
					closes()
				}
			}
			if !errors.Is(last, ErrClosed) {
				b.t.Errorf("the loop ends with %v", last)
			}
		}},
	} {
		t.Run(c.where, func(t *testing.T) {
			before := runtime.NumGoroutine()
			b := openQuietly(t, memory.Open(nil))
			o := b.create(sample())
			told := make(chan error, 1)
			var once sync.Once
			c.play(b, o, func() {
				once.Do(func() {
					limit, cancel := context.WithTimeout(ctx, 20*time.Second)
					defer cancel()
					told <- b.Close(limit)
				})
			})
			if err := <-told; c.self && !errors.Is(err, ErrSelf) || !c.self && err != nil {
				t.Errorf("Close gives %v", err)
			}
			if err := b.Close(ctx); err != nil {
				t.Errorf("to wait for it: %v", err)
			}
			if o.Pending() {
				t.Error("something was not stored")
			}
			eventually(t, "its goroutines end", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

// openQuietly opens a database that tells its errors to onError alone.
func openQuietly(t *testing.T, d *memory.Store) *base {
	b := &base{t: t}
	b.DB = must(Open(ctx, d, &Options{OnError: func(error) {
		if b.onError != nil {
			b.onError()
		}
	}}))(t)
	b.cards = CardTable(b.DB)
	return b
}

// TestStressClose lets a listener close the database while writers write: they
// get ErrClosed, nobody hangs, and everything that was there when it was said
// to be done is there when the store is opened again.
func TestStressClose(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { stressClose(t, seed) })
	}
}

func stressClose(t *testing.T, seed int) {
	const writers = 4
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	db := must(Open(ctx, must(fs.Open(dir, nil))(t), &Options{OnError: func(err error) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("reported %v", err)
		}
	}}))(t)
	none := map[string]string{}
	for w := range writers {
		none[fmt.Sprint(w)] = "0"
	}
	o := must(CardTable(db).Create(ctx, Card{Meta: none}))(t)
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var heard atomic.Int64
	o.Watch(func(*Commit) {
		if n := heard.Add(1); n == int64(300+113*seed) {
			if err := db.Close(limit); err != nil && !errors.Is(err, ErrSelf) {
				t.Errorf("the listener's Close gives %v", err)
			}
		}
	})
	var work sync.WaitGroup
	done := make([]int, writers) // of each the last that an Update returned nil for
	for w := range writers {
		work.Go(func() {
			for n := 1; ; n++ {
				err := o.Update(func(o *OCard) error {
					o.Meta().Set(fmt.Sprint(w), fmt.Sprint(n))
					return nil
				})
				switch {
				case err == nil:
					done[w] = n
				case errors.Is(err, ErrClosed):
					o.Meta().Set(fmt.Sprint(w), "too late")
					return
				default:
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	work.Wait()
	if err := db.Close(limit); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	again := must(Open(ctx, must(fs.Open(dir, nil))(t), nil))(t)
	stored := must(CardTable(again).Get(ctx, o.ID()))(t)
	for w, n := range done {
		shown, _ := o.Meta().Get(fmt.Sprint(w))
		kept, _ := stored.Meta().Get(fmt.Sprint(w))
		if want := fmt.Sprint(n); shown != want || kept != want {
			t.Errorf("writer %d was told of %d: shown %s, stored %s", w, n, shown, kept)
		}
	}
	if err := again.Close(ctx); err != nil {
		t.Error(err)
	}
}
