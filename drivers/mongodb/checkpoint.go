package mongodb

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// checkpointRow is the content of a document as of a sequence, and what is known
// of it there. Rows are inserted and removed, never changed. Content that does
// not fit stands in rows of its own, which are there before it.
type checkpointRow struct {
	Key        string      `bson:"_id"` // document/sequence
	Content    bson.Binary `bson:"b"`
	Parts      int         `bson:"n,omitempty"` // of the content, when it is in rows of its own
	Section    bson.Binary `bson:"s"`
	SectionSeq int64       `bson:"p"`
	Held       []string    `bson:"h,omitempty"` // terms
	Life       string      `bson:"l,omitempty"`
}

// part is a piece of a checkpoint.
type part struct {
	Key     string      `bson:"_id"`
	Content bson.Binary `bson:"b"`
}

// partKey is outside of what [keys] gives for the document: "." is before "/".
func partKey(id driver.ID, seq uint64, i int) string { return fmt.Sprintf("%s.%016x/%04x", id, seq, i) }

// checkpoint is a loaded checkpoint; the zero one is the beginning.
type checkpoint struct {
	known
	content []byte
}

// checkpoint reads the newest checkpoint of a document up to a sequence.
func (t *table) checkpoint(ctx context.Context, id driver.ID, last uint64) (cp checkpoint, err error) {
	for {
		var r checkpointRow
		err := t.checkpoints.FindOne(ctx, within(id, 1, last), options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&r)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return checkpoint{}, nil
		}
		if err != nil {
			return checkpoint{}, err
		}
		seq, err := (&row{Key: r.Key}).seq()
		if err != nil {
			return checkpoint{}, err
		}
		cp, complete, err := t.assemble(ctx, id, seq, &r)
		if err != nil || complete {
			return cp, err
		}
		if seq == 1 {
			return checkpoint{}, nil
		}
		last = seq - 1
	}
}

// assemble makes a checkpoint of its rows. It is not complete when somebody
// removes it.
func (t *table) assemble(ctx context.Context, id driver.ID, seq uint64, r *checkpointRow) (cp checkpoint, complete bool, err error) {
	cp.content = r.Content.Data
	for i := range r.Parts {
		var p part
		err := t.checkpoints.FindOne(ctx, byKey(partKey(id, seq, i))).Decode(&p)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return checkpoint{}, false, nil
		}
		if err != nil {
			return checkpoint{}, false, err
		}
		cp.content = append(cp.content, p.Content.Data...)
	}
	if cp.content == nil {
		cp.content = []byte{}
	}
	cp.Seq, cp.Life, cp.section, cp.sectionSeq = seq, driver.Alive, r.Section.Data, uint64(r.SectionSeq)
	for _, term := range r.Held {
		cp.Held = append(cp.Held, driver.Term(term))
	}
	if r.Life == deleted {
		cp.Life = driver.Deleted
	}
	return cp, true, nil
}

// Checkpoint implements [driver.Driver].
func (s *Store) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return err
	}
	k, err := s.asOf(ctx, t, id, seq)
	if err != nil || k.Life == driver.Unborn || k.Life == driver.Purged {
		return err
	}
	if err := t.insertCheckpoint(ctx, id, seq, k, content); err != nil {
		return err
	}
	// A purge that came in between has removed the checkpoints that it saw.
	r, err := t.newest(ctx, id)
	if err == nil && r != nil && r.Kind == kinds[driver.KindPurge] {
		err = t.dropCheckpoints(ctx, id)
	}
	return err
}

// asOf gives what is known of a document as of a sequence; Unborn if there is
// no such row.
func (s *Store) asOf(ctx context.Context, t *table, id driver.ID, seq uint64) (known, error) {
	if k, ok := s.memory.get(driver.Doc{Table: t.schema.Table, ID: id}); ok && k.Seq == seq {
		return k, nil
	}
	head, err := s.look(ctx, t, id)
	switch {
	case err != nil || head.Seq < seq:
		return known{}, err
	case head.Seq == seq || head.Life == driver.Purged:
		return head, nil
	}
	r, err := t.at(ctx, rowKey(id, seq))
	if err != nil || r == nil {
		return known{}, err
	}
	return t.asOf(ctx, id, r)
}

// insertCheckpoint inserts the parts and then the row; those that are there
// already are the same.
func (t *table) insertCheckpoint(ctx context.Context, id driver.ID, seq uint64, k known, content []byte) error {
	r := checkpointRow{
		Key: rowKey(id, seq), Content: bson.Binary{Data: content},
		Section: bson.Binary{Data: k.section}, SectionSeq: int64(k.sectionSeq),
	}
	for _, term := range k.Held {
		r.Held = append(r.Held, string(term))
	}
	if k.Life == driver.Deleted {
		r.Life = deleted
	}
	if len(content) > partSize {
		r.Content.Data = nil
		for ; len(content) > 0; r.Parts++ {
			n := min(len(content), partSize)
			_, err := t.checkpoints.InsertOne(ctx, part{Key: partKey(id, seq, r.Parts), Content: bson.Binary{Data: content[:n]}})
			if err != nil && !mongo.IsDuplicateKeyError(err) {
				return err
			}
			content = content[n:]
		}
	}
	_, err := t.checkpoints.InsertOne(ctx, r)
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return err
}

// dropCheckpoints removes the checkpoints of a purged document.
func (t *table) dropCheckpoints(ctx context.Context, id driver.ID) error {
	filter := bson.D{{Key: "_id", Value: bson.D{
		{Key: "$gt", Value: id.String() + "."}, {Key: "$lt", Value: id.String() + "0"},
	}}}
	_, err := t.checkpoints.DeleteMany(ctx, filter)
	return err
}

// everything is the last sequence that there can be.
const everything = math.MaxUint64
