package mongodb

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// gateway stands between clients and the server. It hands on whole messages,
// and does to each command what a bad network or a dying process would do.
type gateway struct {
	t        testing.TB
	listener net.Listener
	upstream string
	user     *url.Userinfo
	wait     sync.WaitGroup
	arriving sync.WaitGroup // what is late
	asking   sync.RWMutex   // held by who waits for the server

	mu    sync.Mutex
	conns map[net.Conn]bool
	dead  bool
	skew  time.Duration       // of the time that the server tells
	keys  bool                // nobody's password is right
	done  bool                // the test is over
	judge func(*command) fate // what becomes of a command; nil: nothing
	late  chan struct{}       // closed when requests that are late arrive
	set   *replicaSet         // nil: what the server is
}

// command is a request that comes by, but for those that only keep the
// connection.
type command struct {
	name       string
	collection string
	database   string
	body       bson.D
	documents  []bson.Raw
}

// fate is what becomes of a command.
type fate int

const (
	passes      fate = iota
	lost             // the connection breaks before anything of it arrives
	halved           // half of it arrives, then the connection breaks
	unanswered       // it is done, and the connection breaks
	halfAnswer       // it is done, and half of the answer comes
	delayed          // the connection breaks, and it arrives when release is called
	doubled          // it arrives twice; what comes back is the second answer
	diesBefore       // as lost; nothing of this client ever arrives any more
	diesAfter        // as unanswered; likewise
	diesDelayed      // as delayed; likewise
	cancelled        // as delayed; who sent it has given up
)

var fates = map[fate]string{
	lost: "lost", halved: "halved", unanswered: "unanswered", halfAnswer: "half an answer", delayed: "delayed", doubled: "doubled",
	cancelled: "cancelled", diesBefore: "dies before", diesAfter: "dies after", diesDelayed: "dies, and it arrives late",
}

// newGateway starts one before the server; the test's end stops it.
func newGateway(t testing.TB) *gateway {
	t.Helper()
	return newGatewayWith(t, nil)
}

// newReplicaSet starts a gateway that makes the server look like the primary of
// a replica set.
func newReplicaSet(t testing.TB) *gateway {
	t.Helper()
	return newGatewayWith(t, &replicaSet{primary: true, moved: make(chan struct{}), ended: make(chan struct{}), streams: make(map[int64]*changeStream)})
}

func newGatewayWith(t testing.TB, set *replicaSet) *gateway {
	t.Helper()
	u, err := url.Parse(serverURI(t))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "mongodb" || strings.Contains(u.Host, ",") || u.Query().Has("tls") || u.Query().Has("ssl") {
		t.Skip("the gateway of the tests needs a server at one address, without TLS")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{
		t: t, listener: listener, upstream: u.Host, user: u.User,
		conns: make(map[net.Conn]bool), late: make(chan struct{}), set: set,
	}
	if set != nil {
		set.address = g.address()
	}
	g.wait.Go(g.accept)
	t.Cleanup(g.stop)
	return g
}

func (g *gateway) stop() {
	g.listener.Close()
	g.mu.Lock()
	g.done = true
	g.mu.Unlock()
	if g.set != nil {
		close(g.set.ended)
	}
	g.release()
	g.cut()
	g.wait.Wait()
}

// cut breaks all connections.
func (g *gateway) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Close()
	}
}

// release lets arrive what is late, and waits until the server has done that
// and everything that came before.
func (g *gateway) release() {
	g.mu.Lock()
	select {
	case <-g.late:
	default:
		close(g.late)
	}
	g.mu.Unlock()
	g.arriving.Wait()
	g.asking.Lock()
	defer g.asking.Unlock()
}

// down makes the server go away, when it has done what it is doing, or come
// back.
func (g *gateway) down(away bool) {
	g.asking.Lock()
	g.mu.Lock()
	g.dead = away
	g.mu.Unlock()
	g.asking.Unlock()
	if away {
		g.cut()
	}
}

// locks lets nobody in who has to say who it is.
func (g *gateway) locks() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys = true
}

// skews makes the server tell another time.
func (g *gateway) skews(by time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.skew = by
}

