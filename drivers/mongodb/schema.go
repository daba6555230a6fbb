package mongodb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// meta is the collection of the format and of the tables' schemas. No table has
// its name: they begin with a letter.
const meta = "_destam"

// version is that of the rows of all collections.
const version = 1

// format writes the format's version into a new database and compares it with
// that of an old one.
func (s *Store) format(ctx context.Context) error {
	var found struct {
		Version int `bson:"version"`
	}
	rows := s.db.Collection(meta)
	err := rows.FindOne(ctx, byKey("format")).Decode(&found)
	if errors.Is(err, mongo.ErrNoDocuments) {
		_, err = rows.InsertOne(ctx, bson.D{{Key: "_id", Value: "format"}, {Key: "version", Value: version}})
		if err == nil {
			return nil
		}
		if mongo.IsDuplicateKeyError(err) {
			err = rows.FindOne(ctx, byKey("format")).Decode(&found)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("mongodb: database %q: %w", s.db.Name(), explained(err))
	case found.Version != version:
		return fmt.Errorf("mongodb: database %q: %w: it has version %d, this program knows %d: update the program", s.db.Name(), ErrFormat, found.Version, version)
	}
	return nil
}

// declaration is a row of meta: the n-th schema of a table. Rows are inserted
// and never changed, so two processes that declare at once cannot both win.
type declaration struct {
	Key      string   `bson:"_id"`
	Unique   []string `bson:"unique"`
	Revision int64    `bson:"revision"`
	Widens   bool     `bson:"widens,omitempty"` // fields have become unique: see [Store.widen]

	n int // 0 for none
}

func declarationKey(table string, n int) string { return fmt.Sprintf("table/%s/%08x", table, n) }

func (d *declaration) schema(table string) driver.Schema {
	return driver.Schema{Table: table, Unique: d.Unique, Revision: uint32(d.Revision)}
}

// Declare implements [driver.Driver]. A field that becomes unique takes a quarter
// of a minute, until no program that does not know of it stores anything more.
func (s *Store) Declare(ctx context.Context, schema driver.Schema) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.exit()
	if err := schema.Check(); err != nil {
		return err
	}
	t := &table{
		docs: s.db.Collection(schema.Table), log: s.db.Collection(schema.Table + ".log"),
		checkpoints: s.db.Collection(schema.Table + ".checkpoints"), claims: s.db.Collection(schema.Table + ".claims"),
		lease: &lease{},
	}
	d, err := s.declare(ctx, t, schema)
	if err != nil {
		return err
	}
	t.schema = d.schema(schema.Table)
	if err := t.index(ctx); err != nil {
		return fmt.Errorf("mongodb: table %q: indexes: %w", schema.Table, err)
	}
	if err := s.heal(ctx, t); err != nil {
		return fmt.Errorf("mongodb: table %q: %w", schema.Table, err)
	}
	if d.Widens {
		if err := s.widen(ctx, t, d); err != nil {
			return err
		}
	}
	s.publish(t)
	return nil
}

// index sees to the indexes of a table.
func (t *table) index(ctx context.Context) error {
	_, err := t.docs.Indexes().CreateMany(ctx, []mongo.IndexModel{{Keys: bson.D{{Key: "x", Value: 1}, {Key: "_id", Value: 1}}}})
	if err == nil {
		_, err = t.log.Indexes().CreateMany(ctx, []mongo.IndexModel{{Keys: bson.D{{Key: "t", Value: 1}}}})
	}
	return err
}

// declare stores a schema unless it is known, and gives the declaration that
// counts.
func (s *Store) declare(ctx context.Context, t *table, schema driver.Schema) (declaration, error) {
	for {
		began := time.Now()
		newest, err := s.declared(ctx, schema.Table)
		if err != nil {
			return newest, err
		}
		merged, open := schema, false
		if newest.n > 0 {
			widened := false
			before := newest.schema(schema.Table)
			if merged, widened, err = before.Merge(schema); err != nil {
				return newest, err
			}
			if merged.Revision == before.Revision && !widened {
				t.lease.extend(began, s.opts.lease, nil)
				return newest, nil
			}
			if open = widened; widened {
				err = s.mayWiden(ctx, t, before, merged)
			} else {
				open, err = s.open(ctx, schema.Table, newest)
			}
			if err != nil {
				return newest, err
			}
		}
		next := declaration{
			Key: declarationKey(schema.Table, newest.n+1), Unique: slices.Clone(merged.Unique), Revision: int64(merged.Revision),
			Widens: open, n: newest.n + 1,
		}
		_, err = s.db.Collection(meta).InsertOne(ctx, next)
		if !mongo.IsDuplicateKeyError(err) {
			t.lease.extend(began, s.opts.lease, nil)
			return next, err
		}
	}
}

// mayWiden looks whether fields can become unique, before anybody is kept from
// storing anything.
func (s *Store) mayWiden(ctx context.Context, t *table, before, merged driver.Schema) error {
	t.schema = before
	if err := s.heal(ctx, t); err != nil {
		return err
	}
	was := s.publish(t)
	defer s.unpublish(t, was)
	return driver.CheckUnique(ctx, s, merged)
}

// declared gives the newest declaration of a table.
func (s *Store) declared(ctx context.Context, table string) (d declaration, err error) {
	from, to := keys("table/" + table)
	err = s.db.Collection(meta).FindOne(ctx,
		bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: to}}}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return declaration{}, nil
	}
	if err != nil {
		return declaration{}, err
	}
	if _, err := fmt.Sscanf(strings.TrimPrefix(d.Key, from), "%08x", &d.n); err != nil {
		return d, fmt.Errorf("row %q of collection %s: its _id has no number", d.Key, meta)
	}
	return d, nil
}

// Tables implements [driver.Driver].
func (s *Store) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return func(yield func(driver.Schema, error) bool) {
		schemas, err := s.schemas(ctx)
		for _, schema := range schemas {
			if !yield(schema, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Schema{}, err)
		}
	}
}

// schemas gives the newest schemas of all tables, ascending by name.
func (s *Store) schemas(ctx context.Context) ([]driver.Schema, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.exit()
	from, to := keys("table")
	cursor, err := s.db.Collection(meta).Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: to}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var rows []declaration
	if err := cursor.All(ctx, &rows); err != nil {
		return nil, err
	}
	newest := make(map[string]driver.Schema) // rows of a table ascend
	for _, r := range rows {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.Key, from), "/")
		newest[name] = driver.Schema{Table: name, Unique: r.Unique, Revision: uint32(r.Revision)}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b driver.Schema) int { return strings.Compare(a.Table, b.Table) }), nil
}
