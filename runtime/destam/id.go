package destam

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// ID names a document within its table. Ids are in the order of creation.
type ID = driver.ID

// ParseID reads the text that [ID.String] gives.
func ParseID(text string) (ID, error) { return driver.ParseID(text) }

// ids makes the ids of a database's documents:
//
//	+-------------------+--------------+----------------+
//	| milliseconds (6B) | counter (4B) | random (6B)    |
//	+-------------------+--------------+----------------+
//
// Milliseconds and counter together never go back, whatever the clock does, and
// never below an id that was seen: queries give documents in the order of their
// ids, which shall be that of creation. The random part keeps processes apart
// that count in the same millisecond.
type ids struct {
	mu   sync.Mutex
	last uint64 // guarded by mu: the first 8 bytes of the largest id
	low  uint16 // guarded by mu: and the 2 after them
}

// next makes an id that is larger than all before.
func (g *ids) next() ID {
	var id ID
	rand.Read(id[10:]) // never fails: see crypto/rand
	now := uint64(time.Now().UnixMilli()) << 16
	g.mu.Lock()
	defer g.mu.Unlock()
	if now > g.last {
		g.last, g.low = now, 0
	} else if g.low++; g.low == 0 {
		g.last++ // the counter's upper half; 4 billion ids later the next millisecond
	}
	binary.BigEndian.PutUint64(id[:8], g.last)
	binary.BigEndian.PutUint16(id[8:10], g.low)
	return id
}

// seen notes an id that the store has: it may come from a clock that runs
// ahead of ours.
func (g *ids) seen(id ID) {
	high, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint16(id[8:10])
	g.mu.Lock()
	defer g.mu.Unlock()
	if high > g.last || high == g.last && low > g.low {
		g.last, g.low = high, low
	}
}
