package destam

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/driver"
)

// overlay has the query sections of a table that the store has not, or has
// older: queries see them at once. Setters only leave a section here; the next
// query indexes what is new by its terms, once, so that a query costs by what
// it finds and not by how much was changed in the last moments.
//
// Its lock is a leaf.
type overlay struct {
	mu     sync.Mutex
	docs   map[ID]*unstored                 // guarded by mu, as the values
	fresh  []*unstored                      // guarded by mu: not indexed yet
	byTerm map[driver.Term]map[ID]*unstored // guarded by mu
	views  int                              // guarded by mu: queries that are running
	left   map[ID]*unstored                 // guarded by mu: removed while queries run, for those

	used atomic.Bool // there is something in docs or left
}

// unstored is one section.
type unstored struct {
	id      ID
	section []byte
	value   driver.Value  // once it is decoded
	terms   []driver.Term // likewise
	decoded bool
	over    bool // it has been replaced or removed
}

// put makes section the newest of a document.
func (o *overlay) put(id ID, section []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.docs == nil {
		o.docs = make(map[ID]*unstored)
	}
	o.drop(o.docs[id])
	u := &unstored{id: id, section: section}
	o.docs[id] = u
	if len(o.fresh) > 2*len(o.docs)+16 { // nobody asks: what was replaced need not wait
		o.fresh = slices.DeleteFunc(o.fresh, func(u *unstored) bool { return u.over })
	}
	o.fresh = append(o.fresh, u)
	o.used.Store(true)
}

// remove forgets a document: the store has what it shows.
func (o *overlay) remove(id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.docs[id]
	if u == nil {
		return
	}
	o.drop(u)
	delete(o.docs, id)
	if o.views > 0 {
		if o.left == nil {
			o.left = make(map[ID]*unstored)
		}
		o.left[id] = u
	}
	if len(o.docs) == 0 {
		o.fresh = nil
	}
	o.used.Store(len(o.docs) > 0 || len(o.left) > 0)
}

// drop takes a section out of the index.
func (o *overlay) drop(u *unstored) {
	if u == nil {
		return
	}
	u.over = true
	for _, t := range u.terms {
		if delete(o.byTerm[t], u.id); len(o.byTerm[t]) == 0 {
			delete(o.byTerm, t)
		}
	}
}

// index indexes what is new; mu is held.
func (o *overlay) index() {
	for _, u := range o.fresh {
		if u.over {
			continue
		}
		u.decode()
		if o.byTerm == nil {
			o.byTerm = make(map[driver.Term]map[ID]*unstored)
		}
		for _, t := range u.terms {
			if o.byTerm[t] == nil {
				o.byTerm[t] = make(map[ID]*unstored)
			}
			o.byTerm[t][u.id] = u
		}
	}
	o.fresh = nil
}

func (u *unstored) decode() {
	if u.decoded {
		return
	}
	u.decoded = true
	// A section that does not decode will be refused when it is sealed; until
	// then no query finds it.
	u.value, _ = driver.DecodeValue(u.section)
	u.terms = driver.Terms(u.value)
}

func (o *overlay) empty() bool { return !o.used.Load() }

// hit is a document that a query found.
type hit struct {
	id      ID
	section []byte
}

// view is the overlay as one query sees it. The query ends it.
type view struct {
	o     *overlay
	noted bool  // what is removed meanwhile is left for it
	hits  []hit // that the query must add to the store's answer, ascending
}

// view gives what a query must add to the store's answer. Terms are those that
// all that it finds must have. It is taken before the store is asked: what is
// stored in between is in both, and counts here.
//
// When there is nothing in the overlay, the store has all that was changed
// before the query began, and nothing need be left for it.
func (o *overlay) view(c *criteria, terms []driver.Term) view {
	v := view{o: o}
	if o.empty() {
		return v
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.views++
	v.noted = true
	if len(o.docs) == 0 {
		return v
	}
	o.index()
	among := o.docs
	for i, t := range terms {
		if with := o.byTerm[t]; i == 0 || len(with) < len(among) {
			among = with
		}
	}
	for _, u := range among {
		if c.finds(u) {
			v.hits = append(v.hits, hit{u.id, u.section})
		}
	}
	slices.SortFunc(v.hits, func(a, b hit) int { return a.id.Compare(b.id) })
	return v
}

// finds tells whether a query finds a section, which is decoded.
func (c *criteria) finds(u *unstored) bool {
	return u.id.Compare(c.after) > 0 && driver.Holds(c.preds, u.value)
}

// end says that the query is over.
func (v *view) end() {
	if !v.noted {
		return
	}
	o := v.o
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.views--; o.views == 0 && o.left != nil {
		o.left = nil
		o.used.Store(len(o.docs) > 0)
	}
}

// instead tells whether what the store says of a document is out of date. Then
// its section counts that is here, which is given if the query finds that and
// did not have it from the beginning.
func (v *view) instead(c *criteria, id ID) (section []byte, masked bool) {
	o := v.o
	if !o.used.Load() {
		return nil, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.docs[id]
	if u == nil {
		u = o.left[id]
	}
	if u == nil {
		return nil, false
	}
	_, had := slices.BinarySearchFunc(v.hits, id, func(h hit, id ID) int { return h.id.Compare(id) })
	if u.decode(); !had && c.finds(u) {
		return u.section, true
	}
	return nil, true
}

// frees tells whether a document does not show a term any more that it has in
// the store.
func (o *overlay) frees(id ID, t driver.Term) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.docs[id]
	if u == nil {
		return false
	}
	u.decode()
	return !slices.Contains(u.terms, t)
}
