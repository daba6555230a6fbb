package fs

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

func TestRecords(t *testing.T) {
	for _, want := range []driver.Schema{
		{Table: "notes"},
		{Table: "a", Unique: []string{"profile.email", "slug"}, Revision: 1<<32 - 1},
	} {
		got, err := decodeSchema(appendSchema(nil, want)[recordFront:])
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("schema (-want +got):\n%s%v", diff, err)
		}
	}
	want := storedCheckpoint{table: "notes", id: id(3), seq: 1 << 40, content: []byte("content")}
	got, err := decodeCheckpoint(appendCheckpoint(nil, want.table, want.id, want.seq, want.content)[recordFront:])
	if err != nil || got.table != want.table || got.id != want.id || got.seq != want.seq || !bytes.Equal(got.content, want.content) {
		t.Errorf("checkpoint %+v, %v, want %+v", got, err, want)
	}
}

// TestForeignRecords replays records that this version does not write.
func TestForeignRecords(t *testing.T) {
	commit := func(c driver.Commit) []byte { return appendCommit(nil, &c) }
	schema := appendSchema(nil, driver.Schema{Table: notes})
	first := driver.Commit{Table: notes, ID: id(1), Seq: 1, Kind: driver.KindChange, Section: []byte{0x80}}
	second := first
	second.Seq = 3
	for _, tt := range []struct {
		name    string
		records [][]byte
		want    error
	}{
		{"a kind of a later version", [][]byte{{99, 1}}, ErrFormat},
		{"a version of a later version", [][]byte{append([]byte{recordCommit, 2}, commit(first)[2:]...)}, ErrFormat},
		{"a commit of a later version", [][]byte{schema, bytes.Replace(commit(first), []byte{0x9f, 1}, []byte{0x9f, 2}, 1)}, ErrFormat},
		{"nothing", [][]byte{{}}, errRecord},
		{"half a commit", [][]byte{schema, commit(first)[:20]}, ErrDamaged},
		{"a commit of no table", [][]byte{commit(first)}, errRecord},
		{"a gap", [][]byte{schema, commit(first), commit(second)}, errRecord},
		{"a checkpoint of nothing", [][]byte{schema, appendCheckpoint(nil, notes, id(1), 1, nil)}, errRecord},
		{"half a schema", [][]byte{schema[:5]}, errRecord},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Store{tables: make(map[string]*table)}
			var err error
			for _, rec := range tt.records {
				if err == nil {
					err = s.replay(rec, journal.Place{}, 1)
				}
			}
			if err = refusal("dir", err); !errors.Is(err, tt.want) || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// FuzzReplay replays any records: an error or a store that can be read, no
// panic, and no more memory than the records justify.
func FuzzReplay(f *testing.F) {
	var seeds [][]byte
	h := newHistory(f)
	for i := 0; i+1 < len(goldenScript); i += 2 {
		switch op := goldenScript[i]; op {
		case 'c', 'u', 'd', 'r', 'v':
			c := h.commit(goldenScript[i+1]-'0', driver.KindChange, op == 'c')
			seeds = append(seeds, appendCommit(nil, &c))
		}
	}
	schema := appendSchema(nil, driver.Schema{Table: notes, Unique: []string{"slug"}})
	seeds = append(seeds, schema, appendCheckpoint(nil, notes, id(1), 2, []byte("content")))
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		s := &Store{tables: make(map[string]*table)}
		must(t, s.replay(schema, journal.Place{}, 1))
		if s.replay(rec, journal.Place{}, 1) != nil {
			return
		}
		for name, table := range s.tables {
			if table.counts.alive > 1 || len(name) > len(rec)+len(notes) {
				t.Fatalf("one record made %d documents in %q", table.counts.alive, name)
			}
		}
		if len(rec) > 2 && rec[0] == recordSchema { // what is read is written the same
			schema, err := decodeSchema(rec[recordFront:])
			must(t, err)
			if again, err := decodeSchema(appendSchema(nil, schema)[recordFront:]); err != nil || !cmp.Equal(again, schema) {
				t.Fatalf("%+v became %+v, %v", schema, again, err)
			}
		}
	})
}

// FuzzIdentity reads any file STORE.
func FuzzIdentity(f *testing.F) {
	f.Add(newIdentity().encode())
	f.Add([]byte("destam store\nformat 2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := decodeIdentity(b)
		if err == nil && !bytes.Equal(i.encode(), b) {
			t.Fatalf("%q was read as %q", b, i.encode())
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
			t.Fatal(err)
		}
	})
}
