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

// TestCheckClaims changes claims behind the store's back, and has each found.
func TestCheckClaims(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	p.accepted(p.a, p.commit(id(1), 1, "a"))
	p.accepted(p.a, p.commit(id(1), 2, "b")) // its claim of "a" is dead
	p.accepted(p.a, p.commit(id(2), 1, "a"))
	claims := p.a.Collection(notes + ".claims")
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
	find := func(doc driver.ID, seq int64) (row claim) {
		t.Helper()
		if err := claims.FindOne(t.Context(), bson.D{{Key: "d", Value: doc.String()}, {Key: "s", Value: seq}}).Decode(&row); err != nil {
			t.Fatal(err)
		}
		return row
	}
	insert := func(c claim) {
		t.Helper()
		if _, err := claims.InsertOne(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(c claim) {
		t.Helper()
		if _, err := claims.DeleteOne(t.Context(), byKey(c.Key)); err != nil {
			t.Fatal(err)
		}
	}
	pending := *newClaim("slug=PENDING", 0, &driver.Commit{ID: id(3), Seq: 1})
	insert(pending)
	if all := wrong(); len(all) > 0 {
		t.Fatalf("nothing is wrong: %+v", all)
	}
	for _, holder := range []claim{find(id(1), 2), find(id(2), 1)} {
		remove(holder)
		if all := wrong(); len(all) != 1 || all[0].ID.String() != holder.Doc {
			t.Errorf("a holder without a claim: %+v", all)
		}
		other := holder
		other.Doc = id(4).String()
		insert(other)
		if all := wrong(); len(all) < 1 || all[0].ID.String() != holder.Doc { // the other claim may be wrong too
			t.Errorf("a value that another has claimed: %+v", all)
		}
		remove(other)
		later := holder
		later.Seq = 3
		insert(later)
		if all := wrong(); len(all) < 1 || all[0].ID.String() != holder.Doc {
			t.Errorf("a claim of a version after that which took the value: %+v", all)
		}
		remove(later)
		insert(holder)
	}
	dead := find(id(1), 1)
	remove(dead)
	if all := wrong(); len(all) != 1 {
		t.Errorf("a dead claim is missing: %+v", all)
	}
	insert(dead)
	for what, bad := range map[string]claim{
		"a version that cannot come": {Key: "slug=X/00000000", Doc: id(3).String(), Seq: 7},
		"no document":                {Key: "slug=X/00000000", Doc: "nobody", Seq: 1},
		"no generation":              {Key: "slug=X", Doc: id(3).String(), Seq: 1},
	} {
		insert(bad)
		if all := wrong(); len(all) != 1 {
			t.Errorf("%s: %+v", what, all)
		}
		remove(bad)
	}
	if all := wrong(); len(all) > 0 {
		t.Errorf("all was mended: %+v", all)
	}
}
