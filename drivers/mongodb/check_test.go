package mongodb

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestCheck changes rows behind the store's back, and has each found.
func TestCheck(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	for n := range byte(3) {
		p.accepted(p.a, p.commit(id(n+1), 1, string(rune('a'+n))))
	}
	wrong := func() (all []driver.Damage) {
		t.Helper()
		for d, err := range p.a.Check(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		return all
	}
	if all := wrong(); len(all) > 0 {
		t.Fatalf("nothing is wrong: %+v", all)
	}
	rows := p.a.Collection(notes)
	key := byKey(id(2).String())
	var before bson.D
	if err := rows.FindOne(t.Context(), key).Decode(&before); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]bson.D{
		"a term more":      {{Key: "x", Value: bson.A{"+", "=a", "=b"}}},
		"no terms":         {{Key: "x", Value: bson.A{}}},
		"another version":  {{Key: "head", Value: int64(9)}},
		"another section":  {{Key: "s", Value: bson.Binary{Data: []byte{0x80}}}},
		"deleted":          {{Key: "l", Value: "deleted"}},
		"held by somebody": {{Key: "h", Value: bson.A{"slug\x00snobody"}}},
	} {
		if _, err := rows.UpdateOne(t.Context(), key, bson.D{{Key: "$set", Value: change}}); err != nil {
			t.Fatal(err)
		}
		if all := wrong(); len(all) != 1 || all[0].ID != id(2) {
			t.Errorf("%s: %+v", what, all)
		}
		if _, err := rows.ReplaceOne(t.Context(), key, before); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rows.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id(9).String()}, {Key: "head", Value: int64(1)}}); err != nil {
		t.Fatal(err)
	}
	if all := wrong(); len(all) != 1 || all[0].ID != id(9) {
		t.Errorf("a row of nothing: %+v", all)
	}
}
