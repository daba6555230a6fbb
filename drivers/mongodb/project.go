package mongodb

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// projection is a row of a table's own collection.
type projection struct {
	Key     string      `bson:"_id"` // document
	Head    int64       `bson:"head"`
	Query   any         `bson:"q"`           // the query section, for people
	Section bson.Binary `bson:"s"`           // the same to the last byte
	Held    []string    `bson:"h"`           // terms of unique values
	Terms   []string    `bson:"x"`           // terms of the section and [alive]; none when it is deleted
	Life    string      `bson:"l,omitempty"` // "deleted" or "purged"
}

// In the collection a term has a sign before it, so that nobody can ask for
// [alive], which is there for every document that is not deleted.
const (
	alive    = "+"
	termSign = "="
)

// purged is the life of a document of which only this is left.
const purged = "purged"

// How many rows are inserted, or updated, by one command. FerretDB 1 keeps one of
// its hundred connections to the disk for each update of a command until the
// command ends, and waits for another for ever when it has none.
const (
	mostInserted = 500
	mostUpdated  = 32
)

// project writes what the overlay holds into the tables' collections until the
// store is closed. Close waits for it.
func (s *Store) project() {
	ctx := s.background
	for attempt := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.overlay.wake:
		}
		if s.projectAll(ctx) {
			attempt = 0
			continue
		}
		if pause(ctx, min(attempt, 10)) != nil {
			return
		}
		attempt++
		s.overlay.rouse()
	}
}

// projectAll writes what waits, and tells whether all of it is there. What the
// server does not like as a whole goes to it one by one: which of many it has
// done then is not told by every server.
func (s *Store) projectAll(ctx context.Context) bool {
	waiting := s.overlay.waiting()
	fresh, known := make(map[string][]driver.Doc), make(map[string][]driver.Doc)
	for doc, v := range waiting {
		if v.fresh {
			fresh[doc.Table] = append(fresh[doc.Table], doc)
		} else {
			known[doc.Table] = append(known[doc.Table], doc)
		}
	}
	for table, docs := range fresh {
		for chunk := range slices.Chunk(docs, mostInserted) {
			if !s.projectNew(ctx, chunk, waiting) {
				known[table] = append(known[table], chunk...)
			}
		}
	}
	complete := true
	for _, docs := range known {
		for chunk := range slices.Chunk(docs, mostUpdated) {
			if s.projectSome(ctx, chunk, waiting) {
				continue
			}
			for _, doc := range chunk {
				complete = s.projectOne(ctx, doc, waiting[doc]) && complete
			}
		}
	}
	return complete
}

// projectNew inserts the rows of new documents of one table.
func (s *Store) projectNew(ctx context.Context, docs []driver.Doc, waiting map[driver.Doc]*shown) bool {
	rows := make([]any, len(docs))
	for i, doc := range docs {
		rows[i] = append(bson.D{{Key: "_id", Value: doc.ID.String()}}, waiting[doc].set(true)...)
	}
	if _, err := s.db.Collection(docs[0].Table).InsertMany(ctx, rows); err != nil {
		return false
	}
	for _, doc := range docs {
		s.overlay.confirm(doc, waiting[doc])
	}
	return true
}

// older is a filter for the row of a document, unless somebody is further.
func (v *shown) older(doc driver.Doc) bson.D {
	return bson.D{{Key: "_id", Value: doc.ID.String()}, {Key: "head", Value: bson.D{{Key: "$lt", Value: int64(v.Seq)}}}}
}

// projectSome writes the rows of some documents of one table.
func (s *Store) projectSome(ctx context.Context, docs []driver.Doc, waiting map[driver.Doc]*shown) bool {
	models := make([]mongo.WriteModel, len(docs))
	for i, doc := range docs {
		v := waiting[doc]
		models[i] = mongo.NewUpdateOneModel().SetUpsert(true).SetFilter(v.older(doc)).
			SetUpdate(bson.D{{Key: "$set", Value: v.set(true)}})
	}
	if _, err := s.db.Collection(docs[0].Table).BulkWrite(ctx, models); err != nil {
		return false
	}
	for _, doc := range docs {
		s.overlay.confirm(doc, waiting[doc])
	}
	return true
}

// projectOne writes the row of one document; without the part for people when
// the server does not take that. The upsert of a row whose head is higher is a
// duplicate.
func (s *Store) projectOne(ctx context.Context, doc driver.Doc, v *shown) bool {
	for _, readable := range []bool{true, false} {
		_, err := s.db.Collection(doc.Table).UpdateOne(ctx, v.older(doc),
			bson.D{{Key: "$set", Value: v.set(readable)}}, options.UpdateOne().SetUpsert(true))
		if err == nil || mongo.IsDuplicateKeyError(err) {
			s.overlay.confirm(doc, v)
			return true
		}
		if !refused(err) {
			break
		}
	}
	return false
}

// set is what an update sets: always everything, so that a row is of one
// version whoever writes it last.
func (v *shown) set(readable bool) bson.D {
	held, terms := make([]string, len(v.Held)), []string{}
	for i, term := range v.Held {
		held[i] = string(term)
	}
	var query any
	life := ""
	section := v.section
	switch v.Life {
	case driver.Alive:
		terms = append(terms, alive)
		for _, term := range v.terms {
			terms = append(terms, termSign+string(term))
		}
		if value, err := driver.DecodeValue(v.section); err == nil && readable {
			query = toBSON(value)
		}
	case driver.Deleted:
		life = deleted
	default:
		life, section = purged, nil
	}
	return bson.D{
		{Key: "head", Value: int64(v.Seq)}, {Key: "q", Value: query}, {Key: "s", Value: bson.Binary{Data: section}},
		{Key: "h", Value: held}, {Key: "x", Value: terms}, {Key: "l", Value: life},
	}
}

// toBSON gives a section as people and native queries want to see it.
func toBSON(v driver.Value) any {
	switch v := v.(type) {
	case driver.Object:
		d := make(bson.D, 0, len(v))
		for _, m := range v {
			d = append(d, bson.E{Key: fieldName(m.Name), Value: toBSON(m.Value)})
		}
		return d
	case driver.Array:
		a := make(bson.A, len(v))
		for i, e := range v {
			a[i] = toBSON(e)
		}
		return a
	default:
		return v
	}
}

// fieldName makes a name harmless that servers would read as a path or an
// operator, by characters that look the same.
func fieldName(name string) string {
	name = strings.NewReplacer(".", "\uff0e", "\x00", "\u2400").Replace(name)
	if rest, ok := strings.CutPrefix(name, "$"); ok {
		name = "\uff04" + rest
	}
	return name
}
