package main

import (
	"errors"

	"github.com/dgraph-io/badger/v4"
)

type badgerStore struct{ db *badger.DB }

func openBadger(dir string) (store, error) {
	db, err := badger.Open(badger.DefaultOptions(dir).
		WithSyncWrites(true).WithValueLogFileSize(128 << 20).WithLogger(nil).WithBlockCacheSize(64 << 20).WithNumVersionsToKeep(1))
	if err != nil {
		return nil, err
	}
	return badgerStore{db}, nil
}

func (s badgerStore) Append(r record) error { return s.AppendAll([]record{r}) }

func (s badgerStore) Begin(rs []record) error { return s.AppendAll(rs) }

func (s badgerStore) AppendAll(rs []record) error {
	return s.db.Update(func(tx *badger.Txn) error {
		for _, r := range rs {
			if err := tx.Set(recordKey(r.doc, r.seq), r.body); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s badgerStore) Load(doc uint64, fn func([]byte)) (n int, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix = recordPrefix(doc)
		it := tx.NewIterator(o)
		defer it.Close()
		for it.Seek(o.Prefix); it.ValidForPrefix(o.Prefix); it.Next() {
			n++
			if err := it.Item().Value(func(v []byte) error { fn(v); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (s badgerStore) Put(ds []found) error {
	return s.db.Update(func(tx *badger.Txn) error {
		for _, d := range ds {
			err := errors.Join(
				tx.Set(recordKey(d.doc, 1), d.body), tx.Set(sectionKey(d.doc), d.section()),
				tx.Set(indexKey("slug", d.slug, d.doc), nil), tx.Set(indexKey("owner", d.owner, d.doc), nil))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s badgerStore) Find(field, value string, fn func([]byte)) (n int, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix, o.PrefetchValues = indexPrefix(field, value), false
		it := tx.NewIterator(o)
		defer it.Close()
		for it.Seek(o.Prefix); it.ValidForPrefix(o.Prefix); it.Next() {
			item, err := tx.Get(sectionKey(docOf(it.Item().Key())))
			if err == nil {
				err = item.Value(func(v []byte) error { fn(v); return nil })
			}
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

func (s badgerStore) Close() error { return s.db.Close() }
