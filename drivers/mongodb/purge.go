package mongodb

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Purge implements [driver.Driver]. The insert of its row hides the document;
// when Purge returns nil, the rows before it are empty and the checkpoints are
// gone. A Purge that was cut off is completed by whoever looks at the document
// next. Backups and the server's own log are not in its reach; claims of unique
// values stay, they hold hashes.
func (s *Store) Purge(ctx context.Context, table string, id driver.ID) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return err
	}
	if err := s.may(ctx, t); err != nil {
		return err
	}
	c := driver.Commit{Table: table, ID: id, Kind: driver.KindPurge, Time: time.Now().UTC()}
	rand.Read(c.Try[:])
	for {
		k, err := s.look(ctx, t, id)
		if err != nil {
			return err
		}
		if k.Life == driver.Unborn || k.Life == driver.Purged {
			return driver.ErrNotFound
		}
		c.Seq = k.Seq + 1
		err = s.insert(ctx, t, &c, k)
		var lost *driver.SeqError
		if errors.As(err, &lost) {
			continue
		}
		if err != nil {
			return err
		}
		return s.empty(ctx, t, id, c.Seq)
	}
}

// empty takes everything out of the rows before a purge and removes the
// checkpoints. Whoever does it writes the same, and nobody else ever changes a
// row, so it needs no care about others.
func (s *Store) empty(ctx context.Context, t *table, id driver.ID, purge uint64) error {
	filter := append(within(id, 1, purge-1), bson.E{Key: "k", Value: bson.D{{Key: "$ne", Value: gone}}})
	cursor, err := t.log.Find(ctx, filter, options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "w", Value: 1}}))
	if err != nil {
		return err
	}
	var rows []row
	if err := cursor.All(ctx, &rows); err != nil {
		return err
	}
	for some := range slices.Chunk(rows, mostUpdated) {
		models := make([]mongo.WriteModel, len(some))
		for i, r := range some {
			models[i] = mongo.NewReplaceOneModel().SetFilter(byKey(r.Key)).
				SetReplacement(bson.D{{Key: "_id", Value: r.Key}, {Key: "k", Value: gone}, {Key: "w", Value: r.Try}})
		}
		if _, err := t.log.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false)); err != nil {
			return err
		}
	}
	return t.dropCheckpoints(ctx, id)
}
