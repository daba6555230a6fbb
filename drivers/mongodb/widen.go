package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/destam-go/destamgen/runtime/driver"
)

// A field becomes unique in four steps:
//
//   - the declaration that says so is inserted. From then on, who looks at the
//     newest declaration and knows an older one stores nothing more;
//   - whoever declared waits until every process has looked (its lease is
//     over). Everything that an older program was told is stored is there now;
//   - each document that has a value claims it and takes it by a void;
//   - a row says that this is done. Until then whoever declares the table does
//     it too: the first may have stopped anywhere.
//
// When two documents turn out to have one value, another declaration takes back
// the first one. Only the speed of clocks counts, and that of two processes may
// differ by a quarter. An insert that the network keeps for longer than that,
// and of which nobody has been told, may still come from an older program: what
// it shows is claimed when the document changes next.

// widenedKey is the _id of the row of meta that says that a declaration which
// makes fields unique is true of all documents.
func widenedKey(table string, n int) string { return fmt.Sprintf("unique/%s/%08x", table, n) }

// open tells whether a declaration is not true of all documents yet.
func (s *Store) open(ctx context.Context, table string, d declaration) (bool, error) {
	if !d.Widens {
		return false, nil
	}
	err := s.db.Collection(meta).FindOne(ctx, byKey(widenedKey(table, d.n))).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return true, nil
	}
	return false, err
}

// widen makes a declaration true of all documents. Others that widen do no harm.
func (s *Store) widen(ctx context.Context, t *table, d declaration) error {
	if open, err := s.open(ctx, t.schema.Table, d); err != nil || !open {
		return err
	}
	if err := s.rest(ctx, s.opts.lease+s.opts.lease/4); err != nil {
		return err
	}
	if err := s.heal(ctx, t); err != nil { // what older programs have stored last
		return err
	}
	before := s.publish(t)
	err := driver.CheckUnique(ctx, s, t.schema)
	if err == nil {
		err = driver.TakeUnique(ctx, s, t.schema)
	}
	if err == nil {
		_, err = s.db.Collection(meta).InsertOne(ctx, bson.D{{Key: "_id", Value: widenedKey(t.schema.Table, d.n)}})
		if mongo.IsDuplicateKeyError(err) {
			err = nil
		}
	}
	if err == nil {
		return nil
	}
	s.unpublish(t, before)
	var conflict *driver.SchemaError
	if errors.As(err, &conflict) {
		if e := s.abandon(ctx, t, d); e != nil {
			return e
		}
		if before != nil { // it goes on by what was declared before, at once
			_ = s.renew(ctx, before) // or when it is looked at next
		}
	}
	return err
}

// abandon takes a declaration back that cannot become true.
func (s *Store) abandon(ctx context.Context, t *table, d declaration) error {
	var before declaration
	rows := s.db.Collection(meta)
	if err := rows.FindOne(ctx, byKey(declarationKey(t.schema.Table, d.n-1))).Decode(&before); err != nil {
		return err
	}
	before.n = d.n - 1
	open, err := s.open(ctx, t.schema.Table, before)
	if err != nil {
		return err
	}
	before.Key, before.Widens = declarationKey(t.schema.Table, d.n+1), open
	_, err = rows.InsertOne(ctx, before)
	if mongo.IsDuplicateKeyError(err) {
		return nil // somebody else has
	}
	return err
}

// rest waits.
func (s *Store) rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return driver.ErrClosed
	}
}

// publish makes a table the one of its name, and gives the one before it.
func (s *Store) publish(t *table) (before *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.tables[t.schema.Table]
	s.tables[t.schema.Table] = t
	return before
}

// unpublish undoes that.
func (s *Store) unpublish(t, before *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before == nil {
		delete(s.tables, t.schema.Table)
	} else {
		s.tables[t.schema.Table] = before
	}
}
