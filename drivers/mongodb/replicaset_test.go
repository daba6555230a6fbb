package mongodb

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// replicaSet makes a server look like the primary of a replica set: it says so,
// it has change streams of what is inserted by way of it, and it may lose its
// office. What it does not know of change streams it refuses.
type replicaSet struct {
	address string
	ended   chan struct{} // closed when the test is over

	inserting sync.Mutex // held from an insert to its event: events are in order

	mu      sync.Mutex
	primary bool
	bare    bool // it has no change streams after all
	events  []bson.D
	first   int           // events before it are forgotten
	moved   chan struct{} // closed when there is an event
	streams map[int64]*changeStream
	opened  int // change streams so far, and
	resumed int // those that were to go on where one was
	lost    int // those that could not
}

// changeStream is a cursor.
type changeStream struct {
	database string
	match    bson.D
	at       int // the next event
}

// ask answers a request as a primary would, with the server's help.
func (s *replicaSet) ask(server net.Conn, m message, c *command) (message, error) {
	body, err := m.body()
	if err != nil {
		return m, err
	}
	switch name := body[0].Key; {
	case name == "hello" || name == "isMaster" || name == "ismaster":
		return s.hello(server, m)
	case name == "killCursors":
		return m.answer(bson.D{{Key: "ok", Value: 1}})
	case c == nil:
		return exchange(server, m)
	case !s.is():
		return m.answer(failure(10107, "NotWritablePrimary", "RetryableWriteError", "ResumableChangeStreamError"))
	case name == "aggregate" && streamOf(body) != nil:
		return s.watch(server, m, body)
	case name == "getMore":
		if answer := s.more(body); answer != nil {
			return m.answer(answer)
		}
	case name == "insert":
		s.inserting.Lock()
		defer s.inserting.Unlock()
	}
	// What the embedded server does not know: numbers for who remembers what was
	// done, and bounds of time.
	plain, err := m.with(slices.DeleteFunc(body, func(e bson.E) bool {
		return e.Key == "txnNumber" || e.Key == "$clusterTime" || e.Key == "maxTimeMS" && body[0].Key != "getMore"
	}))
	if err != nil {
		return m, err
	}
	reply, err := exchange(server, plain)
	if err == nil {
		err = s.note(c, reply)
	}
	return reply, err
}

func failure(code int32, name string, labels ...string) bson.D {
	return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "codeName", Value: name}, {Key: "errmsg", Value: name}, {Key: "errorLabels", Value: labels}}
}

// is tells whether it is the primary.
func (s *replicaSet) is() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primary
}

// elect makes it the primary or not. Who loses the office forgets all cursors.
func (s *replicaSet) elect(primary bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.primary = primary
	if !primary {
		clear(s.streams)
		s.wake()
	}
}

// counts tells how many change streams there were, how many were to go on where
// one was, and how many of these could not.
func (s *replicaSet) counts() (opened, resumed, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.resumed, s.lost
}

// strip takes its change streams away.
func (s *replicaSet) strip() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bare = true
}

// wake wakes those who wait for events; mu is held.
func (s *replicaSet) wake() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// forget forgets all events so far, and all cursors.
func (s *replicaSet) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = len(s.events) + 1 // a token of the newest is too old as well
	s.events = append(s.events, nil)
	clear(s.streams)
	s.wake()
}

func (s *replicaSet) hello(server net.Conn, m message) (message, error) {
	reply, err := exchange(server, m)
	if err != nil {
		return m, err
	}
	body, err := reply.body()
	if err != nil {
		return m, err
	}
	primary := s.is()
	body = slices.DeleteFunc(body, func(e bson.E) bool {
		return slices.Contains([]string{"ismaster", "isWritablePrimary", "secondary", "setName", "setVersion", "hosts", "primary", "me",
			"logicalSessionTimeoutMinutes", "topologyVersion", "electionId"}, e.Key)
	})
	body = append(body,
		bson.E{Key: "ismaster", Value: primary}, bson.E{Key: "isWritablePrimary", Value: primary}, bson.E{Key: "secondary", Value: !primary},
		bson.E{Key: "setName", Value: "gateway"}, bson.E{Key: "setVersion", Value: 1}, bson.E{Key: "hosts", Value: bson.A{s.address}},
		bson.E{Key: "me", Value: s.address}, bson.E{Key: "logicalSessionTimeoutMinutes", Value: 30})
	return reply.with(body)
}

// streamOf gives the first stage of a pipeline if it is a change stream's.
func streamOf(body bson.D) bson.D {
	pipeline, _ := lookup(body, "pipeline").(bson.A)
	if len(pipeline) == 0 {
		return nil
	}
	stage, _ := pipeline[0].(bson.D)
	if len(stage) != 1 || stage[0].Key != "$changeStream" {
		return nil
	}
	return stage[0].Value.(bson.D)
}

