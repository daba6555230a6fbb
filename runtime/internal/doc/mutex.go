package doc

import "github.com/destam-go/destamgen/runtime/internal/lock"

// mutex is a document's lock.
type mutex = lock.Mutex

// Peek begins to read a value without the lock; false in a transaction too, see
// [lock.Mutex.Peek].
func (o *Object) Peek() (count uint64, ok bool) {
	if o.tx != nil {
		return 0, false
	}
	return o.n.doc.mu.Peek()
}

// Peeked tells whether nobody has taken the lock since Peek.
func (o *Object) Peeked(count uint64) bool { return o.n.doc.mu.Peeked(count) }
