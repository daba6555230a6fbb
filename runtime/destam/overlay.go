package destam

import (
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// overlay has the query sections of a table that the store has not, or has
// older: queries see them at once. There are as many as documents were changed
// in the last moments, so a query looks at each.
//
// Its lock is a leaf.
type overlay struct {
	mu   sync.RWMutex
	docs map[ID]*unstored // guarded by mu; the values do not change
}

// unstored is one section.
type unstored struct {
	section []byte
	decode  sync.Once // by the first query: a setter has no time for it
	value   driver.Value
}

func (u *unstored) decoded() driver.Value {
	u.decode.Do(func() {
		// A section that does not decode will be refused when it is sealed;
		// until then no query finds it.
		u.value, _ = driver.DecodeValue(u.section)
	})
	return u.value
}

// put makes section the newest of a document.
func (o *overlay) put(id ID, section []byte) {
	o.mu.Lock()
	if o.docs == nil {
		o.docs = make(map[ID]*unstored)
	}
	o.docs[id] = &unstored{section: section}
	o.mu.Unlock()
}

// remove forgets a document: the store has what it shows.
func (o *overlay) remove(id ID) {
	o.mu.Lock()
	delete(o.docs, id)
	o.mu.Unlock()
}

func (o *overlay) empty() bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return len(o.docs) == 0
}

// hit is a document that a query found.
type hit struct {
	id      ID
	section []byte
}

// view is the overlay as one query sees it.
type view struct {
	hits []hit       // ascending
	mask map[ID]bool // documents whose section in the store is out of date
}

// view gives what a query must add to the store's answer, and which documents
// it must leave out of it. It is taken before the store is asked: what is
// stored in between is in both, and counts here.
func (o *overlay) view(c *criteria) (v view) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.docs) == 0 {
		return v
	}
	v.mask = make(map[ID]bool, len(o.docs))
	for id, u := range o.docs {
		v.mask[id] = true
		if id.Compare(c.after) > 0 && driver.Holds(c.preds, u.decoded()) {
			v.hits = append(v.hits, hit{id, u.section})
		}
	}
	slices.SortFunc(v.hits, func(a, b hit) int { return a.id.Compare(b.id) })
	return v
}

// frees tells whether a document does not show a term any more that it has in
// the store.
func (o *overlay) frees(id ID, t driver.Term) bool {
	o.mu.RLock()
	u := o.docs[id]
	o.mu.RUnlock()
	return u != nil && !slices.Contains(driver.Terms(u.decoded()), t)
}
