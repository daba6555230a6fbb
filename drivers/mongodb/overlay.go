package mongodb

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// overlay holds the documents whose row in the table's collection is not known
// to be up to date. Queries ask it first.
type overlay struct {
	mu    sync.Mutex
	docs  map[driver.Doc]*shown
	wake  chan struct{} // has room for one: there is something to project
	empty chan struct{} // closed when the overlay is empty; nil while nobody waits
}

// shown is what queries shall see of a document. It never changes.
type shown struct {
	known
	terms []driver.Term // of the section, ascending; none when it is not alive
	fresh bool          // this process made the document, and nobody may have projected it
}

func (o *overlay) init() {
	o.docs = make(map[driver.Doc]*shown)
	o.wake = make(chan struct{}, 1)
}

// add notes what is to be shown of a document from now on. It keeps copies.
func (o *overlay) add(doc driver.Doc, k known) error {
	k.section, k.Held = bytes.Clone(k.section), slices.Clone(k.Held)
	v := &shown{known: k, fresh: k.Seq == 1}
	if k.Life == driver.Alive {
		section, err := driver.DecodeValue(k.section)
		if err != nil {
			return err
		}
		v.terms = driver.Terms(section)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.docs[doc]
	if old == nil || old.Seq < k.Seq {
		v.fresh = v.fresh || old != nil && old.fresh
		o.docs[doc] = v
	}
	o.rouse()
	return nil
}

func (o *overlay) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.docs)
}

// rouse wakes the projector.
func (o *overlay) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// confirm forgets a document, unless it has changed since.
func (o *overlay) confirm(doc driver.Doc, v *shown) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.docs[doc] != v {
		return
	}
	delete(o.docs, doc)
	if len(o.docs) == 0 && o.empty != nil {
		close(o.empty)
		o.empty = nil
	}
}

// waiting gives all that is to be projected.
func (o *overlay) waiting() map[driver.Doc]*shown {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[driver.Doc]*shown, len(o.docs))
	for doc, v := range o.docs {
		all[doc] = v
	}
	return all
}

// drained waits until everything is projected.
func (o *overlay) drained(ctx context.Context) error {
	o.mu.Lock()
	if len(o.docs) == 0 {
		o.mu.Unlock()
		return nil
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// of gives the ids of a table that the collection is not to be asked about, and
// the heads of those that have the terms, ascending.
func (o *overlay) of(table string, terms []driver.Term, after driver.ID) (masked []string, heads []driver.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	masked = []string{}
	for doc, v := range o.docs {
		if doc.Table != table || doc.ID.Compare(after) <= 0 {
			continue
		}
		masked = append(masked, doc.ID.String())
		if v.Life == driver.Alive && v.has(terms) {
			heads = append(heads, v.head(doc.ID))
		}
	}
	slices.SortFunc(heads, func(a, b driver.Head) int { return a.ID.Compare(b.ID) })
	return masked, heads
}

func (v *shown) has(terms []driver.Term) bool {
	for _, term := range terms {
		if _, ok := slices.BinarySearch(v.terms, term); !ok {
			return false
		}
	}
	return true
}

// cloneHead copies what a caller may keep and write to.
func cloneHead(h driver.Head) driver.Head {
	h.Section, h.Held = bytes.Clone(h.Section), slices.Clone(h.Held)
	return h
}
