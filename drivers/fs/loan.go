package fs

import (
	"context"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// loan is memory that loads use one after the other: see [Store.Lend].
type loan struct {
	span    span
	state   driver.State
	bytes   []byte // as they were at first
	left    []byte // what is left of them, empty
	commits []driver.Commit
	given   bool // commits are in use
	large   bool // something was too large to be kept
}

// What is kept for the next load. Few documents need more, and those pay for
// what they need.
const (
	mostBytes   = 64 << 10
	mostCommits = 256
)

var loans = sync.Pool{New: func() any { return new(loan) }}

// Lend implements [driver.Lender].
func (s *Store) Lend(ctx context.Context, table string, id driver.ID, at uint64, use func(*driver.State) error) error {
	l := loans.Get().(*loan)
	p := &l.span
	p.decoder.Reset()
	*p = span{decoder: p.decoder, fronts: p.fronts[:0], loan: l}
	l.left, l.given = l.bytes[:0], false
	err := s.state(ctx, table, id, at, p, &l.state)
	if err == nil {
		err = use(&l.state)
	}
	if !l.large {
		loans.Put(l)
	}
	return err
}

// room gives memory for n bytes, empty.
func (s *span) room(n int) []byte {
	l := s.loan
	if l == nil || n > mostBytes {
		if l != nil {
			l.large = true
		}
		return make([]byte, 0, n)
	}
	if n > cap(l.left) {
		l.bytes = make([]byte, 0, min(max(n, 2*cap(l.bytes)), mostBytes))
		l.left = l.bytes
	}
	b := l.left[:0:n]
	l.left = l.left[n:cap(l.left)][:0]
	return b
}

// rows gives memory for n commits, empty.
func (s *span) rows(n int) []driver.Commit {
	l := s.loan
	if l == nil || l.given || n > mostCommits {
		if l != nil {
			l.large = true
		}
		return make([]driver.Commit, 0, n)
	}
	if l.given = true; n > cap(l.commits) {
		l.commits = make([]driver.Commit, 0, n)
	}
	return l.commits[:0:n]
}
