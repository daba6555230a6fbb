package doc

// witness is told of all that is done for subscriptions. Only tests have one,
// see [Folds]: to everybody else it is a comparison with nil where a
// subscription begins or ends, and where a commit is queued or read. A value
// that is set alone does not come by here.
var witness interface {
	// begins says that s hears of what happens next. What is to be called for it
	// may be wrapped. The lock is held.
	begins(s *Subscription)
	// due says that s will be told c, unless that says nothing: then it may only
	// be needed for folding. What is shown is what c leads to, and the lock is
	// held.
	due(s *Subscription, c *Commit)
	// folded says that s will be told all in the stead of commits, as due does.
	folded(s *Subscription, commits []*Commit, all *Commit)
	// reads says that c is being given to the reader that s is. No lock is held.
	reads(s *Subscription, c *Commit)
	// stops says that s is about to stop, with the lock or without.
	stops(s *Subscription)
	// dies says that d takes no more changes. The lock is held.
	dies(d *Document)
}
