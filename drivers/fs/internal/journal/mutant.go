package journal

// mutant is a bug on purpose, put in by a test to see that the crash tests
// notice. Bugs that can be put in from outside, into the disk or the codec, are
// in mutant_test.go; these cannot. The zero mutant is the journal as it is.
type mutant uint8

const (
	sound          mutant = iota
	ackedEarly            // who waited for somebody else's sync is not in doubt whether it was the right one
	lateTarget            // a sync vouches for what was written while it ran
	writtenOn             // a failed write does not poison
	syncedAgain           // a failed sync does not poison: the next one says yes
	rotatedEarly          // a segment is left without a sync
	tailTrusted           // a tail that nobody vouches for is served where it is
	tornAppended          // batches are appended behind a torn tail
	copiesReplayed        // batches that a later segment has are replayed twice
	copiesBegin           // a copy of what a later segment has is taken for the beginning
	tailDropped           // a tail that nobody vouches for is dropped
	tornDiscarded         // bytes behind the last batch are not set aside
)

// forgives tells whether the mutant goes on after a failed write or sync.
func (m mutant) forgives(op string) bool {
	return m == writtenOn && op == "write" || m == syncedAgain && op == "sync"
}
