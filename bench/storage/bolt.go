package main

import (
	"bytes"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

type boltStore struct{ db *bolt.DB }

var bucket = []byte("b")

func openBolt(dir string) (store, error) {
	db, err := bolt.Open(filepath.Join(dir, "bolt.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	return boltStore{db}, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
}

func (s boltStore) Append(r record) error { return s.AppendAll([]record{r}) }

func (s boltStore) Begin(rs []record) error { return s.AppendAll(rs) }

func (s boltStore) AppendAll(rs []record) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, r := range rs {
			if err := b.Put(recordKey(r.doc, r.seq), r.body); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s boltStore) Load(doc uint64, fn func([]byte)) (n int, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		prefix := recordPrefix(doc)
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			fn(v)
			n++
		}
		return nil
	})
	return n, err
}

func (s boltStore) Put(ds []found) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, d := range ds {
			for _, kv := range [][2][]byte{
				{recordKey(d.doc, 1), d.body}, {sectionKey(d.doc), d.section()},
				{indexKey("slug", d.slug, d.doc), nil}, {indexKey("owner", d.owner, d.doc), nil},
			} {
				if err := b.Put(kv[0], kv[1]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s boltStore) Find(field, value string, fn func([]byte)) (n int, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		prefix := indexPrefix(field, value)
		b := tx.Bucket(bucket)
		c := b.Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			fn(b.Get(sectionKey(docOf(k))))
			n++
		}
		return nil
	})
	return n, err
}

func (s boltStore) Close() error { return s.db.Close() }
