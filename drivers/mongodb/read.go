package mongodb

import (
	"context"
	"errors"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// newest reads the newest row of a document, nil if it has none.
func (t *table) newest(ctx context.Context, id driver.ID) (*row, error) {
	var r row
	from, to := keys(id.String())
	err := t.log.FindOne(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: to}}}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return &r, err
}

// at reads one row of a log, nil if it is not there.
func (t *table) at(ctx context.Context, key string) (*row, error) {
	var r row
	err := t.log.FindOne(ctx, byKey(key)).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return &r, err
}

// between reads rows of a log in the order of their sequences.
func (t *table) between(ctx context.Context, id driver.ID, from, to uint64) ([]row, error) {
	cursor, err := t.log.Find(ctx, within(id, from, to), options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var rows []row
	err = cursor.All(ctx, &rows)
	return rows, err
}

// look reads what is known of a document as of its newest row, and remembers
// it. It is the zero known for a document without rows.
func (s *Store) look(ctx context.Context, t *table, id driver.ID) (known, error) {
	r, err := t.newest(ctx, id)
	if err != nil || r == nil {
		return known{}, err
	}
	k, err := t.asOf(ctx, id, r)
	if err != nil {
		return known{}, err
	}
	s.memory.put(driver.Doc{Table: t.schema.Table, ID: id}, k)
	if k.Life == driver.Purged {
		err = s.empty(ctx, t, id, k.Seq)
	}
	return k, err
}

// asOf gives what is known of a document as of one of its rows; for the query
// section that may take the row that has it.
func (t *table) asOf(ctx context.Context, id driver.ID, r *row) (known, error) {
	doc := driver.Doc{Table: t.schema.Table, ID: id}
	c, err := r.commit(doc)
	if err != nil {
		return known{}, err
	}
	k := known{Standing: driver.Standing{Seq: c.Seq, Held: c.Held, Life: lifeAt(r, &c)}}
	if k.Life == driver.Purged || k.Life == driver.Unborn {
		return k, nil
	}
	k.section, k.sectionSeq = c.Section, uint64(r.Section)
	if k.section != nil {
		return k, nil
	}
	with, err := t.at(ctx, rowKey(id, k.sectionSeq))
	if err != nil || with == nil {
		return k, err
	}
	c, err = with.commit(doc)
	k.section = c.Section
	return k, err
}

// lifeAt tells a document's life by its newest row.
func lifeAt(r *row, c *driver.Commit) driver.Life {
	switch {
	case c.Kind == driver.KindPurge:
		return driver.Purged
	case r.Section == 0:
		return driver.Unborn
	case r.Life == deleted:
		return driver.Deleted
	}
	return driver.Alive
}

// Head implements [driver.Driver].
func (s *Store) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Head{}, err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return driver.Head{}, err
	}
	k, err := s.look(ctx, t, id)
	if err != nil {
		return driver.Head{}, err
	}
	if k.Life == driver.Unborn || k.Life == driver.Purged {
		return driver.Head{}, driver.ErrNotFound
	}
	return cloneHead(k.head(id)), nil
}

// Load implements [driver.Driver]. It takes two trips for the newest version.
func (s *Store) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	if err := s.enter(ctx); err != nil {
		return driver.State{}, err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return driver.State{}, err
	}
	last := uint64(everything)
	var head *known
	if at != 0 {
		k, err := s.look(ctx, t, id)
		if err != nil {
			return driver.State{}, err
		}
		head, last = &k, at
	}
	return s.load(ctx, t, id, last, head)
}

// load reads the newest checkpoint up to a sequence and the rows from there to
// it. Head is the newest known, nil if the rows go up to it.
func (s *Store) load(ctx context.Context, t *table, id driver.ID, last uint64, head *known) (driver.State, error) {
	doc := driver.Doc{Table: t.schema.Table, ID: id}
	cp, err := t.checkpoint(ctx, id, last)
	if err != nil {
		return driver.State{}, err
	}
	k := cp.known
	rows, err := t.between(ctx, id, k.Seq+1, last)
	if err != nil {
		return driver.State{}, err
	}
	state := driver.State{Checkpoint: cp.content, CheckpointSeq: k.Seq, Commits: make([]driver.Commit, 0, len(rows))}
	for i := range rows {
		c, err := rows[i].commit(doc)
		if err != nil {
			return driver.State{}, err
		}
		k = k.after(&c)
		state.Commits = append(state.Commits, c)
	}
	if head == nil {
		head = &k
		s.memory.put(doc, k)
		if k.Life == driver.Purged {
			if err := s.empty(ctx, t, id, k.Seq); err != nil {
				return driver.State{}, err
			}
		}
	}
	if head.Life == driver.Unborn || head.Life == driver.Purged {
		return driver.State{}, driver.ErrNotFound
	}
	state.Head = cloneHead(head.head(id))
	return state, nil
}

// Log implements [driver.Driver].
func (s *Store) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		err := s.log(ctx, table, id, r, func(c driver.Commit) bool { return yield(c, nil) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(driver.Commit{}, err)
		}
	}
}

// errStopped says that the consumer of an iterator has enough.
var errStopped = errors.New("stopped")

func (s *Store) log(ctx context.Context, table string, id driver.ID, r driver.Range, yield func(driver.Commit) bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	t, err := s.table(table)
	var k known
	if err == nil {
		k, err = s.look(ctx, t, id)
	}
	s.exit() // a consumer may take its time, and may close the store
	if err != nil {
		return err
	}
	if r.To == 0 || r.To > k.Seq {
		r.To = k.Seq
	}
	if k.Life == driver.Purged {
		r.From = max(r.From, k.Seq)
	}
	order := 1
	if r.Backward {
		order = -1
	}
	cursor, err := t.log.Find(ctx, within(id, r.From, r.To), options.Find().SetSort(bson.D{{Key: "_id", Value: order}}))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		var r row
		if err := cursor.Decode(&r); err != nil {
			return err
		}
		c, err := r.commit(driver.Doc{Table: table, ID: id})
		if err != nil {
			return err
		}
		if !yield(c) {
			return errStopped
		}
	}
	return cursor.Err()
}
