package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ErrFollowed: a second loop over what [Follow] or [Lens.FollowChanges] gave.
var ErrFollowed = errors.New("the changes that follow a value are for one loop: follow it again")

// Follow gives the Snapshot of a document, of an object in it, or of an array
// or map, and the commits that lead on from there, as [OObject.Changes] does:
// between the two nothing is lost and nothing comes twice. They are for one
// loop. What is committed before it begins waits; the subscription ends with
// the loop or with ctx, so who may not come to the loop cancels ctx.
//
//	now, commits := destam.Follow(ctx, note.Tags())
//	show(now)
//	for commit, err := range commits {
//
// Inside an Update or View the loop gets [ErrInTransaction].
func Follow[P any](ctx context.Context, h interface{ Snapshot() P }) (now P, commits iter.Seq2[*Commit, error]) {
	v := followable(h)
	if t := v.o.o.Node().Type().Plain(); v.f < 0 && t != reflect.TypeFor[P]() {
		panic(fmt.Sprintf("destam: Follow of a %T whose Snapshot is not ours: it gives a %T, not a %s", h, now, t))
	}
	r := beginFollowing(ctx, v, nil, func(n *doc.Node) {
		if v.f < 0 {
			n.Snapshot(unsafe.Pointer(&now))
		} else {
			n.SnapshotList(v.f, unsafe.Pointer(&now))
		}
	})
	return now, func(yield func(*Commit, error) bool) {
		r.loop(publicly(yield))
	}
}

// followable gives the array or map that v is a view of, or with a field of -1
// the object that it is a handle of.
func followable(v any) list {
	if h, ok := v.(Handle); ok {
		return list{(*OObject)(unsafe.Pointer(given(h))), -1}
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Struct || t.NumField() != 1 || t.Field(0).Type != reflect.TypeFor[list]() {
		panic(fmt.Sprintf("destam: Follow of a %T, which is neither a handle nor an array or map of a document", v))
	}
	p := reflect.New(t)
	p.Elem().Set(reflect.ValueOf(v))
	return *(*list)(p.UnsafePointer())
}

// FollowChanges gives the value, as Get does, and the changes that lead on
// from there, as Changes does: between the two nothing is lost and nothing
// comes twice. They are for one loop. What changes before it begins waits; the
// subscription ends with the loop or with ctx, so who may not come to the loop
// cancels ctx. Follow is the same for a function.
//
//go:noinline
func (l *Lens[T]) FollowChanges(ctx context.Context) (v T, ok bool, changes iter.Seq2[Change[T], error]) {
	r := beginFollowing(ctx, list{l.o, -1}, l.l, func(n *doc.Node) {
		for p := range l.l.Values(n) {
			v, ok = l.copied(p), true
			break
		}
	})
	return v, ok, func(yield func(Change[T], error) bool) {
		r.loop(func(c *doc.Commit, err error) bool {
			if err != nil {
				return yield(Change[T]{}, err)
			}
			return l.changes(c, func(x Change[T]) bool { return yield(x, nil) })
		})
	}
}

// following is a subscription from a value on, for one loop.
type following struct {
	ctx   context.Context
	r     *doc.Reader // nil in a transaction
	begun atomic.Bool
	keep  func() bool // the end of ctx ends r no more
}

// beginFollowing calls now and begins to read what comes after it, of a lens or
// without one of what v is, in one step.
func beginFollowing(ctx context.Context, v list, l *doc.Lens, now func(*doc.Node)) *following {
	f := &following{ctx: ctx}
	v.o.o.Read()
	now(v.o.o.Node())
	if v.o.o.Tx() == nil {
		f.r = v.o.o.Node().NewReaderLocked(v.f, l)
	}
	v.o.o.Done()
	if f.r != nil {
		f.keep = context.AfterFunc(ctx, f.r.Close)
	}
	return f
}

func (f *following) loop(yield func(*doc.Commit, error) bool) {
	switch {
	case f.r == nil:
		yield(nil, ErrInTransaction)
	case f.begun.Swap(true):
		yield(nil, ErrFollowed)
	default:
		defer f.r.Close()
		defer f.keep()
		readAll(f.ctx, f.r, yield)
	}
}
