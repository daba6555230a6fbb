package drivertest

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// scribble writes over everything that a commit refers to.
func scribble(c *driver.Commit) {
	for i := range c.Body {
		c.Body[i] = '#'
	}
	for i := range c.Section {
		c.Section[i] = '#'
	}
	for i := range c.Held {
		c.Held[i] = "scribbled"
	}
	for name, value := range c.Ext {
		for i := range value {
			value[i] = '#'
		}
		c.Ext[name+"#"] = value
	}
}

func scribbleHead(h *driver.Head) {
	scribble(&driver.Commit{Section: h.Section, Held: h.Held})
	*h = driver.Head{}
}

// copied returns a commit that shares nothing with c.
func copied(c driver.Commit) driver.Commit {
	c.Body, c.Section, c.Held = slices.Clone(c.Body), slices.Clone(c.Section), slices.Clone(c.Held)
	if c.Ext != nil {
		ext := make(map[string][]byte)
		for name, value := range c.Ext {
			ext[name] = slices.Clone(value)
		}
		c.Ext = ext
	}
	return c
}

// testOwnership writes over all that was given to the store as soon as the
// call is over, and over all that came from it. What it peeked at it keeps, and
// that may not change.
func testOwnership(s *store) {
	schema := driver.Schema{Table: "tasks", Unique: []string{"slug"}, Revision: 1}
	s.noError(s.d.Declare(s.ctx, schema), "Declare")
	schema.Unique[0] = "scribbled"
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: "tasks", Unique: []string{"slug"}, Revision: 1}), "Declare again")

	d := &doc{s: s, id: id(1)}
	var batch []driver.Commit
	for i := range 7 {
		c := d.next(driver.KindChange, obj("slug", "a", "profile", obj("email", "a@b.c"), "n", int64(i)))
		c.Ext = map[string][]byte{"x": []byte("extension")}
		d.log, batch = append(d.log, c), append(batch, copied(c))
	}
	for _, err := range s.append(batch...) {
		s.noError(err, "Append")
	}
	for i := range batch {
		scribble(&batch[i])
	}
	clear(batch)
	content := []byte("content")
	s.noError(s.d.Checkpoint(s.ctx, table, d.id, 3, content), "Checkpoint")
	clear(content)

	untouched := func() {
		s.t.Helper()
		d.verify()
		state, err := s.d.Load(s.ctx, table, d.id, 0)
		s.noError(err, "Load")
		s.same("content", string(state.Checkpoint), "checkpoint")
		s.found("the document", []driver.Term{is(int64(6), "n")}, d)
	}
	untouched()
	s.scribbleReads(d, untouched)

	terms := []driver.Term{is("a", "slug"), is(int64(6), "n")}
	heads := s.d.Find(s.ctx, table, driver.Query{Terms: terms})
	got, err := collect(s, heads)
	s.noError(err, "Find")
	s.same([]driver.Head{d.head()}, got, "Find")
	slices.Reverse(terms)
	untouched()

	peeked := s.find(driver.Query{Terms: terms, Peek: true})
	s.found("the document", nil, d)
	want := string(peeked[0].Section)
	d.add(driver.KindChange, obj("slug", "b"))
	s.found("the document", nil, d)
	d.add(driver.KindDelete, nil)
	s.noError(s.d.Purge(s.ctx, table, d.id), "Purge")
	s.create(id(2), obj("slug", "a", "profile", obj("email", "x@y.z"), "n", int64(6)))
	s.same(want, string(peeked[0].Section), "a section that was peeked at, later")
}

// scribbleReads writes over everything that reading gives.
func (s *store) scribbleReads(d *doc, untouched func()) {
	s.t.Helper()
	head, err := s.d.Head(s.ctx, table, d.id)
	s.noError(err, "Head")
	scribbleHead(&head)
	untouched()
	state, err := s.d.Load(s.ctx, table, d.id, 0)
	s.noError(err, "Load")
	clear(state.Checkpoint)
	scribbleHead(&state.Head)
	for i := range state.Commits {
		scribble(&state.Commits[i])
	}
	untouched()
	for _, backward := range []bool{false, true} {
		for c, err := range s.d.Log(s.ctx, table, d.id, driver.Range{Backward: backward}) {
			s.noError(err, "Log")
			scribble(&c)
		}
		untouched()
	}
	for h, err := range s.d.Find(s.ctx, table, driver.Query{Terms: []driver.Term{is("a", "slug")}}) {
		s.noError(err, "Find")
		scribbleHead(&h)
	}
	untouched()
	lost := s.commit(d.id, 2, driver.KindChange, nil)
	late := wantType[*driver.SeqError](s, s.append(lost)[0], "a commit that came too late")
	if late.Row == nil {
		s.t.Fatal("the error has no row")
	}
	scribble(late.Row)
	untouched()
}
