package drivertest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

func testOrder(s *store) {
	docs := []*doc{s.create(id(2), obj("n", int64(0))), s.create(id(1), obj("n", int64(1)))}
	for i := range 20 {
		for _, d := range docs {
			d.add(driver.KindChange, nil)
			if i%5 == 0 {
				d.add(driver.KindChange, obj("n", int64(i)))
			}
		}
	}
	for _, d := range docs {
		d.verify()
		early, late := d.next(driver.KindChange, nil), d.next(driver.KindChange, nil)
		early.Seq++
		got := wantType[*driver.SeqError](s, d.refuse(early), "a commit that leaves a gap")
		s.same(&driver.SeqError{Want: early.Seq, Have: uint64(len(d.log))}, got, "SeqError")
		late.Seq--
		wantType[*driver.SeqError](s, d.refuse(late), "a commit in the place of another")
	}
	stranger := &doc{s: s, id: id(3)}
	second := s.commit(stranger.id, 2, driver.KindChange, obj())
	got := wantType[*driver.SeqError](s, s.append(second)[0], "second commit of a document without a first")
	s.same(&driver.SeqError{Want: 2, Have: 0}, got, "SeqError")
	for _, kind := range []driver.Kind{driver.KindDelete, driver.KindRenumber, driver.KindRestore} {
		c := s.commit(stranger.id, 1, kind, nil)
		if kind == driver.KindRestore {
			c = s.commit(stranger.id, 1, kind, obj())
		}
		s.wantError(s.append(c)[0], driver.ErrNotFound, fmt.Sprintf("kind %d as the first commit", kind))
	}
	stranger.gone()
	s.found("everything", nil, docs[1], docs[0])
}

func testBatch(s *store) {
	if errs := s.append(); len(errs) != 0 {
		s.t.Fatalf("an empty batch gave %v", errs)
	}
	a, b := &doc{s: s, id: id(1)}, &doc{s: s, id: id(2)}
	take := func(d *doc, kind driver.Kind, section driver.Object) driver.Commit {
		c := d.next(kind, section)
		d.log = append(d.log, c)
		return c
	}
	gap := func(d *doc) driver.Commit {
		c := d.next(driver.KindChange, nil)
		c.Seq += 7
		return c
	}
	again := func(c driver.Commit) driver.Commit {
		other := s.commit(c.ID, c.Seq, driver.KindChange, obj("lost", true))
		return other
	}
	batch := []driver.Commit{
		take(a, driver.KindChange, obj("a", int64(1))),
		take(b, driver.KindChange, obj("b", int64(1))),
		take(a, driver.KindChange, nil),
		gap(a),
		take(b, driver.KindDelete, nil),
		take(a, driver.KindChange, obj("a", int64(2))),
	}
	batch = append(batch, again(batch[5]), take(b, driver.KindRestore, obj("b", int64(2))), s.commit(id(9), 2, driver.KindChange, nil))
	for i, err := range s.append(batch...) {
		if i == 3 || i == 6 || i == 8 {
			wantType[*driver.SeqError](s, err, fmt.Sprintf("commit %d of the batch", i))
		} else {
			s.noError(err, fmt.Sprintf("commit %d of the batch", i))
		}
	}
	a.verify()
	b.verify()
	s.found("everything", nil, a, b)

	var large []driver.Commit
	docs := make([]*doc, 300)
	for i := range docs {
		docs[i] = &doc{s: s, id: id(100 + i)}
		large = append(large, take(docs[i], driver.KindChange, obj("i", int64(i), "all", true)))
	}
	for i := range docs {
		large = append(large, take(docs[i], driver.KindChange, nil))
	}
	for i, err := range s.append(large...) {
		s.noError(err, fmt.Sprintf("commit %d of the large batch", i))
	}
	s.found("the large batch", []driver.Term{is(true, "all")}, docs...)
	docs[0].verify()
	docs[299].verify()
}

// testMalformed sends commits that no program should make. The rules are those
// of [driver.Commit.Check]; here it is asked that the driver applies them.
func testMalformed(s *store) {
	d := s.create(id(1), obj("slug", "a"))
	for name, spoil := range map[string]func(c *driver.Commit){
		"no id":                 func(c *driver.Commit) { c.ID = driver.ID{} },
		"sequence 0":            func(c *driver.Commit) { c.Seq = 0 },
		"no attempt":            func(c *driver.Commit) { c.Try = [16]byte{} },
		"no kind":               func(c *driver.Commit) { c.Kind = 0 },
		"unknown kind":          func(c *driver.Commit) { c.Kind = 77 },
		"purge":                 func(c *driver.Commit) { c.Kind = driver.KindPurge },
		"local time":            func(c *driver.Commit) { c.Time = c.Time.In(time.FixedZone("elsewhere", 3600)) },
		"author is no text":     func(c *driver.Commit) { c.By = "\xff" },
		"section is cut":        func(c *driver.Commit) { c.Section = []byte{0x81, 0xa1} },
		"section is a number":   func(c *driver.Commit) { c.Section = []byte{1} },
		"section has a float":   func(c *driver.Commit) { c.Section = []byte("\x81\xa1a\xca\x00\x00\x00\x00") },
		"held twice":            func(c *driver.Commit) { c.Held = []driver.Term{is("a", "slug"), is("a", "slug")} },
		"held descending":       func(c *driver.Commit) { c.Held = []driver.Term{is("b", "slug"), is("a", "slug")} },
		"held is not unique":    func(c *driver.Commit) { c.Held = []driver.Term{is("a", "owner")} },
		"delete that holds":     func(c *driver.Commit) { c.Kind = driver.KindDelete },
		"restore of what lives": func(c *driver.Commit) { c.Kind, c.Section = driver.KindRestore, s.section(obj("slug", "a")) },
		"void that frees":       func(c *driver.Commit) { c.Kind, c.Held = driver.KindVoid, nil },
	} {
		c := d.next(driver.KindChange, nil)
		spoil(&c)
		wantType[*driver.InvalidError](s, d.refuse(c), name)
	}
	created := s.commit(id(2), 1, driver.KindChange, nil)
	wantType[*driver.InvalidError](s, s.append(created)[0], "creation without section")
	s.found("everything", nil, d)
}

