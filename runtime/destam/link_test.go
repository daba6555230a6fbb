package destam

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/internal/elsewhere"
	"github.com/destam-go/destamgen/runtime/driver"
)

// pair is a card and its copy in another database, with what connects them.
type pair struct {
	a, b        *OCard
	atA, atB    *Digest
	here, there *base
}

func newPair(t *testing.T, d driver.Driver) *pair {
	t.Helper()
	p := &pair{here: open(t, d, &Options{Window: time.Hour}), there: open(t, memory.Open(nil), &Options{Window: time.Hour})}
	p.a = p.here.create(sample())
	var first []byte
	var err error
	if p.atA, first, err = NewDigest(p.a); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.atA.Stop)
	p.b = must(Adopt(ctx, p.there.cards, first))(t)
	p.atB = must(Answer(p.b, first))(t)
	t.Cleanup(p.atB.Stop)
	return p
}

// rest brings to each side what the other has, until there is nothing more.
func (p *pair) rest(t *testing.T) {
	t.Helper()
	for {
		toB, toA := p.atA.Flush(), p.atB.Flush()
		if toA == nil && toB == nil {
			return
		}
		for commit, to := range map[*[]byte]*Digest{&toA: p.atA, &toB: p.atB} {
			if *commit == nil {
				continue
			}
			if err := to.Apply(*commit); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLinkAtOnce lets both sides of a digest write one slot at once: destam ends
// with each having what the other wrote, for ever (headline 3). Here they end
// equal, by the order of the side where the digest began.
func TestLinkAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		p := newPair(t, d)
		p.a.SetTitle("a")
		p.b.SetTitle("b")
		p.a.Meta().Set("both", "a")
		p.b.Meta().Set("both", "b")
		p.a.Lines().Append(Line{Text: "from a"})
		p.b.Lines().Append(Line{Text: "from b"})
		line := p.b.Lines().At(1)
		toB, toA := p.atA.Flush(), p.atB.Flush()
		if err := errors.Join(p.atA.Apply(toA), p.atB.Apply(toB)); err != nil {
			t.Fatal(err)
		}
		p.rest(t)
		equalCards(t, "at once", p.a, p.b)
		if both, _ := p.a.Meta().Get("both"); p.a.Title() != "b" || both != "b" || p.a.Lines().Len() != 3 {
			t.Errorf("ended as %+v", p.a.Snapshot())
		}
		line.SetText("the same object still")
		p.rest(t)
		equalCards(t, "afterwards", p.a, p.b)
		if n := p.a.Lines().Len(); p.a.Lines().At(n-1).Text() != "the same object still" && p.a.Lines().At(n-2).Text() != "the same object still" {
			t.Errorf("the object was made anew: %+v", p.a.Snapshot().Lines)
		}
		p.here.errs.take() // what was overwritten unseen
		p.there.errs.take()
		if err := errors.Join(p.a.Flush(ctx), p.b.Flush(ctx)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLinkRefuses gives a digest what is not from its other side, or not next.
func TestLinkRefuses(t *testing.T) {
	p := newPair(t, memory.Open(nil))
	q := newPair(t, memory.Open(nil))
	p.a.SetTitle("1")
	first := p.atA.Flush()
	p.a.SetTitle("2")
	second := p.atA.Flush()
	q.a.SetTitle("elsewhere")
	for what, c := range map[string]struct {
		commit []byte
		want   error
	}{
		"the second first": {second, ErrBehind}, "of another document": {q.atA.Flush(), ErrUnfit},
		"nothing": {nil, ErrUnfit}, "cut off": {first[:len(first)-1], ErrUnfit},
	} {
		if err := p.atB.Apply(c.commit); !errors.Is(err, c.want) || !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := p.atA.Apply(first); !errors.Is(err, ErrUnfit) {
		t.Errorf("its own: %v", err)
	}
	other, copied, err := NewDigest(p.a)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Stop()
	p.a.SetTitle("3")
	if err := p.atB.Apply(other.Flush()); !errors.Is(err, ErrUnfit) {
		t.Errorf("of another digest: %v", err)
	}
	if _, err := Answer(p.b, copied); !errors.Is(err, ErrUnfit) {
		t.Errorf("an answer of what is something else by now: %v", err)
	}
	if err := errors.Join(p.atB.Apply(first), p.atB.Apply(second)); err != nil || p.b.Title() != "2" {
		t.Errorf("in order: %v, title %q", err, p.b.Title())
	}
	if err := p.atB.Apply(second); !errors.Is(err, ErrBehind) {
		t.Errorf("twice: %v", err)
	}
}

// changeCard makes a few random changes.
func changeCard(r *rand.Rand, o *OCard) {
	for range 1 + r.IntN(4) {
		text := fmt.Sprint(r.IntN(100))
		lines := o.Lines()
		switch r.IntN(7) {
		case 0:
			o.SetTitle(text)
		case 1:
			o.Meta().Set(fmt.Sprint("k", r.IntN(4)), text)
		case 2:
			lines.Insert(r.IntN(lines.Len()+1), Line{Text: text, Sub: []Line{{Text: "in it"}}})
		case 3:
			if n := lines.Len(); n > 0 {
				lines.Remove(r.IntN(n), 1)
			}
		case 4:
			if n := lines.Len(); n > 0 {
				lines.At(r.IntN(n)).SetText(text)
			}
		case 5:
			if n := lines.Len(); n > 1 {
				lines.Move(r.IntN(n), r.IntN(n))
			}
		case 6:
			o.Meta().Delete(fmt.Sprint("k", r.IntN(4)))
		}
	}
}

// What the other process is asked for.
const (
	frameCopy   = 'c' // adopt these bytes
	frameCommit = 'm' // apply them
	frameGo     = 'g' // change something, by this seed
	frameFlush  = 'f' // give what is to be sent
	frameShow   = 's' // give what is shown
)

// TestLinkChild is the other process of TestLinkProcess.
func TestLinkChild(t *testing.T) {
	parent := elsewhere.Serve(t)
	b := open(t, memory.Open(nil), nil)
	var o *OCard
	var d *Digest
	parent.Answer(func(kind byte, p []byte) (answer []byte, more bool) {
		switch kind {
		case frameCopy:
			o = must(Adopt(ctx, b.cards, p))(t)
			d = must(Answer(o, p))(t)
			t.Cleanup(d.Stop)
		case frameCommit:
			if err := d.Apply(p); err != nil {
				t.Fatal(err)
			}
		case frameGo:
			changeCard(rand.New(rand.NewPCG(binary.BigEndian.Uint64(p), 2)), o)
		case frameFlush:
			answer = d.Flush()
		case frameShow:
			answer = must(json.Marshal(o.Snapshot()))(t)
		}
		return answer, true
	})
	b.errs.take() // what was overwritten unseen, or dropped
}

// TestLinkProcess writes to a document here and to its copy in another process,
// and lets the commits of both be on their way as long as it pleases.
func TestLinkProcess(t *testing.T) {
	child := elsewhere.Start(t, "TestLinkChild")
	ask := func(kind byte, b []byte) []byte {
		t.Helper()
		return child.Ask(t, kind, b)
	}
	b := open(t, memory.Open(nil), nil)
	o := b.create(sample())
	d, first, err := NewDigest(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	ask(frameCopy, first)
	r := rand.New(rand.NewPCG(1, 1))
	var to, from [][]byte
	deliver := func() {
		for len(to) > 0 || len(from) > 0 {
			if len(to) > 0 {
				ask(frameCommit, to[0])
				to = to[1:]
			}
			if len(from) > 0 {
				if err := d.Apply(from[0]); err != nil {
					t.Fatal(err)
				}
				from = from[1:]
			}
		}
	}
	flush := func() bool {
		here, there := d.Flush(), ask(frameFlush, nil)
		if here != nil {
			to = append(to, here)
		}
		if len(there) > 0 {
			from = append(from, there)
		}
		return here != nil || len(there) > 0
	}
	for round := range 40 {
		for range 1 + r.IntN(4) {
			changeCard(r, o)
			ask(frameGo, binary.BigEndian.AppendUint64(nil, r.Uint64()))
			if r.IntN(2) == 0 {
				flush()
			}
		}
		if deliver(); r.IntN(3) > 0 {
			continue
		}
		for flush() {
			deliver()
		}
		var copied Card
		if err := json.Unmarshal(ask(frameShow, nil), &copied); err != nil {
			t.Fatal(err)
		}
		var here Card
		if err := json.Unmarshal(must(json.Marshal(o.Snapshot()))(t), &here); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(here, copied, same, cmp.FilterPath(blank, cmp.Ignore())); diff != "" {
			t.Fatalf("round %d:\n%s", round, diff)
		}
	}
	b.errs.take() // what was overwritten unseen, or dropped
}
