package mongodb

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// hello is what the server says of itself.
type hello struct {
	SetName string    `bson:"setName"`
	Msg     string    `bson:"msg"`
	Now     time.Time `bson:"localTime"`
}

// several tells whether there are several servers, a replica set or a cluster.
func (h *hello) several() bool { return h.SetName != "" || h.Msg == "isdbgrid" }

// hello asks the server, and sets the clock by its answer.
func (s *Store) hello(ctx context.Context) (h hello, err error) {
	asked := time.Now()
	err = s.client.Database(s.opts.Database).RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h)
	if err == nil && !h.Now.IsZero() {
		s.clock.set(asked, time.Now(), h.Now)
	}
	return h, err
}

// clock tells the server's time. It goes by the time that has passed since the
// server said what it is, so that this machine's clock may be wrong, or set.
type clock struct {
	mu   sync.Mutex
	here time.Time // guarded by mu: read from the clock that nobody sets
	at   time.Time // guarded by mu: the server's time then
}

// set notes the server's time at some moment between two.
func (c *clock) set(from, to, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.here, c.at = from.Add(to.Sub(from)/2), at
}

// now is the time by the server's clock.
func (s *Store) now() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	if s.clock.at.IsZero() {
		return time.Now().UTC()
	}
	return s.clock.at.Add(time.Since(s.clock.here)).UTC()
}
