package main

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

// store is what is measured. Documents have numbers from 0 on, and their
// records sequences from 1 on, without a gap.
type store interface {
	// Begin adds the first record of documents, which is all that they have so
	// far: a checkpoint, where there is such a thing.
	Begin(rs []record) error
	// Append adds a record and returns when it is durable.
	Append(r record) error
	// AppendAll adds records of different documents, with one sync for all.
	AppendAll(rs []record) error
	// Load calls fn with every record of a document from the checkpoint on.
	Load(doc uint64, fn func([]byte)) (int, error)
	// Put adds documents with what they are found by, in one commit that
	// survives the end of the process.
	Put(ds []found) error
	// Find calls fn with the section of each document that has a value.
	Find(field, value string, fn func(section []byte)) (int, error)
	Close() error
}

// record is one change of a document.
type record struct {
	doc  uint64
	seq  uint32
	body []byte
}

// found is a document that is looked for by two fields.
type found struct {
	doc         uint64
	slug, owner string
	body        []byte
}

// section is what a peer keeps of what a document is found by: as many bytes
// as the section of fs.
func (f *found) section() []byte {
	b := make([]byte, 0, 100)
	b = append(append(b, f.slug...), f.owner...)
	return b[:100]
}

// bodies are records of 80 bytes that compress no better than real ones: names
// repeat, values do not.
var bodies = func() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([][]byte, 8192)
	for i := range all {
		b := append(make([]byte, 0, 80), "modify address city by user note title "...)
		for len(b) < 80 {
			b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
		}
		all[i] = b[:80]
	}
	return all
}()

func body() []byte { return bodies[rand.IntN(len(bodies))] }

// grouped is a group commit for stores that have none: one goroutine commits
// what all gathered while the commit before ran.
type grouped struct {
	store
	mu      sync.Mutex
	turn    *sync.Cond
	gather  []record
	ordered uint64
	done    uint64
	busy    bool
}

func newGrouped(s store) *grouped {
	g := &grouped{store: s}
	g.turn = sync.NewCond(&g.mu)
	return g
}

func (g *grouped) Append(r record) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gather = append(g.gather, r)
	g.ordered++
	mine := g.ordered
	for g.done < mine {
		if g.busy {
			g.turn.Wait()
			continue
		}
		g.busy = true
		rs, target := g.gather, g.ordered
		g.gather = nil
		g.mu.Unlock()
		err := g.AppendAll(rs)
		g.mu.Lock()
		if err != nil {
			return err
		}
		g.busy, g.done = false, target
		g.turn.Broadcast()
	}
	return nil
}

// Keys of the peers that know nothing but keys.

func recordKey(doc uint64, seq uint32) []byte {
	b := append(make([]byte, 0, 13), 'd')
	b = binary.BigEndian.AppendUint64(b, doc)
	return binary.BigEndian.AppendUint32(b, seq)
}

func recordPrefix(doc uint64) []byte { return recordKey(doc, 0)[:9] }

func sectionKey(doc uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), 'q'), doc)
}

func indexKey(field, value string, doc uint64) []byte {
	return binary.BigEndian.AppendUint64(indexPrefix(field, value), doc)
}

func indexPrefix(field, value string) []byte {
	b := append(make([]byte, 0, 32), 'i', field[0])
	return append(append(b, value...), 0)
}

// above is the first key behind all that begin with a prefix.
func above(prefix []byte) []byte {
	b := append([]byte(nil), prefix...)
	b[len(b)-1]++ // no prefix ends in 255
	return b
}

func docOf(indexKey []byte) uint64 { return binary.BigEndian.Uint64(indexKey[len(indexKey)-8:]) }
