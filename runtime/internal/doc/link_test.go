package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/destam-go/destamgen/internal/elsewhere"
)

// star is a document with copies of it in other processes, all of which write.
// Their messages are on their way for as long as the test likes.
type star struct {
	t     testing.TB
	what  string
	peers []*peer // the first is the one in the middle
	ties  []*tie  // of the others, from the second on
	order string  // that the deltas of a message come in
}

// peer is one document with its own store, or nothing where the document is in
// another process.
type peer struct {
	*player
	h      *host
	bodies [][]byte
}

// tie is a link between the middle and another, with what is on its way.
type tie struct {
	ends [2]end
	on   [2][]Message // to the end of that index
}

// end is a [Digest] here or in another process.
type end interface {
	Send() (Message, bool)
	Receive(Message, Cause) (*Pending, error)
}

func newStar(t testing.TB, bound int, seed uint64, peers int) *star {
	return newFarStar(t, bound, seed, peers, nil)
}

// newFarStar is newStar with every other peer in another process, if there is
// one.
func newFarStar(t testing.TB, bound int, seed uint64, peers int, far *elsewhere.Process) *star {
	d, h, bodies := create(t, seedNote, bound)
	s := &star{t: t, what: fmt.Sprintf("bound %d seed %d", bound, seed)}
	s.peers = append(s.peers, newPeer(t, d, h, bodies, seed, 0))
	for i := 1; i < peers; i++ {
		w, content := d.NewDigest()
		p, answer := &peer{player: &player{}}, end(farEnd{t, far, i})
		if far != nil && i%2 == 1 {
			far.Ask(t, farJoin, asJSON(t, joining{i, seed, bound, d.ID, content}))
		} else {
			p, answer = join(t, joining{i, seed, bound, d.ID, content})
		}
		s.peers = append(s.peers, p)
		s.ties = append(s.ties, &tie{ends: [2]end{w, answer}})
	}
	return s
}

func newPeer(t testing.TB, d *Document, h *host, bodies [][]byte, seed uint64, i int) *peer {
	p := &peer{player: newPlayer(d, seed, 200+uint64(i)), h: h, bodies: bodies}
	for _, f := range []int{-1, fTasks} {
		d.root.Watch(f, func(*Commit) {})
	}
	return p
}

// joining is what a peer begins with.
type joining struct {
	I       int
	Seed    uint64
	Bound   int
	ID      ID
	Content []byte
}

func join(t testing.TB, j joining) (*peer, *Digest) {
	c, h, bodies := adopted(t, noteType, j.ID, j.Bound, j.Content)
	answer, err := c.Answer(j.Content)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c, h, bodies, j.Seed, j.I), answer
}

// send lets an end of a link say what it has to say.
func (s *star) send(l *tie, end int) bool {
	m, ok := l.ends[end].Send()
	if ok {
		if len(m.Body) > 0 {
			m.Body = reordered(m.Body, s.order)
		}
		l.on[1-end] = append(l.on[1-end], m)
	}
	return ok
}

// arrive lets the oldest message to an end arrive.
func (s *star) arrive(l *tie, end int) bool {
	s.t.Helper()
	if len(l.on[end]) == 0 {
		return false
	}
	m := l.on[end][0]
	l.on[end] = l.on[end][1:]
	if _, err := l.ends[end].Receive(m, Cause{By: "other"}); err != nil {
		s.t.Fatalf("%s: %v", s.what, err)
	}
	return true
}

// rest goes on until nobody has anything to say.
func (s *star) rest() {
	s.t.Helper()
	for more := true; more; {
		more = false
		for _, l := range s.ties {
			for end := range 2 {
				for s.arrive(l, end) {
					more = true
				}
				more = s.send(l, end) || more
			}
		}
	}
}

// same demands that all are equal, byte for byte, that their listeners know,
// and that their stores have it. Those in another process do the same there.
func (s *star) same() {
	s.t.Helper()
	var first *peer
	for i, p := range s.peers {
		if p.d == nil {
			continue
		}
		if first == nil {
			first = p
		}
		checkFolds(s.t, s.what, p.d)
		p.store(s.t, s.what)
		checkHolders(s.t, p.d)
		if !bytes.Equal(p.d.content(), first.d.content()) {
			equalNotes(s.t, fmt.Sprintf("%s peer %d", s.what, i), storedPart(p.d), storedPart(first.d))
			s.t.Fatalf("%s peer %d: ids or keys differ", s.what, i)
		}
		if !bytes.Equal(replayed(s.t, p.bodies, p.d.opts.KeyBound).content(), p.d.content()) {
			s.t.Fatalf("%s peer %d: its store has something else", s.what, i)
		}
		for _, err := range p.h.take() {
			over := (*Overwritten)(nil)
			switch {
			case errors.Is(err, ErrDetached), errors.Is(err, ErrDropped):
			case errors.As(err, &over) && over.By == "other" && len(over.Paths) > 0:
			default:
				s.t.Fatalf("%s peer %d: %v", s.what, i, err)
			}
		}
	}
	if s.t.Failed() {
		s.t.Fatal(s.what)
	}
}

// store stores what a peer has pending.
func (p *peer) store(t testing.TB, what string) {
	t.Helper()
	for _, w := range p.d.Seal() {
		p.bodies = append(p.bodies, w.Body)
		p.d.Stored(w, uint64(len(p.bodies)))
	}
}

// TestLink lets two to four peers write at random, send what they did whenever
// they like, and get what others sent as late as it pleases: when all has
// arrived, they are equal.
func TestLink(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(120) {
			linked(t, seed, bound)
		}
	}
}

// FuzzLink is TestLink for seeds that a fuzzer finds.
func FuzzLink(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) { linked(t, seed, bounds[seed%2]) })
}

func linked(t *testing.T, seed uint64, bound int) {
	r := rand.New(rand.NewPCG(seed, 100))
	s := newStar(t, bound, seed, 2+int(seed%3))
	for range 3 {
		for range 20 {
			s.order = deltaOrders[r.IntN(3)]
			l := s.ties[r.IntN(len(s.ties))]
			switch r.IntN(5) {
			case 0, 1:
				s.send(l, r.IntN(2))
			case 2, 3:
				s.arrive(l, r.IntN(2))
			default:
				p := s.peers[r.IntN(len(s.peers))]
				p.some(t)
				if r.IntN(3) == 0 {
					p.store(t, s.what)
				}
			}
			if t.Failed() {
				t.Fatal(s.what)
			}
		}
		s.rest()
		s.same()
	}
}

// TestLinkBehind holds that a message which is not the next one, or was made on
// one that was never sent, changes nothing, at either end; the right one may
// follow.
func TestLinkBehind(t *testing.T) {
	for end, name := range []string{"the first", "the second"} {
		t.Run(name, func(t *testing.T) {
			s := newStar(t, 64, 1, 2)
			to := s.peers[end].d
			do(root(s.peers[1-end].d), title("new"))
			m, ok := s.ties[0].ends[1-end].Send()
			if !ok {
				t.Fatal("nothing to say")
			}
			before := to.content()
			ahead, later := m, m
			ahead.Seen++
			later.Number++
			for _, m := range []Message{ahead, later} {
				if _, err := s.ties[0].ends[end].Receive(m, Cause{}); !errors.Is(err, ErrBehind) || !bytes.Equal(to.content(), before) {
					t.Errorf("message %d on %d: %v, %+v", m.Number, m.Seen, err, snapshot(to))
				}
			}
			if _, err := s.ties[0].ends[end].Receive(m, Cause{}); err != nil {
				t.Error(err)
			}
			s.rest()
			s.same()
		})
	}
}
