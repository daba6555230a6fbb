package destam

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// findings gives what Verify says of a store.
func findings(t testing.TB, db *DB) (all []string) {
	t.Helper()
	for f, err := range Verify(ctx, db, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.String())
	}
	return all
}

// tended makes a database of cards that have lived: changed, with checkpoints,
// deleted, restored and purged.
func tended(t testing.TB, d driver.Driver, seed uint64) (*base, []ID) {
	t.Helper()
	opts := &Options{Window: time.Hour}
	opts.tuning.checkpoint, opts.tuning.keyBound = 64, 6
	b := open(t, d, opts)
	r := rand.New(rand.NewPCG(seed, 31))
	var ids []ID
	for i := range 6 {
		slug := fmt.Sprint("slug ", i)
		o := b.create(Card{Query: CardQuery{Owner: "ann", Slug: &slug, Labels: []string{"a", "b"}}})
		ids = append(ids, o.ID())
		for range 40 {
			scribble(r, o)
			if r.IntN(5) == 0 {
				o.Query().SetOwner(fmt.Sprint("owner ", r.IntN(3)))
			}
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		b.quiet(o)
		o.Query().SetOwner("ann")
		err := o.Query().SetSlug(slug)
		if err == nil {
			err = o.Flush(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		switch i {
		case 1:
			err = o.Delete(ctx)
		case 2:
			if err = o.Delete(ctx); err == nil {
				_, err = b.cards.Restore(ctx, o.ID())
			}
		case 3:
			err = b.cards.Purge(ctx, o.ID())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b, ids
}

// TestVerify finds nothing wrong where nothing is, with the types of the
// documents and without, also in a copy.
func TestVerify(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b, _ := tended(t, kept{d}, 1)
		if b.Stats().Checkpoints < 5 {
			t.Fatalf("only %d checkpoints", b.Stats().Checkpoints)
		}
		var at Progress
		for f, err := range Verify(ctx, b.DB, &VerifyOptions{Progress: func(p Progress) { at = p }}) {
			t.Errorf("with types: %v, %v", f, err)
		}
		if at.Documents != 6 || at.Commits < 150 {
			t.Errorf("told %+v", at)
		}
		copied := memory.Open(nil)
		if _, err := Copy(ctx, d, copied, nil); err != nil {
			t.Fatal(err)
		}
		db, err := Open(ctx, copied, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close(ctx)
		for _, f := range findings(t, db) {
			t.Errorf("without types: %s", f)
		}
		ended, cancel := contextEnded()
		defer cancel()
		n := 0
		for _, err := range Verify(ended, db, nil) {
			if n++; err == nil {
				t.Error("it went on after the end of its context")
			}
		}
		if n != 1 {
			t.Errorf("%d pairs after the end of the context", n)
		}
	})
}

// warped is a driver that shows something else than it has.
type warped struct {
	driver.Driver
	commit func(*driver.Commit) bool // false leaves it out
	state  func(*driver.State)
	head   func(q driver.Query, h *driver.Head) bool // of a query; false leaves it out
	extra  *driver.Head                              // that queries find too
	entry  func(*driver.Entry)
}

func (w *warped) Log(ctx context.Context, table string, id ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		for c, err := range w.Driver.Log(ctx, table, id, r) {
			if (w.commit == nil || w.commit(&c)) && !yield(c, err) {
				return
			}
		}
	}
}

func (w *warped) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	s, err := w.Driver.Load(ctx, table, id, at)
	if w.state != nil && err == nil {
		w.state(&s)
	}
	return s, err
}

func (w *warped) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		told := w.extra == nil || w.extra.ID.Compare(q.After) <= 0
		for h, err := range w.Driver.Find(ctx, table, q) {
			if !told && w.extra.ID.Compare(h.ID) < 0 {
				if told = true; !yield(*w.extra, nil) {
					return
				}
			}
			if (w.head == nil || w.head(q, &h)) && !yield(h, err) {
				return
			}
		}
	}
}

