package mongodb

import (
	"cmp"
	"time"
)

// Options of a store. The zero Options are good ones.
type Options struct {
	// Database is the name of the database; empty for the one in the URI.
	Database string

	// Grace is how long a claim of a unique value whose commit does not come
	// is waited for before it is fenced off: 2 s if it is 0. It only decides
	// how soon, never whether a value is unique.
	Grace time.Duration

	// Poll is how often the feed asks for commits of other processes where the
	// server has no change streams: 200 ms if it is 0.
	Poll time.Duration

	lease, reconcile time.Duration // leaseTime and reconcileTime, but for tests
}

func (o *Options) filled() Options {
	var filled Options
	if o != nil {
		filled = *o
	}
	filled.Grace = cmp.Or(filled.Grace, 2*time.Second)
	filled.lease = cmp.Or(filled.lease, leaseTime)
	filled.reconcile = cmp.Or(filled.reconcile, reconcileTime)
	filled.Poll = cmp.Or(filled.Poll, 200*time.Millisecond)
	return filled
}

const (
	// largestCommit leaves room in the 16 MB that a document and a change
	// event of MongoDB may have.
	largestCommit = 8 << 20
	// partSize is how much of a checkpoint is in one row.
	partSize = 8 << 20
)
