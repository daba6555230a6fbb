package doc

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// NewID makes the id of a node: 64 random bits of this process and a count.
// It need not tell the time, as a document's does, and is made for each
// element, so it must cost next to nothing.
func NewID() ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], process)
	binary.BigEndian.PutUint64(id[8:], count.Add(1))
	return id
}

var (
	count   atomic.Uint64
	process = func() uint64 {
		var b [8]byte
		for {
			rand.Read(b[:]) // never fails: see crypto/rand
			if [4]byte(b[:4]) != derivedMark {
				return binary.BigEndian.Uint64(b[:])
			}
		}
	}()
)
