package destam

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// CommitOption says more about a commit: [By], [Because], [Force].
type CommitOption struct {
	by    bool
	force bool // see Force
	text  string
}

// By says who makes a commit.
func By(author string) CommitOption { return CommitOption{by: true, text: author} }

// Because says why a commit is made.
func Because(reason string) CommitOption { return CommitOption{text: reason} }

// cause puts options together.
func cause(opts []CommitOption) (c doc.Cause, err error) {
	for _, o := range opts {
		if o.force {
			continue
		}
		what, max := "reason of a commit", driver.MaxBecause
		if o.by {
			what, max = "author of a commit", driver.MaxBy
			c.By = o.text
		} else {
			c.Because = o.text
		}
		switch {
		case len(o.text) > max:
			return c, &driver.LimitError{What: what, Size: len(o.text), Max: max}
		case !utf8.ValidString(o.text):
			return c, errors.New(what + " is not valid UTF-8")
		}
	}
	return c, nil
}

// Update runs fn, a func(O) error where O is the handle that o is in, as one
// commit. It is for generated code.
//
//go:noinline
func Update(o *OObject, fn any, opts []CommitOption) error { return update(o, function(fn), opts) }

// View runs fn, as Update has it, while nobody changes the document. It is for
// generated code.
//
//go:noinline
func View(o *OObject, fn any) error { return o.o.View(function(fn)) }

// update is Update for any handle. An error of fn is given as it is.
func update(o *OObject, fn func(unsafe.Pointer) error, opts []CommitOption) error {
	l := of(o)
	c, err := cause(opts)
	if err != nil {
		return l.table.err("update", l.id, err)
	}
	nested := o.o.Tx() != nil
	if !nested && !l.table.db.room.wait(l.table.db.opts.MaxWait) {
		return l.table.err("update", l.id, ErrBusy)
	}
	failed, done := false, false
	if !nested && len(l.table.unique) > 0 {
		defer func() {
			if !done { // what it claimed came to nothing, also after a panic
				l.table.claims.restore(l.claimed.Load())
			}
		}()
	}
	p, err := o.o.Update(func(h unsafe.Pointer) error {
		err := fn(h)
		if failed = err != nil; !failed && !nested && l.table.validates {
			err = l.table.validate(l.table.plainOf(l.doc))
		}
		return err
	}, c)
	switch {
	case failed:
		return err
	case err != nil:
		return l.table.err("update", l.id, err)
	}
	done = true
	if p == nil {
		return nil
	}
	l.unchecked.remove(p) // it was checked above
	l.bytes.Add(size(p))
	l.table.db.room.add(size(p))
	if p.Section == nil {
		return nil
	}
	return l.table.err("update", l.id, l.check(p))
}

// check asks the store whether other documents, which nobody has loaded, have
// the unique values that an Update took, and takes it back then. Where other
// processes write too, the answer would be worth little: there the store
// decides when the commit reaches it.
func (l *live) check(p *doc.Pending) error {
	taken, _ := driver.Taken(l.holds(), p.Held.([]driver.Term))
	if len(taken) == 0 || l.table.db.driver.Limits().Shared {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.table.db.ctx, l.table.db.opts.MaxWait)
	defer cancel()
	dup, err := l.table.takenBy(ctx, taken, l.id)
	if err == nil && dup != nil {
		err = dup
	}
	if err == nil {
		return nil
	}
	if l.refuse(ctx, p, &Error{Op: "update", Err: errReturned}) != nil || slices.Contains(l.doc.Waiting(), p) {
		return nil // it is on its way: the store decides
	}
	if slices.Contains(l.holds(), taken[0]) {
		return nil // it has arrived
	}
	return l.table.refusal("update", l.id, err)
}
