package mongodb

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs"
	inmemory "github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// allOf shows all that a store has. Of old commits it leaves out what they
// held, of purges when they were made: see destam.Copy.
func allOf(t *testing.T, d driver.Driver) string {
	t.Helper()
	var b strings.Builder
	note := func(err error, format string, args ...any) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, format+"\n", args...)
	}
	for s, err := range d.Tables(t.Context()) {
		note(err, "%+v", s)
		for e, err := range d.Documents(t.Context(), s.Table, driver.ID{}) {
			note(err, "%v %d %d %q", e.ID, e.Seq, e.Life, e.Held)
			for c, err := range d.Log(t.Context(), s.Table, e.ID, driver.Range{}) {
				if c.Held = nil; c.Kind == driver.KindPurge {
					c.Try, c.Time = [16]byte{}, time.Time{}
				}
				note(err, "  %x", driver.AppendCommit(nil, &c))
			}
			if e.Life == driver.Alive || e.Life == driver.Deleted {
				state, err := d.Load(t.Context(), s.Table, e.ID, 0)
				note(err, "  %d %q %d", state.CheckpointSeq, state.Checkpoint, len(state.Commits))
			}
		}
		for h, err := range d.Find(t.Context(), s.Table, driver.Query{}) {
			note(err, "%v %d %x %q", h.ID, h.Seq, h.Section, h.Held)
		}
	}
	return b.String()
}

// grow appends what a random life of a few documents may be.
func grow(t *testing.T, d driver.Driver, r *rand.Rand, steps int) {
	t.Helper()
	unique := []string{"slug"}
	if err := d.Declare(t.Context(), driver.Schema{Table: "beds", Unique: unique, Revision: 1}); err != nil {
		t.Fatal(err)
	}
	now := make(map[byte]driver.Standing)
	for step := range steps {
		n := byte(r.IntN(7) + 1)
		was := now[n]
		if was.Life == driver.Alive && r.IntN(25) == 0 {
			if err := d.Purge(t.Context(), "beds", id(n)); err != nil {
				t.Fatal(err)
			}
			now[n] = driver.Standing{Seq: was.Seq + 1, Life: driver.Purged}
			continue
		}
		kinds := []driver.Kind{driver.KindChange, driver.KindChange, driver.KindDelete, driver.KindRestore, driver.KindVoid}
		c := driver.Commit{Table: "beds", ID: id(n), Seq: was.Seq + 1, Kind: kinds[r.IntN(len(kinds))], Schema: 1,
			Time: time.Unix(int64(step), 0).UTC(), Body: fmt.Appendf(nil, "body %d", step), By: "ann", Held: was.Held}
		binary.BigEndian.PutUint64(c.Try[:], r.Uint64())
		switch {
		case c.Kind == driver.KindDelete:
			c.Held = nil
		case c.Kind == driver.KindRestore, c.Kind == driver.KindChange && (c.Seq == 1 || r.IntN(2) == 0):
			section := driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", r.IntN(5))}}
			c.Section, _ = driver.AppendValue(nil, section)
			c.Held = driver.Held(section, unique)
		}
		if d.Append(t.Context(), []driver.Commit{c})[0].Err != nil {
			continue
		}
		if now[n] = was.After(&c); now[n].Life == driver.Alive && r.IntN(6) == 0 {
			if err := d.Checkpoint(t.Context(), "beds", c.ID, c.Seq, fmt.Appendf(nil, "content %d", step)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCopy brings a store of files to a database, and from there to memory.
func TestCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: seconds of processor time")
	}
	serverURI(t)
	files, err := fs.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 9))
	copied := openStore(t, freshDatabase())
	grow(t, files, r, 80)
	if _, err := destam.Copy(t.Context(), files, copied, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allOf(t, files), allOf(t, copied)); diff != "" {
		t.Fatalf("from files (-want +got):\n%s", diff)
	}
	at, err := destam.Copy(t.Context(), files, copied, nil)
	if err != nil || at.Commits != 0 || at.Skipped != at.Documents {
		t.Fatalf("once more: %+v, %v", at, err)
	}
	back := inmemory.Open(nil)
	if _, err := destam.Copy(t.Context(), copied, back, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allOf(t, copied), allOf(t, back)); diff != "" {
		t.Fatalf("and back (-want +got):\n%s", diff)
	}
	for _, d := range []driver.Driver{files, copied} {
		if err := d.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBulkTyped exports typed documents, imports them into a database, verifies
// that, and exports them again.
func TestBulkTyped(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: seconds of processor time")
	}
	serverURI(t)
	opened := func(d driver.Driver) (*destam.DB, *acceptance.OThingTable) {
		db, err := destam.Open(t.Context(), d, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		return db, acceptance.ThingTable(db)
	}
	_, source := opened(inmemory.Open(nil))
	for i := range 6 {
		o, err := source.Create(t.Context(), acceptance.Thing{Query: acceptance.ThingQuery{Name: fmt.Sprint("thing ", i)}, Text: "\xff"})
		if err != nil {
			t.Fatal(err)
		}
		for n := range i {
			o.SetInt64(1<<62 + int64(n))
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i == 3 {
			if err := o.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, history := range []bool{false, true} {
		var text, again bytes.Buffer
		opts := &destam.ExportOptions{History: history}
		if _, err := destam.Export(t.Context(), source, &text, opts); err != nil {
			t.Fatal(err)
		}
		db, table := opened(openStore(t, freshDatabase()))
		if _, err := destam.Import(t.Context(), table, bytes.NewReader(text.Bytes()), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := destam.Export(t.Context(), table, &again, opts); err != nil {
			t.Fatal(err)
		}
		// The first line has the time, the last a sum of it.
		within := func(b *bytes.Buffer) []string {
			lines := strings.Split(b.String(), "\n")
			return lines[1 : len(lines)-2]
		}
		if diff := cmp.Diff(within(&text), within(&again)); diff != "" {
			t.Errorf("history %v (-want +got):\n%s", history, diff)
		}
		for f, err := range destam.Verify(t.Context(), db, nil) {
			t.Errorf("history %v: %v, %v", history, f, err)
		}
	}
}