func token(at int) bson.D { return bson.D{{Key: "_data", Value: fmt.Sprintf("%08d", at)}} }

// watch opens a change stream.
func (s *replicaSet) watch(server net.Conn, m message, body bson.D) (message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bare {
		return exchange(server, m)
	}
	stream := &changeStream{at: len(s.events)}
	stream.database, _ = lookup(body, "$db").(string)
	for _, e := range streamOf(body) {
		after, ok := e.Value.(bson.D)
		if e.Key != "resumeAfter" || !ok {
			return m.answer(failure(9, "FailedToParse"))
		}
		s.resumed++
		if stream.at, _ = strconv.Atoi(lookup(after, "_data").(string)); stream.at < s.first {
			s.lost++
			return m.answer(failure(286, "ChangeStreamHistoryLost", "NonResumableChangeStreamError"))
		}
	}
	for _, stage := range lookup(body, "pipeline").(bson.A)[1:] {
		match, ok := stage.(bson.D)
		if !ok || len(match) != 1 || match[0].Key != "$match" || stream.match != nil {
			return m.answer(failure(40324, "Location40324"))
		}
		stream.match = match[0].Value.(bson.D)
	}
	s.opened++
	id := int64(1)<<40 + int64(s.opened)
	s.streams[id] = stream
	return m.answer(bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: id}, {Key: "ns", Value: stream.database + ".$cmd.aggregate"}, {Key: "firstBatch", Value: bson.A{}},
		{Key: "postBatchResumeToken", Value: token(stream.at)},
	}}})
}

// more gives what a change stream has next, nil if it is another cursor.
func (s *replicaSet) more(body bson.D) bson.D {
	id, _ := body[0].Value.(int64)
	if id < int64(1)<<40 {
		return nil
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for over := false; ; {
		s.mu.Lock()
		stream, moved := s.streams[id], s.moved
		if stream == nil {
			s.mu.Unlock()
			return failure(43, "CursorNotFound", "ResumableChangeStreamError")
		}
		batch := bson.A{}
		for ; stream.at < len(s.events); stream.at++ {
			if e := s.events[stream.at]; stream.wants(e) {
				batch = append(batch, append(bson.D{{Key: "_id", Value: token(stream.at + 1)}}, e...))
			}
		}
		at := stream.at
		s.mu.Unlock()
		if len(batch) > 0 || over {
			return bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
				{Key: "id", Value: id}, {Key: "ns", Value: stream.database + ".$cmd.aggregate"}, {Key: "nextBatch", Value: batch},
				{Key: "postBatchResumeToken", Value: token(at)},
			}}}
		}
		select {
		case <-moved:
		case <-patience.C:
			over = true
		case <-s.ended:
			over = true
		}
	}
}

// wants asks what the stream's $match asks of an event.
func (c *changeStream) wants(e bson.D) bool {
	if e == nil || lookup(lookup(e, "ns").(bson.D), "db") != c.database {
		return false
	}
	for _, want := range c.match {
		var value any
		if want.Key == "ns.coll" {
			value = lookup(lookup(e, "ns").(bson.D), "coll")
		} else {
			value = lookup(e, want.Key)
		}
		if like, ok := want.Value.(bson.D); ok {
			text, _ := value.(string)
			if !regexp.MustCompile(lookup(like, "$regex").(string)).MatchString(text) {
				return false
			}
		} else if value != want.Value {
			return false
		}
	}
	return true
}

// note makes events of what the server says that it has done.
func (s *replicaSet) note(c *command, reply message) error {
	kind := map[string]string{"insert": "insert", "update": "replace"}[c.name]
	if kind == "" {
		return nil
	}
	body, err := reply.body()
	if err != nil {
		return err
	}
	if ok, _ := lookup(body, "ok").(float64); ok != 1 {
		return nil
	}
	failed := make(map[int32]bool)
	errors, _ := lookup(body, "writeErrors").(bson.A)
	for _, e := range errors {
		index, _ := lookup(e.(bson.D), "index").(int32)
		failed[index] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, document := range c.documents {
		if failed[int32(i)] {
			continue
		}
		e := bson.D{{Key: "operationType", Value: kind}, {Key: "ns", Value: bson.D{{Key: "db", Value: c.database}, {Key: "coll", Value: c.collection}}}}
		if kind == "insert" {
			e = append(e, bson.E{Key: "fullDocument", Value: document})
		}
		s.events = append(s.events, e)
	}
	s.wake()
	return nil
}
