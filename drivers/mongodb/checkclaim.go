package mongodb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// unclaimed says which value that a document holds has no claim of the document
// that counts, nothing if all have: without one another document can take it.
func (t *table) unclaimed(ctx context.Context, id driver.ID, k known) (why string, err error) {
	for _, term := range k.Held {
		c, err := t.highest(ctx, claimKey(term))
		switch {
		case err != nil:
			return "", err
		case c == nil:
			return fmt.Sprintf("it holds a value of the unique field %s, and %s has no claim of that", term.Path(), t.claims.Name()), nil
		case c.Doc != id.String():
			return fmt.Sprintf("it holds a value of the unique field %s, and by %s that is document %s's", term.Path(), t.claims.Name(), c.Doc), nil
		case c.Seq > int64(k.Seq):
			return fmt.Sprintf("it holds a value of the unique field %s, and by %s not before version %d", term.Path(), t.claims.Name(), c.Seq), nil
		}
	}
	return "", nil
}

// checkClaims checks the claims of one table. One that nobody holds is right: it
// is dead, or its commit never came and it is judged by who wants the value. It
// is wrong when one before it is missing, or when it announces a version that
// cannot come next, so that whoever wants the value waits for ever.
func (s *Store) checkClaims(ctx context.Context, t *table, found *[]driver.Damage) error {
	cursor, err := t.claims.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	var last claim
	key, next := "", uint64(0)
	wrong := func(c claim, why string) {
		if why != "" {
			id, _ := driver.ParseID(c.Doc) // zero when that is what is wrong
			*found = append(*found, driver.Damage{Table: t.schema.Table, ID: id, Seq: uint64(max(c.Seq, 0)),
				Where: fmt.Sprintf("collection %s, row %q", t.claims.Name(), c.Key), Why: why})
		}
	}
	end := func() error {
		why, err := s.checkClaim(ctx, t, last)
		wrong(last, why)
		return err
	}
	for cursor.Next(ctx) {
		var c claim
		if err := cursor.Decode(&c); err != nil {
			wrong(claim{Key: fmt.Sprint(cursor.Current.Lookup("_id"))}, "a claim cannot be read: "+err.Error())
			continue
		}
		generation, err := c.generation()
		if err != nil {
			wrong(c, "its _id has no generation")
			continue
		}
		if k, _, _ := strings.Cut(c.Key, "/"); k != key {
			if err := end(); err != nil {
				return err
			}
			key, next = k, 0
		}
		if generation != next {
			wrong(c, fmt.Sprintf("it is generation %d, and %d is missing", generation, next))
		}
		last, next = c, generation+1
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	return end()
}

// checkClaim says what is wrong with the claim of a value that counts.
func (s *Store) checkClaim(ctx context.Context, t *table, c claim) (why string, err error) {
	if c.Key == "" {
		return "", nil // there was none
	}
	id, err := driver.ParseID(c.Doc)
	if err != nil || c.Seq < 1 {
		return "it names no version of a document", nil
	}
	r, err := t.newest(ctx, id)
	if err != nil {
		return "", err
	}
	head := uint64(0)
	if r != nil {
		if head, err = r.seq(); err != nil {
			return err.Error(), nil
		}
		if key, _, _ := strings.Cut(c.Key, "/"); head < uint64(c.Seq) && slices.Contains(r.Held, key) {
			return fmt.Sprintf("it is of version %d, and version %d holds the value already", c.Seq, head), nil
		}
	}
	if uint64(c.Seq) > head+1 {
		return fmt.Sprintf("it announces version %d, and the log is at %d", c.Seq, head), nil
	}
	return "", nil
}
