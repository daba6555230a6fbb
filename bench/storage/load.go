package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

const (
	loadDocs   = 10_000
	loadDeltas = 20
	beginning  = 400 // bytes of a checkpoint
)

// loads measures how long it takes to load documents of a checkpoint and 20
// records that were written in turns, and how many bytes they take.
func (o *options) loads() {
	all := o.contenders("load", func(k kind) bool { return !k.raw })
	for _, c := range all {
		write(c.store)
		var ids map[uint64]driver.ID
		if t, ok := c.store.(*typedStore); ok {
			ids = t.ids
		}
		check(c.Close())
		c.note("bytes a record", float64(diskBytes(c.dir))/(loadDocs*(1+loadDeltas)))
		dropCache(c.dir)
		var err error
		c.store, err = c.open(c.dir)
		check(err)
		if t, ok := c.store.(*typedStore); ok {
			t.ids = ids
		}
		c.note("first µs", load(c, loadDocs/10))
	}
	for range o.rounds {
		for _, i := range rand.Perm(len(all)) {
			load(all[i], loadDocs/10) // for the processor's caches, which others had
			all[i].note("warm µs", load(all[i], loadDocs/10))
		}
	}
	for _, c := range all {
		check(c.Close())
	}
	table("Loading a document of a checkpoint of 400 bytes and 20 records of 80", all,
		column{"warm µs", "%.2f"}, column{"first µs", "%.1f"}, column{"bytes a record", "%.0f"})
}

// write fills a store for loads.
func write(s store) {
	for pass := range uint32(1 + loadDeltas) {
		docs := rand.Perm(loadDocs)
		for len(docs) > 0 {
			rs := make([]record, together)
			for i := range rs {
				rs[i] = record{uint64(docs[i]), pass + 1, body()}
			}
			docs = docs[together:]
			if pass > 0 {
				check(s.AppendAll(rs))
				continue
			}
			for i := range rs {
				for len(rs[i].body) < beginning {
					rs[i].body = append(rs[i].body[:len(rs[i].body):len(rs[i].body)], body()...)
				}
			}
			check(s.Begin(rs))
		}
	}
}

// load loads some documents and gives how many microseconds each took.
func load(c *contender, n int) float64 {
	if t, ok := c.store.(*typedStore); ok {
		t.letGo()
	}
	sum := 0
	docs := rand.Perm(loadDocs)[:n]
	start := time.Now()
	for _, doc := range docs {
		records, err := c.Load(uint64(doc), func(b []byte) { sum += len(b) })
		check(err)
		if records != 1+loadDeltas {
			check(fmt.Errorf("%s has %d records of document %d", c.name, records, doc))
		}
	}
	return float64(time.Since(start).Nanoseconds()) / 1000 / float64(n)
}

// diskBytes is how much a folder takes on disk.
func diskBytes(dir string) (n int64) {
	check(filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += allocated(info)
		}
		return err
	}))
	return n
}
