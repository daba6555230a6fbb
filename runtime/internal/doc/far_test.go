package doc

import (
	"encoding/json"
	"testing"

	"github.com/destam-go/destamgen/internal/elsewhere"
)

// What the process of TestFar is asked for.
const (
	farCopy    = 'c' // be a copy: a joining
	farApply   = 'a' // apply a body to it, and give its content
	farJoin    = 'j' // be a peer of a star: a joining
	farPlay    = 'p' // play a scenario with the peers that have joined: a linkedPlay
	farGo      = 'g' // go on: nobody has anything to say
	farSend    = 's' // what does a peer's end of its link say
	farReceive = 'r' // take this message in
	farShow    = 'w' // the content of a peer
)

// goTo gives a copy to another process too, which gets what r gets from now on.
func (r *replica) goTo(far *elsewhere.Process) {
	r.far = far
	far.Ask(r.t, farCopy, asJSON(r.t, joining{Bound: r.d.opts.KeyBound, ID: r.d.ID, Content: r.from.d.content()}))
}

// farEnd is the end of a link in another process, at the peer with that index.
type farEnd struct {
	t   testing.TB
	far *elsewhere.Process
	i   int
}

// letter is a message from or to a peer.
type letter struct {
	I int
	M Message
}

// Send is [Digest.Send].
func (e farEnd) Send() (m Message, ok bool) {
	b := e.far.Ask(e.t, farSend, []byte{byte(e.i)})
	if len(b) == 0 {
		return m, false
	}
	return fromJSON[Message](e.t, b), true
}

// Receive is [Digest.Receive].
func (e farEnd) Receive(m Message, _ Cause) (*Pending, error) {
	e.far.Ask(e.t, farReceive, asJSON(e.t, letter{e.i, m}))
	return nil, nil
}

// TestFar is the other process of the tests whose copies are in one.
func TestFar(t *testing.T) {
	f := &far{t: t, parent: elsewhere.Serve(t)}
	for f.parent.Answer(f.answer) {
		if f.next == nil {
			t.Fatal("told to go on without anything to play")
		}
		play := f.next
		f.next = nil
		play()
		f.over = true
	}
}

// far is what the process of TestFar has.
type far struct {
	t      testing.TB
	parent *elsewhere.Parent
	copy   *replica
	star   *star // its peers that are here; the others have no document
	ends   map[int]*Digest
	next   func() // what is played after an answer
	over   bool   // who joins from now on joins another star
}

func (f *far) answer(kind byte, b []byte) (answer []byte, more bool) {
	switch kind {
	case farCopy:
		j := fromJSON[joining](f.t, b)
		c, _, bodies := adopted(f.t, noteType, j.ID, j.Bound, j.Content)
		f.copy = &replica{t: f.t, d: c, bodies: bodies, met: map[ID]*Node{}}
		f.copy.meet()
	case farApply:
		f.copy.take(b)
		f.copy.store()
		return f.copy.d.content(), true
	case farJoin:
		j := fromJSON[joining](f.t, b)
		if f.star == nil || f.over {
			f.star, f.ends, f.over = &star{t: f.t}, map[int]*Digest{}, false
		}
		for len(f.star.peers) < j.I {
			f.star.peers = append(f.star.peers, &peer{player: &player{}})
		}
		p, end := join(f.t, j)
		f.star.peers, f.ends[j.I] = append(f.star.peers, p), end
	case farPlay:
		l := fromJSON[linkedPlay](f.t, b)
		f.star.what = l.String()
		f.next = func() {
			l.play(f.star, func() { f.parent.Answer(f.answer) })
			f.star.same()
		}
		return nil, false
	case farGo:
		return nil, false
	case farSend:
		if m, ok := f.ends[int(b[0])].Send(); ok {
			return asJSON(f.t, m), true
		}
	case farReceive:
		l := fromJSON[letter](f.t, b)
		if _, err := f.ends[l.I].Receive(l.M, Cause{By: "other"}); err != nil {
			f.t.Fatal(err)
		}
	case farShow:
		return f.star.peers[b[0]].d.content(), true
	}
	return nil, true
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fromJSON[T any](t testing.TB, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
