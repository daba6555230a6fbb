package mongodb

import (
	"bytes"
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// known is what is known of a document as of a sequence: a fact that no later
// row changes. It is what the next commit is judged by.
type known struct {
	driver.Standing
	section    []byte // the newest query section
	sectionSeq uint64 // of the commit that had it, 0 for none
}

// after gives what is known once a commit is stored.
func (k known) after(c *driver.Commit) known {
	next := known{Standing: k.Standing.After(c), section: k.section, sectionSeq: k.sectionSeq}
	if c.Section != nil {
		next.section, next.sectionSeq = c.Section, c.Seq
	}
	if next.Life == driver.Purged {
		next.section, next.sectionSeq = nil, 0
	}
	return next
}

// head is what is known for those who ask.
func (k known) head(id driver.ID) driver.Head {
	return driver.Head{ID: id, Seq: k.Seq, Section: k.section, Held: k.Held, Deleted: k.Life == driver.Deleted}
}

// memory keeps what is known of the documents that were last seen, so that a
// commit of one of them is a single insert. It may forget anything.
type memory struct {
	mu    sync.Mutex
	docs  map[driver.Doc]known
	bytes int // of sections
}

// memory forgets documents beyond these.
const (
	mostKnown      = 100_000
	mostKnownBytes = 64 << 20
)

func (m *memory) init() { m.docs = make(map[driver.Doc]known) }

func (m *memory) get(doc driver.Doc) (known, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.docs[doc]
	return k, ok
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.docs)
}

// put notes what is known, unless something newer is. It keeps copies.
func (m *memory) put(doc driver.Doc, k known) {
	k.section, k.Held = bytes.Clone(k.section), slices.Clone(k.Held)
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.docs[doc]
	if ok && old.Seq > k.Seq {
		return
	}
	m.bytes += len(k.section) - len(old.section)
	m.docs[doc] = k
	for other, k := range m.docs { // in no order: as good as any
		if len(m.docs) <= mostKnown && m.bytes <= mostKnownBytes {
			break
		}
		m.bytes -= len(k.section)
		delete(m.docs, other)
	}
}
