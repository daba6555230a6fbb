package drivertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
)

// testWalk walks at random through the lives of a few documents that quarrel
// about a few unique values, right and wrong commits mixed, and compares every
// result and then the store with a model.
func testWalk(s *store) {
	g := generator{s.random()}
	w := &world{s: s}
	for range 6 {
		w.active = append(w.active, w.begin())
	}
	outcomes := make(map[string]int)
	for step := range s.fewer(1500, 400) {
		place := g.IntN(len(w.active))
		i := w.active[place]
		if g.IntN(40) == 0 && w.purge(i) {
			w.active[place] = w.begin()
			continue
		}
		if g.IntN(15) == 0 {
			i = g.IntN(len(w.docs)) // a purged one, perhaps
		}
		c := w.draw(g, i)
		want := w.judge(i, c)
		got := describe(s.append(c)[0])
		if got == "accepted" && want == "accepted again" {
			continue
		}
		if got != want {
			s.t.Fatalf("step %d: commit %d, kind %d, of document %d, held %q: got %q, want %q",
				step, c.Seq, c.Kind, i+1, c.Held, got, want)
		}
		if want == "accepted" {
			w.docs[i].log = append(w.docs[i].log, c)
		}
		outcomes[strings.Split(want, " ")[0]]++
		if step%50 == 0 {
			w.verify()
		}
	}
	w.verify()
	s.t.Logf("outcomes by their first word: %v", outcomes)
}

// world is a model of a table: documents as lists of commits, and nothing kept
// that can be worked out from them.
type world struct {
	s      *store
	docs   []*doc
	purged []bool
	active []int // what the walk is about: not purged
}

// begin gives a document a place in the world.
func (w *world) begin() int {
	w.docs = append(w.docs, &doc{s: w.s, id: id(len(w.docs) + 1)})
	w.purged = append(w.purged, false)
	return len(w.docs) - 1
}

// purge purges a document if there is one.
func (w *world) purge(i int) bool {
	d := w.docs[i]
	if !w.exists(i) {
		return false
	}
	w.s.noError(w.s.d.Purge(w.s.ctx, table, d.id), "Purge")
	d.gone()
	w.purged[i] = true
	return true
}

// draw makes a commit for a document, one that may follow more often than not.
func (w *world) draw(g generator, i int) driver.Commit {
	d := w.docs[i]
	if len(d.log) > 0 && g.IntN(10) == 0 {
		return d.log[g.IntN(len(d.log))] // a retry
	}
	kinds := []driver.Kind{
		driver.KindChange, driver.KindChange, driver.KindChange, driver.KindChange,
		driver.KindDelete, driver.KindRestore, driver.KindRestore, driver.KindVoid, driver.KindRenumber,
	}
	kind := pick(g, kinds)
	if len(d.log) == 0 && g.IntN(10) > 0 {
		kind = driver.KindChange
	}
	var section driver.Object
	if kind == driver.KindRestore || kind == driver.KindChange && (len(d.log) == 0 || g.IntN(2) == 0) {
		section = obj("owner", pick(g, []driver.Value{"ann", "eve"}), "n", int64(g.IntN(3)))
		if g.IntN(3) > 0 {
			section = append(section, obj("slug", fmt.Sprint("slug ", g.IntN(4)))...)
		}
	}
	c := d.next(kind, section)
	if g.IntN(12) == 0 {
		c.Seq += uint64(1 + g.IntN(2))
	} else if g.IntN(12) == 0 && c.Seq > 1 {
		c.Seq -= uint64(1 + g.IntN(int(c.Seq)-1))
	}
	if c.Kind == driver.KindVoid && c.Seq == 1 {
		c.Held = nil
	}
	return c
}

// exists says whether a document is there, deleted or not.
func (w *world) exists(i int) bool {
	return !w.purged[i] && slices.ContainsFunc(w.docs[i].log, func(c driver.Commit) bool { return c.Kind != driver.KindVoid })
}

// judge says what becomes of a commit, by reading the rules of the contract
// from top to bottom.
func (w *world) judge(i int, c driver.Commit) string {
	d := w.docs[i]
	head := d.head()
	if c.Seq <= head.Seq && d.log[c.Seq-1].Try == c.Try {
		return "accepted again"
	}
	switch {
	case w.purged[i]:
		return "not found"
	case c.Seq != head.Seq+1:
		return fmt.Sprintf("head is %d", head.Seq)
	case c.Kind == driver.KindVoid && !slices.Equal(c.Held, head.Held):
		return "invalid"
	case c.Kind == driver.KindVoid:
		return "accepted"
	case !w.exists(i) && (c.Kind != driver.KindChange || c.Seq > 1):
		return "not found"
	case !w.exists(i) && c.Section == nil:
		return "invalid"
	case head.Deleted && c.Kind != driver.KindRestore:
		return "deleted"
	case !head.Deleted && c.Kind == driver.KindRestore:
		return "invalid"
	}
	for _, term := range c.Held {
		for j, other := range w.docs {
			if j != i && !w.purged[j] && slices.Contains(other.head().Held, term) {
				return fmt.Sprintf("duplicate of %s: %s", other.id, term)
			}
		}
	}
	return "accepted"
}

// describe puts a result into the words of the model.
func describe(err error) string {
	var (
		seq     *driver.SeqError
		taken   *driver.DuplicateError
		invalid *driver.InvalidError
	)
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &seq):
		return fmt.Sprintf("head is %d", seq.Have)
	case errors.As(err, &taken):
		return fmt.Sprintf("duplicate of %s: %s", taken.Holder, taken.Term)
	case errors.As(err, &invalid):
		return "invalid"
	case errors.Is(err, driver.ErrNotFound):
		return "not found"
	case errors.Is(err, driver.ErrDeleted):
		return "deleted"
	}
	return err.Error()
}

// verify compares the whole store with the model.
func (w *world) verify() {
	w.s.t.Helper()
	terms := map[driver.Term][]*doc{"": nil}
	var all []*doc
	for i, d := range w.docs {
		if !w.exists(i) {
			if len(d.log) > 0 {
				d.gone()
			}
			continue
		}
		d.verify()
		head := d.head()
		if head.Deleted {
			continue
		}
		all = append(all, d)
		section, err := driver.DecodeValue(head.Section)
		w.s.noError(err, "DecodeValue")
		for _, term := range driver.Terms(section) {
			terms[term] = append(terms[term], d)
		}
	}
	w.s.found("everything", nil, all...)
	for term, docs := range terms {
		w.s.found(string(term), []driver.Term{term}, docs...)
	}
}