func (w *warped) Documents(ctx context.Context, table string, after ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		for e, err := range w.Driver.Documents(ctx, table, after) {
			if w.entry != nil {
				w.entry(&e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestVerifyFinds damages one thing of each kind and has it found, by name and
// place, with types and without.
func TestVerifyFinds(t *testing.T) {
	store := memory.Open(nil)
	first, ids := tended(t, kept{store}, 2)
	newest, err := store.Head(ctx, "cards", ids[0])
	if err != nil {
		t.Fatal(err)
	}
	seq := newest.Seq
	of := func(id ID, n uint64, fn func(c *driver.Commit)) func(c *driver.Commit) bool {
		return func(c *driver.Commit) bool {
			if c.ID == id && c.Seq == n {
				fn(c)
			}
			return true
		}
	}
	var section uint64 // a version that has one
	for c, err := range store.Log(ctx, "cards", ids[0], driver.Range{From: 2}) {
		if err == nil && c.Section != nil && section == 0 {
			section = c.Seq
		}
	}
	wrong, _ := driver.AppendValue(nil, driver.Object{{Name: "owner", Value: "nobody"}, {Name: "slug", Value: "slug 0"}})
	var older []byte // the first checkpoint
	for at := seq; at > 0; {
		s, err := store.Load(ctx, "cards", ids[0], at)
		if err != nil {
			t.Fatal(err)
		}
		if at = s.CheckpointSeq; at > 0 {
			older = s.Checkpoint
			at--
		}
	}
	deleted, err := store.Head(ctx, "cards", ids[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		warp warped
		id   ID
		seq  uint64
		why  string
	}{
		{"a version is missing", warped{commit: func(c *driver.Commit) bool { return c.ID != ids[0] || c.Seq != 5 }}, ids[0], 5, "missing; the next is 6"},
		{"the newest version is missing", warped{commit: func(c *driver.Commit) bool { return c.ID != ids[0] || c.Seq != seq }}, ids[0], seq, "missing"},
		{"a body is cut", warped{commit: of(ids[0], 7, func(c *driver.Commit) { c.Body = c.Body[:len(c.Body)-1] })}, ids[0], 7, "cannot be replayed"},
		{"a body is of nothing", warped{commit: of(ids[0], 7, func(c *driver.Commit) { c.Body = []byte{0xc1} })}, ids[0], 7, "cannot be replayed"},
		{"a version is another document's", warped{commit: of(ids[0], 4, func(c *driver.Commit) { c.ID = ids[1] })}, ids[0], 4, "in its place"},
		{"a version is no change", warped{commit: of(ids[0], section, func(c *driver.Commit) { c.Kind = driver.KindDelete })}, ids[0], section, "not well formed"},
		{"a version restores what is there", warped{commit: of(ids[0], section, func(c *driver.Commit) { c.Kind = driver.KindRestore })}, ids[0], section, "cannot follow"},
		{"a query section is another", warped{commit: of(ids[0], section, func(c *driver.Commit) { c.Section = wrong })}, ids[0], section, "not what its changes lead to"},
		{"a checkpoint is cut", warped{state: func(s *driver.State) {
			if s.ID == ids[0] && len(s.Checkpoint) > 0 {
				s.Checkpoint = s.Checkpoint[:len(s.Checkpoint)-1]
			}
		}}, ids[0], 0, "its checkpoint cannot be read"},
		{"a checkpoint says something else", warped{state: func(s *driver.State) {
			if s.ID == ids[0] && s.Checkpoint != nil {
				s.Checkpoint = older
			}
		}}, ids[0], 0, "checkpoint is not what its versions lead to"},
		{"a term is missing in the index", warped{head: func(q driver.Query, h *driver.Head) bool {
			return h.ID != ids[0] || !slices.Contains(q.Terms, "owner\x00sann")
		}}, ids[0], seq, "no query by owner finds it"},
		{"a document is missing in the index", warped{head: func(_ driver.Query, h *driver.Head) bool { return h.ID != ids[0] }}, ids[0], seq, "no query finds it"},
		{"the index has a deleted document", warped{extra: &deleted}, ids[1], deleted.Seq, "queries find it, and it is"},
		{"queries give another section", warped{head: func(_ driver.Query, h *driver.Head) bool {
			if h.ID == ids[0] {
				h.Section = wrong
			}
			return true
		}}, ids[0], seq, "queries give another query section"},
		{"a unique value is held twice", warped{head: func(_ driver.Query, h *driver.Head) bool {
			if h.ID == ids[0] {
				h.ID = ids[4]
			}
			return true
		}}, ids[0], seq, "no query finds it"},
		{"what is held is another", warped{commit: of(ids[0], seq, func(c *driver.Commit) { c.Held = nil })}, ids[0], seq, "other unique values"},
		{"the standing is another", warped{entry: func(e *driver.Entry) {
			if e.ID == ids[1] {
				e.Life = driver.Alive
			}
		}}, ids[1], deleted.Seq, "the store has it as alive, its versions lead to deleted"},
		{"the list is out of order", warped{entry: func(e *driver.Entry) {
			if e.ID == ids[4] {
				e.ID = ids[0]
			}
		}}, ids[0], 0, "the store lists it after"},
	} {
		for _, typed := range []bool{true, false} {
			w := test.warp
			w.Driver = store
			v := verifier{db: first.DB, typ: doc.Untyped, table: driver.Schema{Table: "cards", Unique: first.cards.t.unique, Revision: 1}}
			v.db = &DB{driver: &w, opts: first.opts}
			if typed {
				v.typ = first.cards.t.typ
			}
			var all []Finding
			v.yield = func(f Finding, err error) bool {
				all = append(all, f)
				return true
			}
			if err := v.documents(ctx); err != nil {
				t.Errorf("%s, typed %v: %v", test.what, typed, err)
			}
			if !slices.ContainsFunc(all, func(f Finding) bool {
				return f.ID == test.id && (test.seq == 0 || f.Version == test.seq) && strings.Contains(f.Why, test.why)
			}) {
				t.Errorf("%s, typed %v: found %v", test.what, typed, all)
			}
			if slices.ContainsFunc(all, func(f Finding) bool { return f.ID != test.id }) && !strings.Contains(test.what, "twice") && !strings.Contains(test.what, "order") {
				t.Errorf("%s, typed %v: others are found: %v", test.what, typed, all)
			}
		}
	}
}

// TestVerifyTypes has a value of a kind that no program of this type has stored:
// it is seen as soon as the program has asked for the table, used or not.
func TestVerifyTypes(t *testing.T) {
	store := memory.Open(&memory.Options{Shared: true})
	id := open(t, store.Share(), nil).create(Card{Title: "~"}).ID()
	number := &warped{Driver: store.Share(), commit: func(c *driver.Commit) bool {
		c.Body = bytes.Replace(c.Body, []byte{0xa1, '~'}, []byte{0xcc, '~'}, 1)
		return true
	}}
	db := must(Open(ctx, number, nil))(t)
	defer db.Close(ctx)
	if found := findings(t, db); len(found) > 0 {
		t.Errorf("without types: %v", found)
	}
	CardTable(db)
	if found := findings(t, db); len(found) != 1 || !strings.Contains(found[0], id.String()+"@1: it cannot be replayed") {
		t.Errorf("with types: %v", found)
	}
}

// TestVerifyStops is left in the middle.
func TestVerifyStops(t *testing.T) {
	store := memory.Open(nil)
	b, _ := tended(t, kept{store}, 3)
	w := &warped{Driver: store, commit: func(c *driver.Commit) bool { return c.Seq != 2 }}
	db := &DB{driver: w, opts: b.opts, names: b.names}
	n := 0
	for range Verify(ctx, db, nil) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d findings", n)
	}
}

// TestVerifyLost verifies a document of which Salvage has kept a checkpoint and
// what follows, in place of versions that are lost, and sees what is wrong behind it.
func TestVerifyLost(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		source := open(t, memory.Open(nil), nil)
		card, err := source.cards.Create(ctx, Card{Title: "one", Count: 7}) // the count is lost with version 1
		if err != nil {
			t.Fatal(err)
		}
		for _, title := range []string{"two", "three", "four"} {
			card.SetTitle(title)
			if err := card.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		store := memory.Open(&memory.Options{Shared: true})
		to := store.Share()
		if err := to.Declare(ctx, driver.Schema{Table: "cards"}); err != nil {
			t.Fatal(err)
		}
		content := func(seq uint64) []byte {
			s, err := source.driver.Load(ctx, "cards", card.ID(), seq)
			if err != nil {
				t.Fatal(err)
			}
			b, err := source.cards.t.build(ctx, &s, source.cards.t.scratch)
			if err != nil {
				t.Fatal(err)
			}
			_, content, _ := b.doc.Checkpoint()
			return content
		}
		for c, err := range source.driver.Log(ctx, "cards", card.ID(), driver.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			if c.Held = nil; c.Seq == 1 || c.Seq == 2 {
				c.Body, c.Because = []byte{0x90}, "lost"
			}
			if r := to.Append(ctx, []driver.Commit{c})[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		checkpoints := map[uint64]uint64{3: 3, 4: 4}
		if wrong {
			checkpoints[4] = 3
		}
		for seq, of := range checkpoints {
			if err := to.Checkpoint(ctx, "cards", card.ID(), seq, content(of)); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for f, err := range Verify(ctx, open(t, store.Share(), nil).DB, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; f.ID != card.ID() || f.Version != 4 {
				t.Errorf("wrong %v: %v", wrong, f)
			}
		}
		if (n == 1) != wrong {
			t.Errorf("wrong %v: %d findings", wrong, n)
		}
	}
}
