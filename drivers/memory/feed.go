package memory

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/destam-go/destamgen/runtime/driver"
)

// maxEvents is how many commits a feed can go back. A reader that is further
// behind has to read the documents themselves.
const maxEvents = 1 << 16

// feed tells in which order the commits of all documents came, as far back as
// it remembers. It is guarded by the data's lock.
type feed struct {
	first  uint64 // the place of events[0]
	events []event
	moved  chan struct{} // closed, and made anew, when something came
}

// event is one commit.
type event struct {
	t   *table
	id  driver.ID
	seq uint64
}

func (f *feed) add(e event) {
	if len(f.events) >= 2*maxEvents {
		f.first += maxEvents
		f.events = append([]event(nil), f.events[maxEvents:]...)
	}
	f.events = append(f.events, e)
	f.wake()
}

func (f *feed) wake() {
	close(f.moved)
	f.moved = make(chan struct{})
}

var errToken = errors.New("not a place in this store's feed")

// Feed implements [driver.Feed]: what all yield who share the store. Without
// [Options.Shared] there is nobody to hear of, and it yields nothing. It goes
// back so far that nobody who reads on misses anything; a token from long ago
// gives [ErrForgotten].
func (s *Store) Feed(ctx context.Context, since driver.Token) iter.Seq2[driver.FeedItem, error] {
	start, err := s.place(ctx, since) // now, not when somebody begins to read
	return func(yield func(driver.FeedItem, error) bool) {
		at, err := start, err
		for err == nil {
			var (
				items []driver.FeedItem
				moved <-chan struct{}
			)
			items, at, moved, err = s.news(ctx, at)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if err == nil && moved != nil {
				select {
				case <-moved:
				case <-ctx.Done():
				}
			}
		}
		yield(driver.FeedItem{}, err)
	}
}

// place finds where a token points to.
func (s *Store) place(ctx context.Context, since driver.Token) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	end := s.feed.first + uint64(len(s.feed.events))
	if since == nil {
		return end, nil
	}
	if len(since) != 8 || binary.BigEndian.Uint64(since) > end {
		return 0, errToken
	}
	return binary.BigEndian.Uint64(since), nil
}

// news gives a page of what came after a place, and the place after that. When
// there is nothing it gives what is closed when there is.
func (s *Store) news(ctx context.Context, at uint64) (items []driver.FeedItem, next uint64, moved <-chan struct{}, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.enter(ctx); err != nil {
		return nil, at, nil, err
	}
	if at < s.feed.first {
		return nil, at, nil, ErrForgotten
	}
	events := s.feed.events[at-s.feed.first:]
	if len(events) == 0 {
		return nil, at, s.feed.moved, nil
	}
	for _, e := range events[:min(len(events), page)] {
		at++
		// Of what was purged meanwhile the purge tells, which comes later.
		if c := e.t.document(e.id).commit(e.seq); c != nil {
			items = append(items, driver.FeedItem{Commit: *c, Token: binary.BigEndian.AppendUint64(nil, at)})
		}
	}
	return items, at, nil, nil
}