func testLostRace(s *store) {
	d := s.create(id(1), obj("n", int64(0)))
	mine, theirs := d.next(driver.KindChange, obj("n", int64(1))), d.next(driver.KindChange, obj("n", int64(2)))
	d.accept(theirs)
	lost := func(c driver.Commit, row *driver.Commit) {
		s.t.Helper()
		err := wantType[*driver.SeqError](s, d.refuse(c), "a commit that came too late")
		if err.Want != c.Seq || err.Have != uint64(len(d.log)) {
			s.t.Errorf("got %v, want version %d where the store is at %d", err, c.Seq, len(d.log))
		}
		if row == nil || err.Row == nil {
			s.t.Fatalf("the row is %v, want %v", err.Row, row)
		}
		s.sameCommits([]driver.Commit{*row}, []driver.Commit{*err.Row}, "the commit that has the sequence")
	}
	lost(mine, &theirs)
	for range 3 {
		d.add(driver.KindChange, nil)
	}
	lost(mine, &theirs)
	d.add(driver.KindDelete, nil)
	lost(mine, &theirs)
	other := s.commit(d.id, 5, driver.KindVoid, nil)
	lost(other, &d.log[4])
	s.wantError(d.refuse(d.next(driver.KindChange, nil)), driver.ErrDeleted, "a change to a deleted document")
}

func testIdempotent(s *store) {
	d := s.create(id(1), obj("slug", "a"))
	again := func(c driver.Commit, when string) {
		s.t.Helper()
		for i, err := range s.append(c, c) {
			s.noError(err, fmt.Sprintf("retry %d of commit %d %s", i, c.Seq, when))
		}
	}
	again(d.log[0], "at once")
	twice := d.next(driver.KindChange, obj("slug", "b"))
	again(twice, "within a batch")
	d.log = append(d.log, twice)
	d.verify()

	// What it took is somebody else's by now, and what it held is taken again.
	e := s.create(id(2), obj("slug", "a"))
	again(d.log[0], "whose unique value is taken since")
	d.add(driver.KindDelete, nil)
	again(twice, "of a document that is deleted since")
	again(d.log[2], "of the delete itself")
	d.add(driver.KindRestore, obj("slug", "c"))
	again(d.log[3], "of the restore")
	d.add(driver.KindVoid, nil)
	again(d.log[4], "of a void")
	for _, c := range d.log {
		again(c, "later")
	}
	d.verify()
	e.verify()
	s.found("everything", nil, d, e)

	// A commit that was refused is no commit: it may come again.
	refused := e.next(driver.KindChange, obj("slug", "c"))
	wantType[*driver.DuplicateError](s, e.refuse(refused), "a value that is taken")
	d.add(driver.KindChange, obj("slug", "d"))
	e.accept(refused)
	again(refused, "after a refusal")

	s.noError(s.d.Purge(s.ctx, table, d.id), "Purge")
	for _, c := range d.log {
		again(c, "of a document that is purged since")
	}
	d.gone()
	e.verify()
}

// testResults asks that each result stands for its own commit, whatever the
// order of documents in a batch.
func testResults(s *store) {
	random := s.random()
	docs := []*doc{s.create(id(1), obj("slug", "one")), s.create(id(2), obj("slug", "two")), s.create(id(3), obj("slug", "three"))}
	for range 30 {
		var batch []driver.Commit
		var want []bool
		for range 1 + random.IntN(8) {
			d := docs[random.IntN(len(docs))]
			good := random.IntN(3) > 0
			c := d.next(driver.KindChange, nil)
			if good {
				d.log = append(d.log, c)
			} else {
				c.Seq += uint64(2 + random.IntN(5))
			}
			batch, want = append(batch, c), append(want, good)
		}
		errs := s.append(batch...)
		got := make([]bool, len(errs))
		for i, err := range errs {
			got[i] = err == nil
			if late := (*driver.SeqError)(nil); err != nil && (!errors.As(err, &late) || late.Want != batch[i].Seq) {
				s.t.Fatalf("commit %d of the batch: %v", i, err)
			}
		}
		if !slices.Equal(got, want) {
			s.t.Fatalf("accepted %v, want %v", got, want)
		}
	}
	for _, d := range docs {
		d.verify()
	}
}
