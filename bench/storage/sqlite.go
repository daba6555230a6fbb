package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"
)

type sqliteStore struct {
	mu     sync.Mutex // one writer at a time
	db     *sql.DB
	insert *sql.Stmt
	load   *sql.Stmt
	put    *sql.Stmt
	find   map[string]*sql.Stmt
}

// openSQLite opens SQLite by the driver of that name.
func openSQLite(driver string) func(dir string) (store, error) {
	return func(dir string) (store, error) {
		db, err := sql.Open(driver, filepath.Join(dir, "sqlite.db"))
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		for _, s := range []string{
			"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-65536", "PRAGMA mmap_size=1073741824",
			"CREATE TABLE IF NOT EXISTS records(doc INTEGER, seq INTEGER, body BLOB, PRIMARY KEY(doc, seq)) WITHOUT ROWID",
			"CREATE TABLE IF NOT EXISTS docs(doc INTEGER PRIMARY KEY, slug TEXT, owner TEXT, section BLOB)",
			"CREATE INDEX IF NOT EXISTS slugs ON docs(slug)", "CREATE INDEX IF NOT EXISTS owners ON docs(owner)",
		} {
			if _, err := db.Exec(s); err != nil {
				return nil, err
			}
		}
		s := &sqliteStore{db: db, find: make(map[string]*sql.Stmt)}
		var errs [5]error
		s.insert, errs[0] = db.Prepare("INSERT INTO records VALUES(?, ?, ?)")
		s.load, errs[1] = db.Prepare("SELECT body FROM records WHERE doc = ? ORDER BY seq")
		s.put, errs[2] = db.Prepare("INSERT INTO docs VALUES(?, ?, ?, ?)")
		s.find["slug"], errs[3] = db.Prepare("SELECT section FROM docs WHERE slug = ?")
		s.find["owner"], errs[4] = db.Prepare("SELECT section FROM docs WHERE owner = ?")
		return s, errors.Join(errs[:]...)
	}
}

func (s *sqliteStore) Append(r record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.insert.Exec(int64(r.doc), int64(r.seq), r.body)
	return err
}

func (s *sqliteStore) Begin(rs []record) error { return s.AppendAll(rs) }

// transact does something in a transaction of its own.
func (s *sqliteStore) transact(do func(tx *sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *sqliteStore) AppendAll(rs []record) error {
	return s.transact(func(tx *sql.Tx) error {
		insert := tx.Stmt(s.insert)
		for _, r := range rs {
			if _, err := insert.Exec(int64(r.doc), int64(r.seq), r.body); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *sqliteStore) Put(ds []found) error {
	return s.transact(func(tx *sql.Tx) error {
		insert, put := tx.Stmt(s.insert), tx.Stmt(s.put)
		for _, d := range ds {
			_, err := insert.Exec(int64(d.doc), 1, d.body)
			if err == nil {
				_, err = put.Exec(int64(d.doc), d.slug, d.owner, d.section())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *sqliteStore) Load(doc uint64, fn func([]byte)) (int, error) {
	return each(s.load, int64(doc), fn)
}

func (s *sqliteStore) Find(field, value string, fn func([]byte)) (int, error) {
	return each(s.find[field], value, fn)
}

// each calls fn with the only column of every row.
func each(q *sql.Stmt, arg any, fn func([]byte)) (n int, err error) {
	rows, err := q.Query(arg)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var b sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&b); err != nil {
			return n, err
		}
		fn(b)
		n++
	}
	return n, rows.Err()
}

func (s *sqliteStore) Close() error { return s.db.Close() }
