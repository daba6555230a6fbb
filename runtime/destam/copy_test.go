package destam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// thicket is a store that is grown at random by commits, without any types.
type thicket struct {
	t testing.TB
	d driver.Driver
	r *rand.Rand

	docs []thicketDoc
	made int
}

type thicketDoc struct {
	id       ID
	standing driver.Standing
	section  []byte
}

var thicketUnique = []string{"slug"}

func newThicket(t testing.TB, d driver.Driver, seed uint64) *thicket {
	t.Helper()
	p := &thicket{t: t, d: d, r: rand.New(rand.NewPCG(seed, 7))}
	for _, table := range []string{"beds", "empty"} {
		if err := d.Declare(ctx, driver.Schema{Table: table, Unique: thicketUnique, Revision: 3}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// grow appends commits at random, those that are accepted.
func (p *thicket) grow(n int) {
	p.t.Helper()
	for range n {
		if len(p.docs) < 12 && p.r.IntN(4) == 0 || len(p.docs) == 0 {
			// Not in the order of creation, as clocks have it.
			p.docs = append(p.docs, thicketDoc{id: ID{6: byte(p.r.IntN(256)), 9: byte(len(p.docs) + 1)}})
		}
		d := &p.docs[p.r.IntN(len(p.docs))]
		if d.standing.Life == driver.Alive && p.r.IntN(60) == 0 {
			if err := p.d.Purge(ctx, "beds", d.id); err != nil {
				p.t.Fatal(err)
			}
			d.standing = driver.Standing{Seq: d.standing.Seq + 1, Life: driver.Purged}
			continue
		}
		p.commit(d)
		if seq := d.standing.Seq; d.standing.Life == driver.Alive && p.r.IntN(8) == 0 {
			if err := p.d.Checkpoint(ctx, "beds", d.id, seq, fmt.Appendf(nil, "content of %v at %d", d.id, seq)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

func (p *thicket) commit(d *thicketDoc) {
	p.t.Helper()
	p.made++
	kinds := []driver.Kind{driver.KindChange, driver.KindChange, driver.KindChange, driver.KindDelete, driver.KindRestore, driver.KindVoid, driver.KindRenumber}
	c := driver.Commit{
		Table: "beds", ID: d.id, Seq: d.standing.Seq + 1, Try: newTry(), Kind: kinds[p.r.IntN(len(kinds))],
		Time: time.Date(2026, 1, 1, 0, 0, 0, p.made, time.UTC), Schema: uint32(p.made), Body: fmt.Appendf(nil, "body %d", p.made), Held: d.standing.Held,
	}
	if p.made%3 == 0 {
		c.By, c.Because, c.Ext = "ann", "because", map[string][]byte{"x": {1}}
	}
	if d.standing.Life == driver.Unborn && p.r.IntN(8) > 0 {
		c.Kind = driver.KindChange
	}
	switch {
	case c.Kind == driver.KindDelete:
		c.Held = nil
	case c.Kind == driver.KindRestore, c.Kind == driver.KindChange && (c.Seq == 1 || p.r.IntN(2) == 0):
		section := driver.Object{{Name: "n", Value: int64(p.made)}}
		if p.r.IntN(4) > 0 { // many quarrel about few values
			section = append(section, driver.Member{Name: "slug", Value: fmt.Sprint("slug ", p.r.IntN(6))})
		}
		c.Section, _ = driver.AppendValue(nil, section)
		c.Held = driver.Held(section, thicketUnique)
	}
	if p.d.Append(ctx, []driver.Commit{c})[0].Err != nil {
		return
	}
	d.standing = d.standing.After(&c)
	if c.Section != nil {
		d.section = c.Section
	}
}

// contents shows all that a store has. Of old commits it leaves out what they
// held, of purges when they were made.
func contents(t testing.TB, d driver.Driver) string {
	t.Helper()
	var b strings.Builder
	for s, err := range d.Tables(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", s)
		for e, err := range d.Documents(ctx, s.Table, ID{}) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%v %d %d %q\n", e.ID, e.Seq, e.Life, e.Held)
			for c, err := range d.Log(ctx, s.Table, e.ID, driver.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				if c.Kind == driver.KindPurge {
					c.Try, c.Time = [16]byte{}, time.Time{}
				}
				c.Held = nil
				fmt.Fprintf(&b, "  %x\n", driver.AppendCommit(nil, &c))
			}
			for seq := e.Seq; e.Life != driver.Purged && e.Life != driver.Unborn && seq > 0; {
				state, err := d.Load(ctx, s.Table, e.ID, seq)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "  checkpoint %d %q\n", state.CheckpointSeq, state.Checkpoint)
				if state.CheckpointSeq == 0 {
					break
				}
				seq = state.CheckpointSeq - 1
			}
		}
		for h, err := range d.Find(ctx, s.Table, driver.Query{}) {
			fmt.Fprintf(&b, "%v %d %x %q %v\n", h.ID, h.Seq, h.Section, h.Held, err)
		}
	}
	return b.String()
}

func sameContents(t testing.TB, what string, want, got driver.Driver) {
	t.Helper()
	if diff := cmp.Diff(contents(t, want), contents(t, got)); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// TestCopy copies random stores from every driver to every driver, while they
// grow: each time the copy has all of it.
func TestCopy(t *testing.T) {
	for _, from := range drivers {
		for _, to := range drivers {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				for seed := range uint64(3) {
					p, copied := newThicket(t, from.open(t), seed), to.open(t)
					var last Progress
					for round := range 4 {
						p.grow(150)
						at, err := Copy(ctx, p.d, copied, &CopyOptions{Progress: func(at Progress) { last = at }})
						if err != nil {
							t.Fatalf("seed %d round %d: %v", seed, round, err)
						}
						if at != last || at.Documents != uint64(len(slices.DeleteFunc(slices.Clone(p.docs), func(d thicketDoc) bool { return d.standing.Seq == 0 }))) {
							t.Fatalf("seed %d round %d: %+v, told %+v", seed, round, at, last)
						}
						sameContents(t, fmt.Sprintf("seed %d round %d", seed, round), p.d, copied)
					}
					at, err := Copy(ctx, p.d, copied, nil)
					if err != nil || at.Commits != 0 || at.Skipped != at.Documents {
						t.Fatalf("once more: %+v, %v", at, err)
					}
				}
			})
		}
	}
}

// TestCopyFails lets every call of either store fail once, in every way: a copy
// is right or says that it is not, and is so after it was begun again.
func TestCopyFails(t *testing.T) {
	p := newThicket(t, memory.Open(nil), 5)
	p.grow(300)
	for _, end := range []string{"from", "to"} {
		for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
			for _, sticky := range []bool{false, true} {
				calls, failed := 1, 0
				for ; ; calls += 1 + calls/9 {
					to := memory.Open(nil)
					from, target := p.d, driver.Driver(to)
					plan := drivertest.Plan{At: calls, How: how, Sticky: sticky, Seed: uint64(calls)}
					var f *drivertest.Faulty
					if end == "from" {
						f = drivertest.Faults(from, plan)
						from = f
					} else {
						f = drivertest.Faults(target, plan)
						target = f
					}
					_, err := copyQuickly(from, target)
					if f.Fired() == 0 {
						if err != nil {
							t.Fatal(err)
						}
						break
					}
					if err == nil {
						sameContents(t, fmt.Sprintf("%s, call %d, %v", end, calls, how), p.d, to)
						continue
					}
					failed++
					if _, err := Copy(ctx, p.d, to, nil); err != nil {
						t.Fatalf("%s, call %d, %v: begun again: %v", end, calls, how, err)
					}
					sameContents(t, fmt.Sprintf("%s, call %d, %v, begun again", end, calls, how), p.d, to)
				}
				if calls < 10 || sticky && failed == 0 {
					t.Errorf("%s, %v, sticky %v: %d calls, %d failed", end, how, sticky, calls, failed)
				}
			}
		}
	}
}

// copyQuickly is Copy that does not wait before it tries again.
func copyQuickly(from, to driver.Driver) (Progress, error) {
	c := newCopier(ctx, from, to, nil)
	c.wait = time.Nanosecond
	err := c.all(ctx)
	return c.at, err
}

// TestCopyRefused has something else at the other end.
func TestCopyRefused(t *testing.T) {
	a, b := newThicket(t, memory.Open(nil), 1), newThicket(t, memory.Open(nil), 1)
	a.grow(50)
	b.grow(50) // the same ids and another history
	before := contents(t, b.d)
	if _, err := Copy(ctx, a.d, b.d, nil); !errors.Is(err, ErrDiffers) {
		t.Errorf("another history: %v", err)
	}
	if contents(t, b.d) != before {
		t.Error("it was changed all the same")
	}
	ahead := memory.Open(nil)
	if _, err := Copy(ctx, a.d, ahead, nil); err != nil {
		t.Fatal(err)
	}
	further := &thicket{t: t, d: ahead, r: a.r, docs: slices.Clone(a.docs), made: 1000}
	further.grow(30)
	if _, err := Copy(ctx, a.d, ahead, nil); !errors.Is(err, ErrDiffers) {
		t.Errorf("a longer history: %v", err)
	}

	narrow := memory.Open(nil)
	if err := narrow.Declare(ctx, driver.Schema{Table: "beds", Unique: []string{"owner", "slug"}, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(ctx, a.d, narrow, nil); !errors.As(err, new(*driver.SchemaError)) {
		t.Errorf("more unique fields there: %v", err)
	}
	bounded := memory.Open(&memory.Options{History: 1})
	c := newThicket(t, bounded, 3)
	c.grow(400)
	if _, err := Copy(ctx, bounded, memory.Open(nil), nil); !errors.Is(err, ErrForgotten) {
		t.Errorf("a history that was cut: %v", err)
	}
	holed := &warped{Driver: a.d, commit: func(c *driver.Commit) bool { return c.Seq != 2 }}
	if _, err := Copy(ctx, holed, memory.Open(nil), nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a history with a hole: %v", err)
	}
	if _, err := Copy(ctx, a.d, memory.Open(&memory.Options{History: 1}), nil); err != nil {
		t.Errorf("to a store that keeps less: %v", err)
	}

	// A document of the other end has what one of here takes.
	taken := memory.Open(nil)
	if err := taken.Declare(ctx, driver.Schema{Table: "beds", Unique: thicketUnique, Revision: 3}); err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		section := driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", n)}}
		c := driver.Commit{Table: "beds", ID: ID{0: 1, 15: byte(n)}, Seq: 1, Try: newTry(), Kind: driver.KindChange, Held: driver.Held(section, thicketUnique)}
		c.Section, _ = driver.AppendValue(nil, section)
		c.Time = time.Unix(0, 0).UTC()
		if err := taken.Append(ctx, []driver.Commit{c})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Copy(ctx, a.d, taken, nil); !errors.Is(err, ErrTaken) {
		t.Errorf("a unique value that is taken there: %v", err)
	}
	ended, cancel := contextEnded()
	defer cancel()
	if _, err := Copy(ended, a.d, memory.Open(nil), nil); !errors.Is(err, ended.Err()) {
		t.Errorf("after its context: %v", err)
	}
}

func contextEnded() (context.Context, context.CancelFunc) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return ended, cancel
}
