package fs

// mutant is a bug on purpose, put in by a test to see that the crash tests
// notice. The zero mutant is the store as it is.
type mutant uint8

const (
	sound          mutant = iota
	removedEarly          // files are removed before the manifest without them is durable
	removedUnowned        // files are removed on the word of a manifest that may not be durable
	sealedBeyond          // a manifest says that one batch more is sealed than is
	sealedShort           // the same with one batch less
)
