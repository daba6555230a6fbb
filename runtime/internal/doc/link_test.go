package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
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

// peer is one document with its own store.
type peer struct {
	*player
	h       *host
	bodies  [][]byte
	mirrors []*mirror
}

// tie is a link between the middle and another, with what is on its way.
type tie struct {
	ends [2]*Digest
	on   [2][]Message // to the end of that index
}

func newStar(t testing.TB, bound int, seed uint64, peers int) *star {
	d, h, bodies := create(t, seedNote, bound)
	s := &star{t: t, what: fmt.Sprintf("bound %d seed %d", bound, seed)}
	add := func(d *Document, h *host, bodies [][]byte) {
		p := &peer{player: newPlayer(d, seed, 200+uint64(len(s.peers))), h: h, bodies: bodies}
		for _, f := range []int{-1, fTasks} {
			m := newMirror(t, fmt.Sprintf("peer %d, field %d", len(s.peers), f), d.root, f, true)
			d.root.Watch(f, m.hear)
			p.mirrors = append(p.mirrors, m)
		}
		s.peers = append(s.peers, p)
	}
	add(d, h, bodies)
	for range peers - 1 {
		w, content := d.NewDigest()
		h := &host{}
		c := New(noteType, d.ID, h, Options{KeyBound: bound})
		if err := c.Adopt(content); err != nil {
			t.Fatal(err)
		}
		p, err := c.Create(Cause{})
		if err != nil {
			t.Fatal(err)
		}
		c.Stored(p, 1)
		answer, err := c.Answer(content)
		if err != nil {
			t.Fatal(err)
		}
		add(c, h, [][]byte{p.Body})
		s.ties = append(s.ties, &tie{ends: [2]*Digest{w, answer}})
	}
	return s
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
// and that their stores have it.
func (s *star) same() {
	s.t.Helper()
	first := s.peers[0]
	for i, p := range s.peers {
		for _, m := range p.mirrors {
			m.check(s.what)
		}
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
