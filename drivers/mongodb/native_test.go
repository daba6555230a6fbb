package mongodb

import (
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
)

// TestNative asks the collection of a table for a range, sorted, and loads what
// it finds, as the guide says.
func TestNative(t *testing.T) {
	serverURI(t)
	database := freshDatabase()
	store := openStore(t, database)
	db, err := destam.Open(t.Context(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	table := acceptance.ThingTable(db)
	var made []*acceptance.OThing
	for year := 2018; year < 2024; year++ {
		o, err := table.Create(t.Context(), acceptance.Thing{
			Text:  fmt.Sprint("of ", year),
			Query: acceptance.ThingQuery{Name: fmt.Sprint(year), Year: &year, Home: acceptance.Place{City: "Bern"}, Labels: []string{"a", "b"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, o)
	}
	if err := made[5].Delete(t.Context()); err != nil { // 2023
		t.Fatal(err)
	}
	if err := store.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	cursor, err := store.Collection("things").Find(t.Context(),
		bson.D{{Key: "q.year", Value: bson.D{{Key: "$gte", Value: 2020}}}, {Key: "q.home.city", Value: "Bern"}, {Key: "q.labels", Value: "b"}},
		options.Find().SetSort(bson.D{{Key: "q.year", Value: -1}}).SetLimit(2))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for cursor.Next(t.Context()) {
		id, err := destam.ParseID(cursor.Current.Lookup("_id").StringValue())
		if err != nil {
			t.Fatal(err)
		}
		o, err := table.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, o.Text())
	}
	if want := []string{"of 2022", "of 2021"}; cursor.Err() != nil || !slices.Equal(found, want) {
		t.Errorf("found %q, %v; want %q", found, cursor.Err(), want)
	}
}
