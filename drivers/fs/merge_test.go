package fs

import (
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestMoved compares what two runs have of a document with what one run has of
// it after a merge, and with what it must not have.
func TestMoved(t *testing.T) {
	rec := func(kind byte, seq uint64, body string) run.Record {
		return run.Record{Kind: kind, Seq: seq, Body: []byte(body)}
	}
	parts := func(life driver.Life) []*run.Document {
		older := &run.Document{Records: []run.Record{
			rec(run.Commit, 1, "a"), rec(run.Commit, 2, "b"), rec(run.Checkpoint, 2, "ab"),
		}}
		older.First, older.Standing = 1, driver.Standing{Seq: 2, Life: driver.Alive}
		newer := &run.Document{Records: []run.Record{rec(run.Checkpoint, 1, "a"), rec(run.Commit, 3, "c")}}
		newer.First, newer.Section = 3, []byte{0x80}
		newer.Standing = driver.Standing{Seq: 3, Life: life, Held: []driver.Term{"slug\x00sx"}}
		return []*run.Document{older, newer}
	}
	merged := func(records ...run.Record) *run.Document {
		d := &run.Document{Head: parts(driver.Alive)[1].Head, Records: records}
		d.First = 1
		return d
	}
	sound := []run.Record{
		rec(run.Commit, 1, "a"), rec(run.Checkpoint, 1, "a"), rec(run.Commit, 2, "b"), rec(run.Checkpoint, 2, "ab"), rec(run.Commit, 3, "c"),
	}
	swapped := slices.Clone(sound)
	swapped[0], swapped[2] = swapped[2], swapped[0]
	other := slices.Clone(sound)
	other[3] = rec(run.Checkpoint, 2, "ax")
	renamed := merged(sound...)
	renamed.Standing.Held = nil
	cut := merged(sound...)
	cut.First = 2
	purged := func(last run.Record) *run.Document {
		d := merged(rec(run.Tries, 1, "0123456789abcdef0123456789abcdef"), last)
		d.Standing.Life = driver.Purged
		return d
	}
	tests := []struct {
		name string
		life driver.Life
		d    *run.Document
		want bool
	}{
		{"the same", driver.Alive, merged(sound...), true},
		{"one less", driver.Alive, merged(sound[:4]...), false},
		{"one more", driver.Alive, merged(append(slices.Clone(sound), rec(run.Checkpoint, 3, "abc"))...), false},
		{"none", driver.Alive, merged(), false},
		{"in another order", driver.Alive, merged(swapped...), false},
		{"another body", driver.Alive, merged(other...), false},
		{"other values", driver.Alive, renamed, false},
		{"another first one", driver.Alive, cut, false},
		{"another life", driver.Purged, merged(sound...), false},
		{"purged", driver.Purged, purged(rec(run.Commit, 3, "c")), true},
		{"another purge", driver.Purged, purged(rec(run.Commit, 3, "x")), false},
		{"purged, of another sequence", driver.Purged, purged(rec(run.Commit, 2, "c")), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := moved(parts(tt.life), tt.d); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	for _, life := range []driver.Life{driver.Alive, driver.Purged} {
		all := parts(life)
		if life == driver.Purged {
			all[0].Records, all[1].Records = nil, all[1].Records[1:] // whose attempts were erased before
		}
		var out run.Document
		if d, err := combine(&out, all); err != nil || !moved(all, d) {
			t.Errorf("life %v: combine made %v, %v", life, d, err)
		}
	}
}
