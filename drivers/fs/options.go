package fs

import (
	"fmt"
	"time"
)

// Options of a store. The zero Options are good ones.
type Options struct {
	// SegmentSize is how many bytes of the journal are in one file, once the
	// store has grown: 16 MiB if it is 0, otherwise 4 KiB to 1 GiB. The first
	// files are smaller.
	SegmentSize int

	// Keep is how long files stay in the folder that are not part of the store
	// any more, for those who are copying it: 10 minutes if it is 0, not at
	// all if it is negative. What was purged is in them.
	Keep time.Duration

	// NoMap says that files are read and not mapped into memory.
	NoMap bool
}

const (
	segmentSize  = 16 << 20
	firstSegment = 1 << 20
	leastSegment = 4 << 10
	mostSegment  = 1 << 30 // places in a segment are 32 bits

	keepFor = 10 * time.Minute
)

// sizes gives the sizes of a full-grown journal segment and of the first.
func (o *Options) sizes() (full, first int, err error) {
	full = segmentSize
	if o != nil && o.SegmentSize != 0 {
		full = o.SegmentSize
	}
	if full < leastSegment || full > mostSegment {
		return 0, 0, fmt.Errorf("Options.SegmentSize is %d, it must be %d to %d", full, leastSegment, mostSegment)
	}
	return full, min(full, firstSegment), nil
}
