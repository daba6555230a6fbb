package destam

import (
	"context"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Undo remembers what was done to an object and everything below it, so that
// it can be taken back step by step and done again. A step is a commit: a
// setter, or an Update. It takes back what its author did and leaves alone
// what others have changed since, slot by slot. The document stays in memory
// until Stop.
type Undo struct {
	l      *live
	u      *doc.Undo
	author string
}

// UndoOptions say what an [Undo] remembers; nil and the zero UndoOptions are
// good ones.
type UndoOptions struct {
	// Author is whose commits it remembers: those made with By(Author). Empty
	// means everything that this process does.
	Author string
	// Steps is how many it remembers at most: 100 if zero. The oldest go first.
	Steps int
}

// NewUndo begins to remember what happens to h, which may be a whole document
// or a part of it, from the next commit on.
func NewUndo(h Handle, opts *UndoOptions) *Undo {
	if opts == nil {
		opts = &UndoOptions{}
	}
	n := given(h).Node()
	return &Undo{n.Document().Host().(*live), n.NewUndo(opts.Author, or(opts.Steps, 100)), opts.Author}
}

// Stop ends it: nothing is left to be taken back.
func (u *Undo) Stop() { u.u.Stop() }

// Steps says how many steps can be taken back, and how many can be done again.
func (u *Undo) Steps() (undo, redo int) { return u.u.Steps() }

// Undo takes the newest step back, as a commit of the same author unless
// By says another; ok is false
// when there is none. Skipped are the changes of the step that others have
// changed since, and that stay. It waits until listeners have heard of what was
// done before, so it must not be called by one.
func (u *Undo) Undo(ctx context.Context, opts ...CommitOption) (ok bool, skipped []Delta, err error) {
	return u.step(ctx, "undo", u.u.Back, opts)
}

// Redo does the step again that was taken back last. A new commit of the
// author ends what can be done again.
func (u *Undo) Redo(ctx context.Context, opts ...CommitOption) (ok bool, skipped []Delta, err error) {
	return u.step(ctx, "redo", u.u.Again, opts)
}

func (u *Undo) step(ctx context.Context, op string, step func(context.Context, doc.Cause) (bool, []doc.Delta, error),
	opts []CommitOption,
) (ok bool, skipped []Delta, err error) {
	c, err := cause(opts)
	var left []doc.Delta
	if err == nil {
		c.By = or(c.By, u.author)
		ok, left, err = step(ctx, c)
	}
	for i := range left {
		skipped = append(skipped, Delta{x: &left[i].Head})
	}
	return ok, skipped, u.l.table.err(op, u.l.id, err)
}
