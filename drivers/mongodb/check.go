package mongodb

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/destam-go/destamgen/runtime/driver"
)

var _ driver.Checker = (*Store)(nil)

// Check implements [driver.Checker]: it compares every row of the tables' own
// collections, by which documents are found, with what the log leads to, and the
// claims of unique values with who holds them.
func (s *Store) Check(ctx context.Context) iter.Seq2[driver.Damage, error] {
	return func(yield func(driver.Damage, error) bool) {
		found, err := s.check(ctx)
		for _, d := range found {
			if !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Damage{}, err)
		}
	}
}

func (s *Store) check(ctx context.Context) (found []driver.Damage, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.exit()
	if err := s.overlay.drained(ctx); err != nil { // rows are written in the background
		return nil, err
	}
	s.mu.Lock()
	tables := maps.Clone(s.tables)
	s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if err := s.checkRows(ctx, tables[name], &found); err != nil {
			return found, err
		}
		if err := s.checkClaims(ctx, tables[name], &found); err != nil {
			return found, err
		}
	}
	return found, nil
}

// checkRows checks the rows of one table.
func (s *Store) checkRows(ctx context.Context, t *table, found *[]driver.Damage) error {
	cursor, err := t.docs.Find(ctx, bson.D{})
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		var p projection
		d := driver.Damage{Table: t.schema.Table, Where: fmt.Sprintf("collection %s", t.docs.Name())}
		if err := cursor.Decode(&p); err != nil {
			d.Why = "a row cannot be read: " + err.Error()
		} else if d.Why, err = s.checkRow(ctx, t, &p, &d); err != nil {
			return err
		}
		if d.Why != "" {
			*found = append(*found, d)
		}
	}
	return cursor.Err()
}

// checkRow says what is wrong with a row, nothing if it is right. A document that
// is changed meanwhile is looked at again.
func (s *Store) checkRow(ctx context.Context, t *table, p *projection, d *driver.Damage) (why string, err error) {
	d.Where = fmt.Sprintf("%s, row %q", d.Where, p.Key)
	id, err := driver.ParseID(p.Key)
	if err != nil {
		return "its _id is no document's", nil
	}
	d.ID = id
	for range 3 {
		r, err := t.newest(ctx, id)
		if err != nil {
			return "", err
		}
		if r == nil {
			return "the log has no such document", nil
		}
		k, err := t.asOf(ctx, id, r)
		if err != nil {
			return err.Error(), nil
		}
		if why = p.differs(k); why == "" {
			why, err = t.unclaimed(ctx, id, k)
		}
		if why == "" || err != nil {
			return "", err
		}
		if err := s.overlay.drained(ctx); err != nil {
			return "", err
		}
		if err := t.docs.FindOne(ctx, byKey(p.Key)).Decode(p); err != nil {
			return "", err
		}
	}
	return why, nil
}

// differs says in what a row is not that of what is known.
func (p *projection) differs(k known) string {
	if p.Head > int64(k.Seq) { // one that is behind by what it does not show is right
		return fmt.Sprintf("it is of version %d, and the log is at %d", p.Head, k.Seq)
	}
	life, terms, section := "", []string{}, k.section
	switch k.Life {
	case driver.Alive:
		v, err := driver.DecodeValue(k.section)
		if err != nil {
			return "" // what is wrong with a version is found by who reads it
		}
		terms = append(terms, alive)
		for _, term := range driver.Terms(v) {
			terms = append(terms, termSign+string(term))
		}
	case driver.Deleted:
		life = deleted
	default:
		life, section = purged, nil
	}
	held := make([]string, 0, len(k.Held))
	for _, term := range k.Held {
		held = append(held, string(term))
	}
	have := slices.Sorted(slices.Values(p.Terms))
	slices.Sort(terms)
	switch {
	case p.Life != life:
		return fmt.Sprintf("its life is %q instead of %q", p.Life, life)
	case string(p.Section.Data) != string(section):
		return "its query section is not that of the newest version"
	case !slices.Equal(p.Held, held):
		return "its unique values are not those of the newest version"
	case !slices.Equal(have, terms):
		return fmt.Sprintf("it is found by %d terms that are not the %d of its query section", len(have), len(terms))
	}
	return ""
}
