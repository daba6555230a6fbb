package drivertest

import (
	"context"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// feed gives the feed of a store with other writers, nil of another.
func (s *store) feed() driver.Feed {
	f, ok := s.d.(driver.Feed)
	if !ok || !s.d.Limits().Shared {
		return nil
	}
	return f
}

// listen calls do and reads a feed that was begun before, until it has told of
// the last commit of every document that do returns.
func (s *store) listen(f driver.Feed, do func() []*doc) (items []driver.FeedItem) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	feed := f.Feed(ctx, nil)
	wanted := map[driver.ID]uint64{}
	for _, d := range do() {
		wanted[d.id] = uint64(len(d.log))
	}
	s.within("Feed", func() {
		for item, err := range feed {
			s.noError(err, "Feed")
			items = append(items, item)
			if c := item.Commit; c.Seq == wanted[c.ID] {
				delete(wanted, c.ID)
			}
			if len(wanted) == 0 {
				break
			}
		}
	})
	return items
}

// told gives the commits of one document among the items, each once, and fails
// unless they came in order: after the n-th, the one that follows it or one
// that came before.
func (s *store) told(items []driver.FeedItem, id driver.ID) (commits []driver.Commit) {
	s.t.Helper()
	for _, item := range items {
		c := item.Commit
		if c.ID != id {
			continue
		}
		last := uint64(0)
		if len(commits) > 0 {
			last = commits[len(commits)-1].Seq
		}
		switch {
		case c.Seq > last:
			commits = append(commits, c)
		case !slices.ContainsFunc(commits, func(x driver.Commit) bool { return x.Seq == c.Seq }):
			s.t.Fatalf("commit %d came after %d", c.Seq, last)
		}
	}
	return commits
}

// testFeed demands that every commit of every kind is told, to the last detail
// and in the order of its document, and what was refused is not.
func testFeed(s *store) {
	f := s.feed()
	if f == nil {
		return
	}
	var docs []*doc
	items := s.listen(f, func() []*doc {
		for i := range 20 {
			docs = append(docs, s.create(id(i+1), obj("slug", string(rune('a'+i)))))
		}
		for round := range s.fewer(5, 2) {
			for i, d := range docs {
				d.add(driver.KindChange, nil)
				if i == round {
					d.add(driver.KindDelete, nil)
					d.add(driver.KindRestore, obj("slug", string(rune('A'+i))))
				}
				late := d.next(driver.KindChange, nil)
				late.Seq--
				s.append(late)
				s.append(d.log[len(d.log)-1]) // a retry
			}
		}
		s.noError(s.d.Purge(s.ctx, table, docs[19].id), "Purge")
		docs[19].log = append(docs[19].log, s.log(docs[19].id, driver.Range{})...)
		return docs
	})
	for _, d := range docs[:19] {
		s.sameCommits(d.log, s.told(items, d.id), "Feed")
	}
	purged := s.told(items, docs[19].id)
	s.same(driver.KindPurge, purged[len(purged)-1].Kind, "the last of a purged document")
}

// testFeedResumed reads on from the place after each item: nothing is missed.
func testFeedResumed(s *store) {
	f := s.feed()
	if f == nil {
		return
	}
	var d *doc
	items := s.listen(f, func() []*doc {
		d = s.create(id(1), obj("slug", "a"))
		for range 8 {
			d.add(driver.KindChange, nil)
		}
		return []*doc{d}
	})
	for i := 0; i < len(items)-1; i++ {
		ctx, stop := context.WithCancel(s.ctx)
		want := items[len(items)-1].Commit.Seq
		var got []driver.FeedItem
		s.within("Feed from a token", func() {
			for item, err := range f.Feed(ctx, items[i].Token) {
				s.noError(err, "Feed from a token")
				if got = append(got, item); item.Commit.ID == d.id && item.Commit.Seq == want {
					break
				}
			}
		})
		stop()
		commits := s.told(got, d.id)
		after := slices.IndexFunc(commits, func(c driver.Commit) bool { return c.Seq == items[i].Commit.Seq+1 })
		if after < 0 {
			s.t.Fatalf("after commit %d: commit %d is missed", items[i].Commit.Seq, items[i].Commit.Seq+1)
		}
		s.sameCommits(d.log[items[i].Commit.Seq:], commits[after:], "Feed from a token")
	}
}

// testFeedEnds ends feeds that wait, with their context and with the store.
func testFeedEnds(s *store) {
	f := s.feed()
	if f == nil {
		return
	}
	for _, test := range []struct {
		name string
		end  func(stop context.CancelFunc)
		want error
	}{
		{"its context", func(stop context.CancelFunc) { stop() }, context.Canceled},
		{"the store", func(context.CancelFunc) { s.noError(s.d.Close(s.ctx), "Close") }, driver.ErrClosed},
	} {
		ctx, stop := context.WithCancel(s.ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := collect(s, f.Feed(ctx, nil))
			ended <- err
		}()
		test.end(stop)
		s.within("the end of a feed with "+test.name, func() { s.wantError(<-ended, test.want, "a feed that ends with "+test.name) })
		stop()
	}
}
