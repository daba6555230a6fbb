package mongodb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// A process that ends between a log row and what is derived from it leaves a
// document that no query finds as it is. So each process looks, when it declares
// a table and once a minute, whether the newest rows of the log are to be seen in the
// table's collection, and writes what is not. Up to when that was done stands
// in the database: what happened while nobody looked is not forgotten.
const (
	healEvery   = time.Minute
	healOverlap = 10 * time.Minute // for writers that are slow, or whose clock is wrong
)

// heals heals the tables until the store is closed. Close waits for it.
func (s *Store) heals() {
	timer := time.NewTicker(healEvery)
	defer timer.Stop()
	for {
		select {
		case <-s.background.Done():
			return
		case <-timer.C:
		}
		// What fails now is looked at again in a minute.
		_, _ = s.hello(s.background) // no two clocks go alike
		for _, t := range s.declaredTables() {
			_ = s.heal(s.background, t)
		}
	}
}

func (s *Store) declaredTables() []*table {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tables []*table
	for _, t := range s.tables {
		tables = append(tables, t)
	}
	return tables
}

// healed is the row of meta that says up to when a table is known to be whole.
type healed struct {
	Key  string    `bson:"_id"`
	Time time.Time `bson:"time"`
}

func healedKey(table string) string { return "healed/" + table }

// heal looks at the rows since the table was known to be whole.
func (s *Store) heal(ctx context.Context, t *table) error {
	began := s.now()
	var last healed
	meta := s.db.Collection(meta)
	err := meta.FindOne(ctx, byKey(healedKey(t.schema.Table))).Decode(&last)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	heads, err := t.changed(ctx, last.Time.Add(-healOverlap))
	if err != nil {
		return err
	}
	var ids []string
	for id := range heads {
		ids = append(ids, id)
	}
	for chunk := range slices.Chunk(ids, page) {
		if err := s.healSome(ctx, t, chunk, heads); err != nil {
			return err
		}
	}
	// What this process has not projected yet, another one shall find.
	if err := s.overlay.drained(ctx); err != nil {
		return err
	}
	_, err = meta.UpdateOne(ctx, byKey(healedKey(t.schema.Table)),
		bson.D{{Key: "$set", Value: bson.D{{Key: "time", Value: began}}}}, options.UpdateOne().SetUpsert(true))
	return err
}

// changed gives the documents that have rows since a time, and the sequences of
// the newest.
func (t *table) changed(ctx context.Context, since time.Time) (map[string]uint64, error) {
	cursor, err := t.log.Find(ctx, bson.D{{Key: "t", Value: bson.D{{Key: "$gte", Value: since}}}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	heads := make(map[string]uint64)
	for cursor.Next(ctx) {
		var r row
		if err := cursor.Decode(&r); err != nil {
			return nil, err
		}
		seq, err := r.seq()
		if err != nil {
			return nil, err
		}
		id, _, _ := strings.Cut(r.Key, "/")
		heads[id] = max(heads[id], seq)
	}
	return heads, cursor.Err()
}

// healSome shows those of some documents that are behind.
func (s *Store) healSome(ctx context.Context, t *table, ids []string, heads map[string]uint64) error {
	cursor, err := t.docs.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}},
		options.Find().SetProjection(bson.D{{Key: "head", Value: 1}}))
	if err != nil {
		return err
	}
	var rows []projection
	if err := cursor.All(ctx, &rows); err != nil {
		return err
	}
	shown := make(map[string]uint64)
	for _, r := range rows {
		shown[r.Key] = uint64(r.Head)
	}
	for _, text := range ids {
		if shown[text] >= heads[text] {
			continue
		}
		id, err := driver.ParseID(text)
		if err != nil {
			return err
		}
		k, err := s.look(ctx, t, id)
		if err != nil {
			return err
		}
		if k.Life == driver.Unborn {
			continue
		}
		if err := s.overlay.add(driver.Doc{Table: t.schema.Table, ID: id}, k); err != nil {
			return err
		}
	}
	return nil
}
