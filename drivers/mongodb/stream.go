package mongodb

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// A replica set and a sharded cluster tell of inserts by themselves. One change
// stream serves the logs of all tables, also of those that are not there yet. It
// is opened first; what came before it is then asked of the logs, from the time
// up to which everything was told. So it does not matter why a stream ended, or
// whether the server still knows where: what is heard twice is told once.
//
// A stream says nothing while the replica set has no majority, and nobody
// notices if it stays silent for another reason: the look at the logs every
// minute is there for that too.

// awaited is how long the server may wait for an insert before it says that
// there was none.
const awaited = time.Second

// follow tells what is new until there is an error, by a change stream if the
// server has them.
func (f *feed) follow(ctx context.Context) error {
	for f.s.streams.Load() {
		err := f.stream(ctx)
		switch {
		case f.resume != nil && lostHistory(err):
			f.resume = nil
		case noStreams(err):
			f.s.streams.Store(false)
		default:
			return err
		}
	}
	return f.polls(ctx)
}

// stream tells what is new until its change stream ends.
func (f *feed) stream(ctx context.Context) error {
	inserts := mongo.Pipeline{bson.D{{Key: "$match", Value: bson.D{
		{Key: "operationType", Value: "insert"},
		{Key: "ns.coll", Value: bson.D{{Key: "$regex", Value: `\.log$`}}},
	}}}}
	opts := options.ChangeStream().SetMaxAwaitTime(awaited)
	if f.resume != nil {
		opts.SetResumeAfter(f.resume)
	}
	stream, err := f.s.db.Watch(ctx, inserts, opts)
	if err != nil {
		return err
	}
	defer stream.Close(context.WithoutCancel(ctx))
	if f.resume == nil {
		f.resume = stream.ResumeToken()
	}
	if err := f.poll(ctx); err != nil {
		return err
	}
	for {
		switch {
		case stream.TryNext(ctx):
			f.resume = stream.ResumeToken()
			if err := f.event(ctx, stream.Current); err != nil {
				return err
			}
		case stream.Err() != nil:
			return stream.Err()
		case stream.ID() == 0: // the database was dropped
			return errEnded
		}
		if f.s.now().Sub(f.reconciled) >= f.s.opts.reconcile {
			if err := f.poll(ctx); err != nil {
				return err
			}
		}
	}
}

// errEnded says that a change stream has come to its end.
var errEnded = errors.New("the change stream has ended: was the database dropped?")

// event tells the row that was inserted.
func (f *feed) event(ctx context.Context, raw bson.Raw) error {
	var e struct {
		Namespace struct {
			Collection string `bson:"coll"`
		} `bson:"ns"`
		Row row `bson:"fullDocument"`
	}
	if err := bson.Unmarshal(raw, &e); err != nil {
		return err
	}
	text, _, _ := strings.Cut(e.Row.Key, "/")
	id, err := driver.ParseID(text)
	if err != nil {
		return err
	}
	seq, err := e.Row.seq()
	if err != nil {
		return err
	}
	doc := driver.Doc{Table: strings.TrimSuffix(e.Namespace.Collection, ".log"), ID: id}
	p, known := f.told[doc]
	if known && seq != p.seq+1 {
		return f.tell(ctx, doc, []row{e.Row}) // it was told, or others come before it
	}
	c, err := e.Row.commit(doc)
	if err != nil {
		return err
	}
	if !f.yield(driver.FeedItem{Commit: c, Token: f.token()}) {
		return errStopped
	}
	return f.note(doc, &e.Row)
}

// code gives the code of a server's error, 0 for any other.
func code(err error) int32 {
	var command mongo.CommandError
	if errors.As(err, &command) {
		return command.Code
	}
	return 0
}

// lostHistory tells whether a change stream cannot go on where it was.
func lostHistory(err error) bool {
	switch code(err) {
	case 286, 280, 260, 50811: // ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken
		return true
	}
	return errors.Is(err, errEnded) || errors.Is(err, mongo.ErrMissingResumeToken)
}

// noStreams tells whether the server has no change streams, or not for us.
func noStreams(err error) bool {
	switch code(err) {
	case 40573, // only replica sets have them
		40324, 238, 59, 9, 115, // no such stage, not implemented, no such command, a field that is not known, not supported
		13: // no right to
		return true
	}
	return false
}
