package mongodb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Where a server has no change streams (see stream.go), a feed asks each table's
// log for the rows of the last seconds: those that were sent since it asked last,
// and some before them for writers that are slow. Rows carry the time of the server's clock, by what each process knows of its
// own clock's difference to it. Every minute a feed of either kind asks for the
// rows of two hours, so that not even a clock that is wrong hides a commit for
// longer.
const (
	overlap       = 10 * time.Second
	reconcileTime = time.Minute
	longOverlap   = 2 * time.Hour
)

// feed is what one reader was told.
type feed struct {
	s          *Store
	since      time.Time            // all rows before it were told, but for the overlap
	reconciled time.Time            // when the long overlap was asked for last
	told       map[driver.Doc]place // of documents that changed lately
	resume     bson.Raw             // where a change stream goes on, nil for now
	yield      func(driver.FeedItem) bool
}

// place is how far a reader was told about a document, and when.
type place struct {
	seq uint64
	at  time.Time
}

// Feed implements [driver.Feed]. The commits of this process are among those
// that it tells, and some from before it was asked.
func (s *Store) Feed(ctx context.Context, since driver.Token) iter.Seq2[driver.FeedItem, error] {
	called := s.now()
	return func(yield func(driver.FeedItem, error) bool) {
		err := s.feed(ctx, since, called, func(item driver.FeedItem) bool { return yield(item, nil) })
		if !errors.Is(err, errStopped) {
			yield(driver.FeedItem{}, err)
		}
	}
}

func (s *Store) feed(ctx context.Context, since driver.Token, called time.Time, yield func(driver.FeedItem) bool) error {
	f := &feed{s: s, since: called, reconciled: called, told: make(map[driver.Doc]place), yield: yield}
	if since != nil {
		if err := f.goOn(since); err != nil {
			return err
		}
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.background, cancel)()
	err := f.follow(within)
	if within.Err() != nil && ctx.Err() == nil && !errors.Is(err, errStopped) {
		return driver.ErrClosed
	}
	return err
}

// polls asks for what is new until there is an error.
func (f *feed) polls(ctx context.Context) error {
	timer := time.NewTicker(f.s.opts.Poll)
	defer timer.Stop()
	for {
		if err := f.poll(ctx); err != nil {
			return err
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// token is a place: 8 bytes for the time up to which everything was told,
// milliseconds since 1970, and where a change stream goes on, if there is one.
func (f *feed) token() driver.Token {
	return append(binary.BigEndian.AppendUint64(nil, uint64(f.since.UnixMilli())), f.resume...)
}

// goOn begins where a token says.
func (f *feed) goOn(at driver.Token) error {
	if len(at) < 8 || len(at) > 8 && bson.Raw(at[8:]).Validate() != nil {
		return errors.New("the feed's token is not one of this store")
	}
	f.since = time.UnixMilli(int64(binary.BigEndian.Uint64(at)))
	if len(at) > 8 {
		f.resume = bson.Raw(bytes.Clone(at[8:]))
	}
	return nil
}

// poll tells what is new. Until everything of this round is told, the place
// after an item is where the round began: who goes on from there hears some of
// it again.
func (f *feed) poll(ctx context.Context) error {
	began, back := f.s.now(), overlap
	if began.Sub(f.reconciled) >= f.s.opts.reconcile {
		back, f.reconciled = longOverlap, began
		for doc, p := range f.told {
			if began.Sub(p.at) > 2*longOverlap {
				delete(f.told, doc)
			}
		}
	}
	err := f.ask(ctx, back, func(doc driver.Doc, rows []row) error { return f.tell(ctx, doc, rows) })
	if err == nil && began.After(f.since) {
		f.since = began
	}
	return err
}

// ask gives the rows that were sent lately, document by document in the order
// of their sequences.
func (f *feed) ask(ctx context.Context, back time.Duration, each func(driver.Doc, []row) error) error {
	schemas, err := f.s.schemas(ctx)
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		rows, err := f.rows(ctx, schema.Table, f.since.Add(-back))
		if err != nil {
			return err
		}
		for len(rows) > 0 {
			text, _, _ := strings.Cut(rows[0].Key, "/")
			n := 1
			for n < len(rows) && strings.HasPrefix(rows[n].Key, text+"/") {
				n++
			}
			id, err := driver.ParseID(text)
			if err != nil {
				return err
			}
			if err := each(driver.Doc{Table: schema.Table, ID: id}, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

// rows reads the keys of the rows of a table that were sent since a time.
func (f *feed) rows(ctx context.Context, table string, since time.Time) ([]row, error) {
	if err := f.s.enter(ctx); err != nil {
		return nil, err
	}
	defer f.s.exit()
	cursor, err := f.s.db.Collection(table+".log").Find(ctx,
		bson.D{{Key: "t", Value: bson.D{{Key: "$gte", Value: since}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var rows []row
	err = cursor.All(ctx, &rows)
	return rows, err
}

// note marks a document as told up to a row.
func (f *feed) note(doc driver.Doc, r *row) error {
	seq, err := r.seq()
	f.told[doc] = place{seq: seq, at: f.s.now()}
	return err
}

// tell tells the rows of a document that were not told, and those between that
// were sent by a clock which is wrong.
func (f *feed) tell(ctx context.Context, doc driver.Doc, rows []row) error {
	first, err := rows[0].seq()
	if err != nil {
		return err
	}
	last, err := rows[len(rows)-1].seq()
	if err != nil {
		return err
	}
	p, known := f.told[doc]
	if known {
		first = p.seq + 1
	}
	if first > last {
		return nil
	}
	commits, err := f.commits(ctx, doc, first, last)
	if err != nil {
		return err
	}
	for _, c := range commits {
		if !f.yield(driver.FeedItem{Commit: c, Token: f.token()}) {
			return errStopped
		}
	}
	return f.note(doc, &rows[len(rows)-1])
}

// commits reads the commits of a document in a range, but for those that were
// purged.
func (f *feed) commits(ctx context.Context, doc driver.Doc, first, last uint64) ([]driver.Commit, error) {
	if err := f.s.enter(ctx); err != nil {
		return nil, err
	}
	defer f.s.exit()
	t := &table{log: f.s.db.Collection(doc.Table + ".log")}
	rows, err := t.between(ctx, doc.ID, first, last)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.Kind == gone })
	commits := make([]driver.Commit, len(rows))
	for i := range rows {
		if commits[i], err = rows[i].commit(doc); err != nil {
			return nil, err
		}
	}
	return commits, nil
}
