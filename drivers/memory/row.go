package memory

import (
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// row is a stored commit in its encoded form. It never changes, so it is read
// without the store's lock.
type row []byte

// newRow encodes a commit and shares no memory with it.
func newRow(c *driver.Commit) row {
	b := drafts.Get().(*[]byte)
	*b = driver.AppendCommit((*b)[:0], c)
	r := slices.Clone(*b) // exactly as long as it is
	if cap(*b) <= mostDrafted {
		drafts.Put(b)
	}
	return r
}

// drafts are memory for commits that are being encoded, of so much each at most.
var drafts = sync.Pool{New: func() any { return new([]byte) }}

const mostDrafted = 64 << 10

// decode returns the commit in memory of its own.
func (r row) decode() driver.Commit {
	c, err := driver.DecodeCommit(r)
	if err != nil {
		r.panic(err)
	}
	return c
}

// decodeAll returns the commits of one document, which are parts of the rows.
// Rows never change, so that needs no lock.
func decodeAll(rows []row) []driver.Commit {
	var d driver.Decoder
	commits := make([]driver.Commit, len(rows))
	for i, r := range rows {
		if err := d.Decode(r, &commits[i]); err != nil {
			r.panic(err)
		}
	}
	return commits
}

// copied returns the rows of one document in memory of their own, which they
// share.
func copied(rows []row) []row {
	all, to := make([]row, len(rows)), make([]byte, 0, length(rows))
	for i, r := range rows {
		at := len(to)
		to = append(to, r...)
		all[i] = to[at:len(to):len(to)]
	}
	return all
}

// head returns what the commit says of its document; the section is a part of
// the row.
func (r row) head() driver.Head {
	h, err := driver.HeadIn(r)
	if err != nil {
		r.panic(err)
	}
	return h
}

// section is head's.
func (r row) section() []byte {
	section, err := driver.SectionIn(r)
	if err != nil {
		r.panic(err)
	}
	return section
}

// panic ends the program: the row was encoded by this process and nobody can
// have changed it.
func (r row) panic(err error) {
	panic("memory: a stored commit cannot be read: " + err.Error())
}

// length returns how many bytes there are in rows.
func length(rows []row) (bytes int) {
	for _, r := range rows {
		bytes += len(r)
	}
	return bytes
}
