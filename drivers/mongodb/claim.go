package mongodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// claim is the announcement that a commit will take a unique value: the one at
// a sequence of a document. Rows are inserted and never changed or removed; the
// one with the highest generation counts. A claim is
//
//   - pending while its document has no row at the sequence,
//   - alive while the document's newest row holds the value,
//   - dead for ever once a row at or after the sequence does not hold it.
//
// Generation n+1 is inserted only by who has seen that n is dead, and the row
// that takes a value only by who knows a claim for its document and sequence.
// So no two documents hold one value: of two claims the later one says that
// the earlier is dead, and dead claims stay dead, however old the answer is
// that somebody judged by.
type claim struct {
	Key string `bson:"_id"` // value/generation
	Doc string `bson:"d"`
	Seq int64  `bson:"s"`
}

func newClaim(key string, generation uint64, c *driver.Commit) *claim {
	return &claim{Key: fmt.Sprintf("%s/%08x", key, generation), Doc: c.ID.String(), Seq: int64(c.Seq)}
}

// generation is the one in the claim's key.
func (c *claim) generation() (uint64, error) {
	_, text, _ := strings.Cut(c.Key, "/")
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("claim %q: its _id has no generation", c.Key)
	}
	return n, nil
}

// highest reads the claim of a value that counts, nil if there is none.
func (t *table) highest(ctx context.Context, key string) (*claim, error) {
	var c claim
	from, to := keys(key)
	err := t.claims.FindOne(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: to}}}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&c)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return &c, err
}

// claimAll claims every value that the commits of a group take. Most values
// were never held before, so all first generations are tried together; the
// others one by one, in the order of their keys.
func (s *Store) claimAll(ctx context.Context, g *group) {
	type wanted struct {
		x    *send
		term driver.Term
		key  string
	}
	var all []wanted
	for _, x := range g.sends {
		for _, term := range x.taken {
			all = append(all, wanted{x, term, claimKey(term)})
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b wanted) int { return strings.Compare(a.key, b.key) })
	rows := make([]*claim, len(all))
	for i, w := range all {
		rows[i] = newClaim(w.key, 0, w.x.c)
	}
	_, err := g.table.claims.InsertMany(ctx, rows, options.InsertMany().SetOrdered(false))
	failed, certain := failures(err)
	var away error
	for i, w := range all {
		if _, bad := failed[i]; certain && !bad || w.x.done {
			continue
		}
		err := away
		if err == nil {
			err = s.claim(ctx, g.table, w.x.c, w.term, w.key)
			away = silent(err)
		}
		if err != nil {
			w.x.end(err)
		}
	}
}

// claim claims one value for a commit. An error says that the commit was not
// stored and is not on its way.
func (s *Store) claim(ctx context.Context, t *table, c *driver.Commit, term driver.Term, key string) error {
	generation, began := uint64(0), time.Now()
	for attempt := 0; ; {
		_, err := t.claims.InsertOne(ctx, newClaim(key, generation, c))
		switch {
		case err == nil:
			return nil
		case mongo.IsDuplicateKeyError(err):
			next, mine, err := s.contest(ctx, t, c, term, key)
			if err != nil || mine {
				return err
			}
			generation = next
			continue
		case refused(err), attempt+1 >= attempts, time.Since(began) > patience:
			return fmt.Errorf("claim of unique field %s: %w", term.Path(), err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		attempt++
	}
}

// contest judges the claim of a value that is there. It gives the generation
// that is free to be claimed, or says that the claim is the commit's own.
func (s *Store) contest(ctx context.Context, t *table, c *driver.Commit, term driver.Term, key string) (next uint64, mine bool, err error) {
	grace := time.Now().Add(s.opts.Grace + mrand.N(s.opts.Grace/2))
	for attempt := -1; ; attempt++ {
		if attempt >= 0 {
			if err := pause(ctx, min(attempt, 4)); err != nil {
				return 0, false, err
			}
		}
		r, err := t.highest(ctx, key)
		if err != nil || r == nil {
			return 0, false, err // none: not for all to see yet, or rolled back
		}
		if r.Doc == c.ID.String() && r.Seq == int64(c.Seq) {
			return 0, true, nil
		}
		doc, err := driver.ParseID(r.Doc)
		if err != nil {
			return 0, false, fmt.Errorf("claim %q: %w", r.Key, err)
		}
		x, err := t.newest(ctx, doc)
		if err != nil {
			return 0, false, err
		}
		var head uint64
		if x != nil {
			if head, err = x.seq(); err != nil {
				return 0, false, err
			}
		}
		claimed := uint64(r.Seq)
		switch holds := x != nil && slices.Contains(x.Held, key); {
		case head >= claimed && holds && doc != c.ID:
			return 0, false, &driver.DuplicateError{Term: term, Holder: doc}
		case doc == c.ID && (head >= claimed && holds || head >= c.Seq):
			return 0, true, s.overtaken(ctx, t, c)
		case head >= claimed:
			generation, err := r.generation()
			return generation + 1, false, err
		case head+1 == claimed && time.Now().After(grace):
			if err := s.fence(ctx, t, doc, claimed, x); err != nil {
				return 0, false, err
			}
		}
	}
}

// overtaken is the result of a commit whose document went on without it; nil if
// it is the commit that went on.
func (s *Store) overtaken(ctx context.Context, t *table, c *driver.Commit) error {
	k, err := s.look(ctx, t, c.ID)
	if err != nil {
		return err
	}
	return s.lost(ctx, t, c, k)
}

// fence fills the sequence that a claim names, so that the commit which it
// announced can never come and the claim is dead. When somebody else was
// faster, the claim is judged again.
func (s *Store) fence(ctx context.Context, t *table, doc driver.ID, seq uint64, x *row) error {
	c := driver.Commit{Table: t.schema.Table, ID: doc, Seq: seq, Kind: driver.KindVoid, Time: time.Now().UTC()}
	rand.Read(c.Try[:])
	var before known
	if x != nil {
		last, err := x.commit(driver.Doc{Table: c.Table, ID: doc})
		if err != nil {
			return err
		}
		c.Held = last.Held
		before.Standing = driver.Standing{Seq: last.Seq, Held: last.Held, Life: lifeAt(x, &last)}
		before.sectionSeq = uint64(x.Section)
	}
	_, err := t.insert(ctx, s.newRow(&c, before))
	if errors.Is(err, driver.ErrUnknown) {
		return nil // what is there decides
	}
	return err
}
