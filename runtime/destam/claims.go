package destam

import (
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// claims are the unique values that the live documents of a table show, or
// are about to: what a setter is judged by before the store has heard of it.
// They are a first judgement only. The store's is the last, and knows the
// documents that nobody has loaded.
//
// Its lock is a leaf.
type claims struct {
	mu sync.Mutex
	by map[driver.Term]*claimant // guarded by mu
}

// claimant is one live document among the claims; nil is one that has claimed
// nothing. It is apart from the document, so that a cleanup can take away what a
// collected one has claimed.
type claimant struct {
	id       ID
	shown    []driver.Term // guarded by claims.mu: of the section that was shown last
	unborn   bool          // guarded by claims.mu: its first commit is on its way, and may be refused
	reserved []driver.Term // guarded by claims.mu: what the document may claim beyond these
}

// reserve lets c claim the terms, all or none. It gives who has one already, by no
// id while that may still come to nothing.
// What c claims beyond what it shows it loses with the next show or restore.
func (s *claims) reserve(c *claimant, terms []driver.Term) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range terms {
		if other := s.by[t]; other != nil && other.id != c.id {
			dup := &driver.DuplicateError{Term: t}
			if !other.unborn {
				dup.Holder = other.id
			}
			return dup
		}
	}
	for _, t := range terms {
		if s.by[t] != c {
			s.claim(c, t)
			c.reserved = append(c.reserved, t)
		}
	}
	return nil
}

func (s *claims) claim(c *claimant, t driver.Term) {
	if s.by == nil {
		s.by = make(map[driver.Term]*claimant)
	}
	s.by[t] = c
}

// show makes the terms what c claims and no others: its section has them. One
// that another document has stays with that one; the store will judge.
func (s *claims) show(c *claimant, terms []driver.Term) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.reserved = append(c.reserved, c.shown...)
	c.shown = terms
	s.settle(c)
}

// born notes that the store has c.
func (s *claims) born(c *claimant) {
	if c == nil {
		return
	}
	s.mu.Lock()
	c.unborn = false
	s.mu.Unlock()
}

// restore makes c claim what it shows: what it had reserved came to nothing.
func (s *claims) restore(c *claimant) {
	if c == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(c)
}

func (s *claims) settle(c *claimant) {
	for _, t := range c.reserved {
		if s.by[t] == c && !slices.Contains(c.shown, t) {
			delete(s.by, t)
		}
	}
	c.reserved = nil
	for _, t := range c.shown {
		if other := s.by[t]; other == nil || other.id == c.id {
			s.claim(c, t)
		}
	}
}

// drop forgets c. What a later document of the same id claims stays.
func (s *claims) drop(c *claimant) {
	if c != nil {
		s.show(c, nil)
	}
}

// shows tells whether c shows the term.
func (s *claims) shows(c *claimant, t driver.Term) bool {
	if c == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(c.shown, t)
}
