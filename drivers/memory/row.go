package memory

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// row is a stored commit in its encoded form. It never changes, so it is read
// without the store's lock.
type row []byte

// newRow encodes a commit and shares no memory with it.
func newRow(c *driver.Commit) row {
	return slices.Clone(driver.AppendCommit(nil, c)) // exactly as long as it is
}

// decode returns the commit in memory of its own.
func (r row) decode() driver.Commit {
	c, err := driver.DecodeCommit(r)
	if err != nil {
		r.panic(err)
	}
	return c
}

// decodeAll returns the commits of one document in memory of their own, which
// they share. Rows never change, so that needs no lock.
func decodeAll(rows []row) []driver.Commit {
	var d driver.Decoder
	commits, copied := make([]driver.Commit, len(rows)), make([]byte, 0, length(rows))
	for i, r := range rows {
		at := len(copied)
		copied = append(copied, r...)
		if err := d.Decode(copied[at:len(copied):len(copied)], &commits[i]); err != nil {
			r.panic(err)
		}
	}
	return commits
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
