package destam

import (
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Stats is how a database is doing.
type Stats struct {
	Documents   int    // in memory
	Pinned      int    // of these, with something that is not stored yet
	Pending     int64  // bytes of Updates that wait for the store
	Live        int    // queries
	Hits        uint64 // documents that were asked for and in memory
	Loads       uint64 // documents that were loaded
	Versions    uint64 // commits that the store has accepted
	Refused     uint64 // changes that were taken back
	Checkpoints uint64 // that were written
	Folded      uint64 // times that a receiver was behind and got several commits as one
	Behind      int    // loops over Changes that have something folded before them
	Store       driver.Stats
}

// counters are what Stats counts.
type counters struct {
	loads, versions, refused, checkpoints, folded atomic.Uint64
	behind                                        atomic.Int64
}

// Stats tells how the database is doing. It is cheap, but for counting the
// documents in memory.
func (db *DB) Stats() Stats {
	s := Stats{
		Documents:   len(db.lives()),
		Pinned:      len(db.schedule.all()),
		Pending:     db.room.bytes.Load(),
		Loads:       db.counters.loads.Load(),
		Versions:    db.counters.versions.Load(),
		Refused:     db.counters.refused.Load(),
		Checkpoints: db.counters.checkpoints.Load(),
		Folded:      db.counters.folded.Load(),
		Behind:      int(db.counters.behind.Load()),
		Store:       db.driver.Stats(),
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, t := range db.tables {
		s.Live += int(t.lives.count.Load())
		s.Hits += t.cache.Hits()
	}
	return s
}
