package main

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

type pebbleStore struct{ db *pebble.DB }

// silent keeps what Pebble logs out of the table.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, _ ...any) {
	panic(format)
}

func openPebble(dir string) (store, error) {
	cache := pebble.NewCache(64 << 20)
	defer cache.Unref()
	db, err := pebble.Open(dir, &pebble.Options{
		Cache: cache, MemTableSize: 16 << 20, FormatMajorVersion: pebble.FormatNewest, Logger: silent{},
	})
	if err != nil {
		return nil, err
	}
	return pebbleStore{db}, nil
}

func (s pebbleStore) Append(r record) error {
	return s.db.Set(recordKey(r.doc, r.seq), r.body, pebble.Sync)
}

func (s pebbleStore) Begin(rs []record) error { return s.AppendAll(rs) }

func (s pebbleStore) AppendAll(rs []record) error {
	b := s.db.NewBatch()
	for _, r := range rs {
		if err := b.Set(recordKey(r.doc, r.seq), r.body, nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func (s pebbleStore) Load(doc uint64, fn func([]byte)) (n int, err error) {
	prefix := recordPrefix(doc)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: recordPrefix(doc + 1)})
	if err != nil {
		return 0, err
	}
	for it.First(); it.Valid(); it.Next() {
		fn(it.Value())
		n++
	}
	return n, it.Close()
}

func (s pebbleStore) Put(ds []found) error {
	b := s.db.NewBatch()
	for _, d := range ds {
		err := errors.Join(
			b.Set(recordKey(d.doc, 1), d.body, nil), b.Set(sectionKey(d.doc), d.section(), nil),
			b.Set(indexKey("slug", d.slug, d.doc), nil, nil), b.Set(indexKey("owner", d.owner, d.doc), nil, nil))
		if err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync) // without, a process that ends loses what its log has not written yet
}

func (s pebbleStore) Find(field, value string, fn func([]byte)) (n int, err error) {
	prefix := indexPrefix(field, value)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: above(prefix)})
	if err != nil {
		return 0, err
	}
	for it.First(); it.Valid(); it.Next() {
		section, done, err := s.db.Get(sectionKey(docOf(it.Key())))
		if err != nil {
			return n, errors.Join(err, it.Close())
		}
		fn(section)
		n++
		if err := done.Close(); err != nil {
			return n, errors.Join(err, it.Close())
		}
	}
	return n, it.Close()
}

func (s pebbleStore) Close() error { return s.db.Close() }
