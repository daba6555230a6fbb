package mongodb

import (
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// page is how many heads Find reads at once.
const page = 100

// Find implements [driver.Driver]. What this process changed is found at once;
// what others changed, as soon as their background has written it, so a hit may
// be about to change: whoever must know loads it.
func (s *Store) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		after, left := q.After, q.Limit
		for {
			size := page
			if q.Limit > 0 {
				size = min(page, left)
			}
			heads, err := s.page(ctx, table, q.Terms, after, size)
			for _, h := range heads {
				if !yield(h, nil) {
					return
				}
			}
			if err != nil {
				yield(driver.Head{}, err)
				return
			}
			left -= len(heads)
			if len(heads) < size || q.Limit > 0 && left == 0 {
				return
			}
			after = heads[len(heads)-1].ID
		}
	}
}

// filter asks for the documents that are not deleted and have the terms, but
// not for those that the overlay knows better. Terms are compared as strings
// in a list, where no server looks for operators.
func filter(terms []driver.Term, after driver.ID, masked []string) bson.D {
	all := []string{alive}
	for _, term := range terms {
		all = append(all, termSign+string(term))
	}
	id := bson.D{}
	if !after.IsZero() {
		id = append(id, bson.E{Key: "$gt", Value: after.String()})
	}
	if len(masked) > 0 {
		id = append(id, bson.E{Key: "$nin", Value: masked})
	}
	d := bson.D{{Key: "x", Value: bson.D{{Key: "$all", Value: all}}}}
	if len(id) > 0 {
		d = append(d, bson.E{Key: "_id", Value: id})
	}
	return d
}

// page reads the first heads after an id: those of the collection and those of
// the overlay, by id.
func (s *Store) page(ctx context.Context, name string, terms []driver.Term, after driver.ID, size int) ([]driver.Head, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.exit()
	t, err := s.table(name)
	if err != nil {
		return nil, err
	}
	masked, ours := s.overlay.of(name, terms, after)
	cursor, err := t.docs.Find(ctx, filter(terms, after, masked),
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(size)).
			SetProjection(bson.D{{Key: "head", Value: 1}, {Key: "s", Value: 1}, {Key: "h", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var rows []projection
	if err := cursor.All(ctx, &rows); err != nil {
		return nil, err
	}
	heads := make([]driver.Head, 0, len(rows)+len(ours))
	for i := range rows {
		h, err := rows[i].read()
		if err != nil {
			return nil, err
		}
		for len(ours) > 0 && ours[0].ID.Compare(h.ID) < 0 {
			heads, ours = append(heads, cloneHead(ours[0])), ours[1:]
		}
		heads = append(heads, h)
	}
	for _, h := range ours {
		heads = append(heads, cloneHead(h))
	}
	return heads[:min(len(heads), size)], nil
}

// read gives the head in a row.
func (p *projection) read() (driver.Head, error) {
	id, err := driver.ParseID(p.Key)
	if err != nil {
		return driver.Head{}, err
	}
	h := driver.Head{ID: id, Seq: uint64(p.Head), Section: p.Section.Data}
	for _, term := range p.Held {
		h.Held = append(h.Held, driver.Term(term))
	}
	return h, nil
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.exit()
	t, err := s.table(table)
	if err != nil {
		return 0, err
	}
	masked, ours := s.overlay.of(table, terms, driver.ID{})
	n, err := t.docs.CountDocuments(ctx, filter(terms, driver.ID{}, masked))
	return int(n) + len(ours), err
}
