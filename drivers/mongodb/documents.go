package mongodb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Documents implements [driver.Driver]. It takes two trips for each document.
func (s *Store) Documents(ctx context.Context, table string, after driver.ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		for {
			e, ok, err := s.entry(ctx, table, after)
			if err != nil {
				yield(driver.Entry{}, err)
				return
			}
			if !ok || !yield(e, nil) {
				return
			}
			after = e.ID
		}
	}
}

// entry gives the first document after an id that the log has, if there is one.
func (s *Store) entry(ctx context.Context, table string, after driver.ID) (e driver.Entry, ok bool, err error) {
	if err := s.enter(ctx); err != nil {
		return e, false, err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return e, false, err
	}
	_, from := keys(after.String())
	var first struct {
		Key string `bson:"_id"`
	}
	err = t.log.FindOne(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: from}}}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: 1}}).SetProjection(bson.D{{Key: "_id", Value: 1}})).Decode(&first)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	text, _, _ := strings.Cut(first.Key, "/")
	if e.ID, err = driver.ParseID(text); err != nil {
		return e, false, fmt.Errorf("log row %q of table %q: %w", first.Key, table, err)
	}
	r, err := t.newest(ctx, e.ID)
	if err != nil || r == nil {
		return e, false, err
	}
	c, err := r.commit(driver.Doc{Table: table, ID: e.ID})
	e.Standing = driver.Standing{Seq: c.Seq, Held: c.Held, Life: lifeAt(r, &c)}
	return e, err == nil, err
}
