package mongodb

import (
	"iter"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	mock "go.mongodb.org/mongo-driver/v2/x/mongo/driver/drivertest"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"

	"github.com/destam-go/destamgen/runtime/driver"
)

// cursor is the answer of a server that has a batch of something.
func cursor(id int64, batch ...any) bson.D {
	if batch == nil {
		batch = []any{}
	}
	return bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: id}, {Key: "ns", Value: "db.$cmd.aggregate"}, {Key: "firstBatch", Value: batch},
		{Key: "postBatchResumeToken", Value: bson.D{{Key: "_data", Value: "0"}}},
	}}}
}

// TestMock reads change streams of the driver's own mock of a replica set, whose
// answers are written down: one is told that its history is lost, one that the
// primary is none any more, and one that the server cannot have any.
func TestMock(t *testing.T) {
	d := mock.NewMockDeployment(
		bson.D{{Key: "ok", Value: 1}, {Key: "setName", Value: "mock"}, {Key: "localTime", Value: time.Now()}},
		cursor(0, bson.D{{Key: "_id", Value: "format"}, {Key: "version", Value: version}}),
	)
	opts := options.Client()
	if err := xoptions.SetInternalClientOptions(opts, "deployment", d); err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), client, &Options{Database: "db", Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if !s.Details().Streams {
		t.Error("it does not take a replica set for one")
	}
	p, before := &pair{t: t}, known{}
	var events []any
	for seq := uint64(1); seq <= 3; seq++ {
		c := p.commit(id(1), seq, "")
		events = append(events, bson.D{
			{Key: "_id", Value: bson.D{{Key: "_data", Value: "1"}}}, {Key: "operationType", Value: "insert"},
			{Key: "ns", Value: bson.D{{Key: "db", Value: "db"}, {Key: "coll", Value: notes + ".log"}}}, {Key: "fullDocument", Value: s.newRow(&c, before)},
		})
		before = before.after(&c)
	}
	done, noTables := bson.D{{Key: "ok", Value: 1}}, cursor(0)
	d.AddResponses(
		cursor(7, events[0]), noTables,
		failure(286, "ChangeStreamHistoryLost", "NonResumableChangeStreamError"), done, // the cursor is killed
		cursor(8, events[1]), noTables,
		failure(10107, "NotWritablePrimary", "ResumableChangeStreamError"), done,
		cursor(9, events[2]),
		failure(280, "ChangeStreamFatalError"), done,
		failure(40573, "Location40573"), noTables, // and it polls
	)
	next, stop := iter.Pull2(s.Feed(t.Context(), nil))
	defer stop()
	for seq := uint64(1); seq <= 3; seq++ {
		item, err, _ := next()
		if err != nil || item.Commit.Seq != seq || item.Commit.ID != id(1) {
			t.Fatalf("got version %d of %s, %v, want %d", item.Commit.Seq, item.Commit.ID, err, seq)
		}
	}
	go func() {
		for s.Details().Streams { // until it knows that it must poll
			time.Sleep(time.Millisecond)
		}
		s.Close(t.Context())
	}()
	if _, err, _ := next(); err != driver.ErrClosed {
		t.Errorf("the feed ends with %v", err)
	}
}
