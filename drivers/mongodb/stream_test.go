package mongodb

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// streamed are two stores on what looks like a replica set, and the feed of the
// second one.
type streamed struct {
	*pair
	gateway *gateway
	next    func() (driver.FeedItem, error, bool)
	stop    func()
	heard   map[driver.ID]uint64
	since   map[driver.ID]uint64 // by who listens now
	last    driver.Token
}

func newStreamed(t *testing.T) *streamed {
	t.Helper()
	x := &streamed{pair: &pair{t: t}, gateway: newReplicaSet(t), heard: make(map[driver.ID]uint64)}
	database := freshDatabase()
	connect(t, database) // drops it
	open := func() *Store {
		// With a timeout, as of timeoutMS in a URI.
		s, err := New(t.Context(), x.gateway.client(options.Client().SetTimeout(20*time.Second)), &Options{Database: database, Poll: 10 * time.Millisecond})
		if err == nil {
			err = s.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := s.Close(ctx); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	x.a, x.b = open(), open()
	x.listen(nil)
	t.Cleanup(func() { x.stop() })
	return x
}

// listen begins to read the feed.
func (x *streamed) listen(since driver.Token) {
	x.since = make(map[driver.ID]uint64)
	x.next, x.stop = iter.Pull2(x.b.Feed(x.t.Context(), since))
}

// store stores further commits of some documents.
func (x *streamed) store(documents ...byte) {
	x.t.Helper()
	for _, n := range documents {
		k, _ := x.a.memory.get(driver.Doc{Table: notes, ID: id(n)})
		x.accepted(x.a, x.commit(id(n), k.Seq+1, ""))
	}
}

// hears reads the feed until a document is at a sequence. What comes is without
// gaps and without repeats, but for what comes again to who goes on.
func (x *streamed) hears(n byte, seq uint64) {
	x.t.Helper()
	for x.heard[id(n)] < seq {
		item, err, ok := x.next()
		if err != nil || !ok {
			x.t.Fatalf("the feed ends: %v", err)
		}
		doc, seq := item.Commit.ID, item.Commit.Seq
		if before := x.since[doc]; before != 0 && seq != before+1 || seq > x.heard[doc]+1 {
			x.t.Fatalf("version %d of %s comes after %d", seq, doc, x.heard[doc])
		}
		x.since[doc], x.heard[doc], x.last = seq, max(seq, x.heard[doc]), item.Token
	}
}

// looks counts how often somebody asked the logs for what is new.
func (x *streamed) looks() func() int {
	n := 0
	x.gateway.judges(func(c *command) fate {
		filter, _ := lookup(c.body, "filter").(bson.D)
		if c.name == "find" && lookup(filter, "t") != nil {
			n++
		}
		return passes
	})
	return func() int {
		x.gateway.mu.Lock()
		defer x.gateway.mu.Unlock()
		return n
	}
}

func TestStream(t *testing.T) {
	serverURI(t)
	tests := map[string]func(x *streamed){
		"commits come as they are stored": func(x *streamed) {
			x.store(1)
			x.hears(1, 1) // asked for, or streamed
			looks := x.looks()
			x.store(1, 2, 1, 2, 3, 1)
			x.hears(1, 4)
			if err := x.a.Purge(x.t.Context(), notes, id(2)); err != nil {
				x.t.Fatal(err)
			}
			x.hears(2, 3)
			if opened, _, _ := x.gateway.set.counts(); looks() != 0 || opened != 1 {
				x.t.Errorf("the logs were asked %d times, %d change streams", looks(), opened)
			}
		},
		"a table that comes later": func(x *streamed) {
			x.store(1)
			x.hears(1, 1)
			if err := x.a.Declare(x.t.Context(), driver.Schema{Table: "later"}); err != nil {
				x.t.Fatal(err)
			}
			c := x.commit(id(7), 1, "")
			c.Table, c.Held = "later", nil
			x.accepted(x.a, c)
			x.hears(7, 1)
		},
		"the connection breaks": func(x *streamed) {
			x.store(1, 1)
			x.hears(1, 2)
			x.gateway.cut() // of the writer too
			lost := 0
			x.gateway.judges(func(c *command) fate {
				if c.name == "getMore" && lost < 3 {
					lost++
					return []fate{unanswered, halfAnswer, halved}[lost-1]
				}
				return passes
			})
			for err := errors.New(""); err != nil; {
				err = x.append(x.a, x.commit(id(2), 1, ""))
			}
			x.store(1)
			x.hears(1, 3)
			x.hears(2, 1)
			if _, resumed, _ := x.gateway.set.counts(); resumed == 0 {
				x.t.Error("no change stream was resumed")
			}
		},
		"the server has forgotten where": func(x *streamed) {
			x.store(1, 1)
			x.hears(1, 2)
			x.gateway.set.forget()
			x.store(1, 2)
			x.hears(1, 3)
			x.hears(2, 1)
			if _, _, lost := x.gateway.set.counts(); lost == 0 {
				x.t.Error("no change stream was told that its history is lost")
			}
		},
		"a reader goes on later": func(x *streamed) {
			x.store(1, 2)
			x.hears(2, 1)
			x.stop()
			x.store(1, 2, 2)
			x.listen(x.last)
			x.hears(2, 3)
			x.hears(1, 2)
		},
		"a reader goes on when the server has forgotten where": func(x *streamed) {
			x.store(1, 2)
			x.hears(2, 1)
			x.stop()
			x.store(1, 2, 2)
			x.gateway.set.forget()
			x.listen(x.last)
			x.hears(2, 3)
			x.hears(1, 2)
		},
		"the primary is lost for a while": func(x *streamed) {
			x.store(1)
			x.hears(1, 1)
			x.gateway.set.elect(false)
			elected := time.AfterFunc(300*time.Millisecond, func() { x.gateway.set.elect(true) })
			defer elected.Stop()
			c := x.commit(id(1), 2, "v")
			err := x.append(x.a, c)
			for err != nil { // the outcome is not known, or it was certainly not stored
				err = x.append(x.a, c)
			}
			x.store(2)
			x.hears(1, 2)
			x.hears(2, 1)
		},
		"a replica set without change streams": func(x *streamed) {
			x.gateway.set.strip()
			x.store(1)
			x.hears(1, 1)
			if x.b.streams.Load() {
				x.t.Error("it goes on asking for change streams")
			}
			x.store(1, 2)
			x.hears(1, 2)
			x.hears(2, 1)
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) { run(newStreamed(t)) })
	}
}
