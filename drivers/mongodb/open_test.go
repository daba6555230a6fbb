package mongodb

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestOpenRefused opens what cannot be opened.
func TestOpenRefused(t *testing.T) {
	uri := serverURI(t)
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	newer := freshDatabase()
	rows := connect(t, newer).Database(newer).Collection(meta)
	if _, err := rows.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "format"}, {Key: "version", Value: version + 1}}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		ctx   context.Context
		uri   string
		opts  *Options
		is    error
		words []string
	}{
		{"no server", short, "mongodb://127.0.0.1:1/db", nil, nil, []string{"mongodb", `"db"`}},
		{"no database", t.Context(), strings.TrimSuffix(uri, "/") + "/", nil, nil, []string{"database", "mongodb://host/name", "Options.Database"}},
		{"no URI", t.Context(), "localhost", nil, nil, []string{"mongodb"}},
		{"a newer format", t.Context(), uri, &Options{Database: newer}, ErrFormat, []string{newer, "version 2", "update the program"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(tt.ctx, tt.uri, tt.opts)
			if err == nil {
				s.Close(t.Context())
				t.Fatal("it opens")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			for _, word := range tt.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v: does not say %q", err, word)
				}
			}
		})
	}
}

// TestCollection asks the collection itself, for a range, and loads what it
// finds.
func TestCollection(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	for i := range byte(5) {
		c := p.commit(id(i+1), 1, "")
		var err error
		if c.Section, err = driver.AppendValue(nil, driver.Object{{Name: "year", Value: int64(2020 + int(i))}, {Name: "a.b", Value: "$x"}}); err != nil {
			t.Fatal(err)
		}
		p.accepted(p.a, c)
	}
	gone := driver.Commit{Table: notes, ID: id(5), Seq: 2, Kind: driver.KindDelete, Try: [16]byte{1}}
	p.accepted(p.a, gone)
	if err := p.a.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	cursor, err := p.a.Collection(notes).Find(t.Context(), bson.D{{Key: "q.year", Value: bson.D{{Key: "$gte", Value: 2022}}}},
		options.Find().SetSort(bson.D{{Key: "q.year", Value: -1}}))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		ID   string `bson:"_id"`
		Head int64  `bson:"head"`
	}
	if err := cursor.All(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	var found []driver.ID
	for _, r := range rows {
		id, err := driver.ParseID(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if state, err := p.b.Load(t.Context(), notes, id, 0); err != nil || state.Seq != uint64(r.Head) {
			t.Errorf("%s: loaded version %d, found %d, %v", id, state.Seq, r.Head, err)
		}
		found = append(found, id)
	}
	if len(found) != 2 || found[0] != id(4) || found[1] != id(3) {
		t.Errorf("found %v", found)
	}
}

// TestInjection asks with values that would be operators if anything took them
// for some.
func TestInjection(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	p.accepted(p.a, p.commit(id(1), 1, "v"))
	p.accepted(p.a, p.commit(id(2), 1, `{"$gt": ""}`))
	if err := p.a.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{p.a, p.b} {
		for value, want := range map[string]int{`{"$gt": ""}`: 1, "$x": 0, "": 0, "v": 1, "v\x00": 0, "^v": 0, "+": 0} {
			n, err := s.Count(t.Context(), notes, []driver.Term{term("slug", value)})
			if err != nil || n != want {
				t.Errorf("%q: %d documents, %v; want %d", value, n, err, want)
			}
		}
		for _, odd := range []driver.Term{"", "+", "$where", "=", "slug"} {
			if n, err := s.Count(t.Context(), notes, []driver.Term{odd}); err != nil || n != 0 {
				t.Errorf("term %q: %d documents, %v", odd, n, err)
			}
		}
	}
}