// says changes what the server says to whoever says hello.
func (g *gateway) says(reply message) (message, error) {
	body, err := reply.body()
	if err != nil {
		return reply, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range body {
		// localTime alone: what the driver goes by is left as it is.
		if at, ok := body[i].Value.(bson.DateTime); ok && body[i].Key == "localTime" {
			body[i].Value = at + bson.DateTime(g.skew.Milliseconds())
		}
	}
	return reply.with(body)
}

// judges makes judge decide about each command from now on.
func (g *gateway) judges(judge func(*command) fate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.judge = judge
}

// address is what clients connect to.
func (g *gateway) address() string { return g.listener.Addr().String() }

// client gives one that knows the server by the gateway only.
func (g *gateway) client(opts ...*options.ClientOptions) *mongo.Client {
	g.t.Helper()
	u := url.URL{Scheme: "mongodb", Host: g.address(), User: g.user, Path: "/"}
	if g.set == nil {
		u.RawQuery = "directConnection=true"
	}
	client, err := mongo.Connect(append([]*options.ClientOptions{
		options.Client().ApplyURI(u.String()).SetServerSelectionTimeout(3 * time.Second)}, opts...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		client.Disconnect(ctx)
	})
	return client
}

func (g *gateway) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		if g.enters(c) {
			g.wait.Go(func() {
				defer g.leaves(c)
				g.serve(c)
			})
		}
	}
}

// enters notes a connection, unless nobody is to have one.
func (g *gateway) enters(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead || g.done {
		c.Close()
		return false
	}
	g.conns[c] = true
	return true
}

func (g *gateway) leaves(c net.Conn) {
	c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

// serve hands on what comes on a connection until it breaks.
func (g *gateway) serve(client net.Conn) {
	server, err := net.Dial("tcp", g.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	if !g.enters(server) {
		return
	}
	defer g.leaves(server)
	for {
		m, err := readMessage(client)
		if err != nil {
			return
		}
		c, err := newCommand(m)
		if err != nil {
			g.t.Errorf("gateway: %v", err)
			return
		}
		if !g.pass(client, server, m, c) {
			return
		}
	}
}

// newCommand reads the command in a message, nil if it only keeps the
// connection.
func newCommand(m message) (*command, error) {
	_, _, documents, err := m.split()
	if err != nil {
		return nil, err
	}
	body, err := m.body()
	if err != nil || len(body) == 0 {
		return nil, err
	}
	c := &command{name: body[0].Key, body: body, documents: documents}
	switch c.name {
	case "hello", "isMaster", "ismaster", "ping", "endSessions", "killCursors", "saslStart", "saslContinue":
		return nil, nil
	}
	c.collection, _ = body[0].Value.(string)
	c.database, _ = lookup(body, "$db").(string)
	return c, nil
}

// fate decides about a command.
func (g *gateway) fate(c *command) fate {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.dead:
		return lost
	case c == nil:
		return passes
	}
	f := passes
	if g.judge != nil {
		f = g.judge(c)
	}
	if f == diesBefore || f == diesAfter || f == diesDelayed {
		g.dead = true
	}
	return f
}

// pass does with a message what is to become of it, and tells whether the
// connection goes on.
func (g *gateway) pass(client, server net.Conn, m message, c *command) bool {
	g.asking.RLock()
	defer g.asking.RUnlock()
	f := g.fate(c)
	request := m.bytes()
	switch f {
	case lost, diesBefore:
	case halved:
		server.Write(request[:len(request)/2])
	case delayed, diesDelayed, cancelled:
		g.arriving.Go(func() { g.arriveLate(request) })
	case doubled:
		if _, err := g.ask(server, m, c); err != nil {
			return false
		}
		fallthrough
	default:
		reply, err := g.ask(server, m, c)
		if err != nil {
			return false
		}
		b := reply.bytes()
		switch f {
		case unanswered, diesAfter:
		case halfAnswer:
			client.Write(b[:len(b)/2])
		default:
			_, err := client.Write(b)
			return err == nil
		}
	}
	if f == diesBefore || f == diesAfter || f == diesDelayed {
		g.cut()
	}
	return false
}

// ask lets the server answer a request.
func (g *gateway) ask(server net.Conn, m message, c *command) (message, error) {
	body, err := m.body()
	if err != nil || len(body) == 0 {
		return m, err
	}
	name := body[0].Key
	if g.keys && name == "saslStart" {
		return m.answer(failure(18, "AuthenticationFailed"))
	}
	var reply message
	if g.set != nil {
		reply, err = g.set.ask(server, m, c)
	} else {
		reply, err = exchange(server, m)
	}
	if err == nil && g.skew != 0 && (name == "hello" || name == "isMaster" || name == "ismaster") {
		return g.says(reply)
	}
	return reply, err
}

// exchange sends a request and waits for the answer.
func exchange(server net.Conn, m message) (message, error) {
	if _, err := server.Write(m.bytes()); err != nil {
		return message{}, err
	}
	return readMessage(server)
}

// arriveLate sends a request that nobody waits for any more.
func (g *gateway) arriveLate(request []byte) {
	g.mu.Lock()
	late := g.late
	g.mu.Unlock()
	<-late
	server, err := net.Dial("tcp", g.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(request); err == nil {
		readMessage(server)
	}
}
