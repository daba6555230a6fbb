package driver_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/destam-go/destamgen/runtime/driver"
)

var update = flag.Bool("update", false, "write the golden commits in testdata anew")

// golden are the commits whose stored form is committed. Their bytes may never
// change, and every later release must read them.
func golden() map[string]driver.Commit {
	section, err := driver.AppendValue(nil, driver.Object{
		{Name: "owner", Value: "ann"},
		{Name: "slug", Value: "milk"},
		{Name: "labels", Value: driver.Array{"home", "now"}},
	})
	if err != nil {
		panic(err)
	}
	base := driver.Commit{
		Table:  "notes",
		ID:     driver.ID{0x01, 0x98, 0x7a, 0x10, 0x42, 0x55, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Try:    [16]byte{0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Time:   time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC),
		Schema: 3,
		Seq:    1,
	}
	with := func(change func(c *driver.Commit)) driver.Commit {
		c := base
		change(&c)
		return c
	}
	slug := driver.TermOf([]string{"slug"}, "milk")
	return map[string]driver.Commit{
		"create": with(func(c *driver.Commit) {
			c.Kind, c.Body, c.Section, c.Held = driver.KindChange, []byte("body"), section, []driver.Term{slug}
		}),
		"change": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Body, c.Held = driver.KindChange, 2, []byte("body"), []driver.Term{slug}
		}),
		"update": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Body = driver.KindChange, 300, []byte("body")
			c.By, c.Because = "ann", "import of März 🥛"
		}),
		"extended": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Body = driver.KindChange, 4, []byte("body")
			c.Ext = map[string][]byte{"trace": {1, 2, 3}, "": nil, "zone": []byte("CET")}
		}),
		"delete": with(func(c *driver.Commit) { c.Kind, c.Seq, c.By = driver.KindDelete, 5, "bob" }),
		"restore": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Section, c.Held = driver.KindRestore, 6, section, []driver.Term{slug}
		}),
		"purge": with(func(c *driver.Commit) { c.Kind, c.Seq = driver.KindPurge, 70_000 }),
		"void":  with(func(c *driver.Commit) { c.Kind = driver.KindVoid }),
		"renumber": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Body, c.Time = driver.KindRenumber, 1<<40, []byte("keys"), time.Unix(-1, 5).UTC()
		}),
		"long": with(func(c *driver.Commit) {
			c.Kind, c.Seq, c.Schema, c.Time = driver.KindChange, math.MaxUint64, math.MaxUint32, time.Time{}
			c.Body = bytes.Repeat([]byte{7}, 300)
			for i := range 20 {
				c.Held = append(c.Held, driver.TermOf([]string{"profile", "email"}, fmt.Sprintf("%02d", i)))
			}
		}),
	}
}

// fieldNames are the fields of the stored form in their order.
var fieldNames = []string{"version", "flags", "table", "id", "seq", "try", "kind", "time", "schema", "by", "because", "ext", "body", "section", "held"}

// render writes stored bytes with a line for each field, for people who read a
// golden file.
func render(t *testing.T, stored []byte) string {
	t.Helper()
	rest := bytes.NewReader(stored)
	d := msgpack.NewDecoder(rest)
	if _, err := d.DecodeArrayLen(); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%-8s % x\n", "array", stored[:len(stored)-rest.Len()])
	for _, name := range fieldNames {
		raw, err := d.DecodeRaw()
		if err != nil {
			t.Fatalf("field %s: %v", name, err)
		}
		text += fmt.Sprintf("%-8s % x\n", name, []byte(raw))
	}
	return text
}

// unrender takes the bytes out of a rendered commit.
func unrender(t *testing.T, text string) []byte {
	t.Helper()
	var stored []byte
	for line := range strings.Lines(text) {
		_, digits, _ := strings.Cut(line, " ")
		b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, b...)
	}
	return stored
}

func TestCommitGolden(t *testing.T) {
	for name, c := range golden() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "commit", name+".txt")
			stored := driver.AppendCommit(nil, &c)
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(render(t, stored)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), render(t, stored)); diff != "" {
				t.Errorf("stored form (-want +got):\n%s", diff)
			}
			got, err := driver.DecodeCommit(unrender(t, string(want)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c, got); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCommitInFormatDocument keeps the example in docs/FORMAT.md true.
func TestCommitInFormatDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "FORMAT.md"))
	if err != nil {
		t.Fatal(err)
	}
	c := golden()["create"]
	if !strings.Contains(string(document), render(t, driver.AppendCommit(nil, &c))) {
		t.Error("docs/FORMAT.md does not show testdata/commit/create.txt")
	}
}

// TestCommitAgainstLibrary reads the stored form with the library alone.
func TestCommitAgainstLibrary(t *testing.T) {
	for name, c := range golden() {
		t.Run(name, func(t *testing.T) {
			var got []any
			if err := msgpack.Unmarshal(driver.AppendCommit(nil, &c), &got); err != nil {
				t.Fatal(err)
			}
			ext, held := map[string]any{}, []any{}
			for k, v := range c.Ext {
				ext[k] = append([]byte{}, v...)
			}
			for _, term := range c.Held {
				held = append(held, string(term))
			}
			var section any
			if c.Section != nil {
				section = c.Section
			}
			want := []any{uint64(1), uint64(0), c.Table, c.ID[:], c.Seq, c.Try[:], uint64(c.Kind), c.Time, uint64(c.Schema),
				c.By, c.Because, ext, append([]byte{}, c.Body...), section, held}
			for _, i := range []int{0, 1, 4, 6, 8} { // the library gives the width it met
				got[i] = unsigned(got[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unsigned widens an integer.
func unsigned(v any) any {
	switch v := v.(type) {
	case int8:
		return uint64(v)
	case uint8:
		return uint64(v)
	case uint16:
		return uint64(v)
	case uint32:
		return uint64(v)
	}
	return v
}

// TestCommitOverhead holds a small commit small.
func TestCommitOverhead(t *testing.T) {
	c := golden()["change"]
	c.Held = nil
	n := len(driver.AppendCommit(nil, &c)) - len(c.Table) - len(c.ID) - len(c.Body)
	if n > 46 {
		t.Errorf("a commit takes %d bytes besides its table, id and body, want at most 46", n)
	}
}

func TestCommitOwnsItsMemory(t *testing.T) {
	for name, c := range golden() {
		stored := driver.AppendCommit(nil, &c)
		got, err := driver.DecodeCommit(stored)
		if err != nil {
			t.Fatal(err)
		}
		for i := range stored {
			stored[i] = '!'
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%s shares memory with its stored form (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeCommitRefuses(t *testing.T) {
	c := golden()["extended"]
	c.Held = []driver.Term{"a\x00sb"}
	good := driver.AppendCommit(nil, &c)
	replaced := func(old, with string) []byte {
		if bytes.Count(good, []byte(old)) != 1 {
			t.Fatalf("%x is not there once", old)
		}
		return bytes.Replace(good, []byte(old), []byte(with), 1)
	}
	tests := []struct {
		name  string
		in    []byte
		newer bool
		says  string
	}{
		{"nothing", nil, false, ""},
		{"zeros", make([]byte, 64), false, ""},
		{"no array", []byte{0xc0}, false, ""},
		{"version 0", replaced("\x9f\x01\x00", "\x9f\x00\x00"), false, "version 0"},
		{"version 2", replaced("\x9f\x01\x00", "\x9f\x02\x00"), true, "version 2"},
		{"version 2 with more fields", append(replaced("\x9f\x01\x00", "\xdc\x00\x10\x02\x00"), 0xc0), true, "version 2"},
		{"more fields in this version", append(replaced("\x9f\x01\x00", "\xdc\x00\x10\x01\x00"), 0xc0), false, "16 fields"},
		{"fewer fields", replaced("\x9f\x01\x00", "\x9e\x01\x00"), false, "14 fields"},
		{"compressed", replaced("\x9f\x01\x00", "\x9f\x01\x01"), true, "compressed"},
		{"encrypted", replaced("\x9f\x01\x00", "\x9f\x01\x02"), true, "encrypted"},
		{"unknown flag", replaced("\x9f\x01\x00", "\x9f\x01\x04"), true, "flags"},
		{"short id", replaced("\xc4\x10\x01\x98\x7a\x10", "\xc4\x0f\x01\x98\x7a"), false, "15 bytes"},
		{"kind 0", replaced("\x01\xd7\xff", "\x00\xd7\xff"), false, "kind"},
		{"kind 7", replaced("\x01\xd7\xff", "\x07\xd7\xff"), false, "kind"},
		{"large schema", replaced("\x03\xa0\xa0", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa0\xa0"), false, "schema"},
		{"extension twice", replaced("\xa4zone", "\xa5trace"), false, "twice"},
		{"section is no bytes", replaced("\xc0\x91\xa4a", "\x01\x91\xa4a"), false, ""},
		{"trailing bytes", append(bytes.Clone(good), 0), false, "follow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := driver.DecodeCommit(tt.in)
			var format *driver.FormatError
			if !errors.As(err, &format) || format.Newer != tt.newer || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want one that says %q, newer %v", err, tt.says, tt.newer)
			}
			if !cmp.Equal(got, driver.Commit{}) {
				t.Error("half a commit beside an error")
			}
		})
	}
}

func TestDecodeCommitCut(t *testing.T) {
	for name, c := range golden() {
		stored := driver.AppendCommit(nil, &c)
		for i := range stored {
			if _, err := driver.DecodeCommit(stored[:i]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are a commit", name, i, len(stored))
			}
		}
	}
}

// FuzzDecodeCommit reads damaged commits: no input makes it panic or take
// memory out of proportion, and what it can read it writes and reads again.
func FuzzDecodeCommit(f *testing.F) {
	for _, c := range golden() {
		f.Add(driver.AppendCommit(nil, &c))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := driver.DecodeCommit(in)
		var d driver.Decoder
		for range 2 { // the second time it has what it repeats
			var own driver.Commit
			if derr := d.Decode(in, &own); fmt.Sprint(derr) != fmt.Sprint(err) {
				t.Fatalf("a Decoder says %v, DecodeCommit %v", derr, err)
			}
			if diff := cmp.Diff(c, own); diff != "" {
				t.Fatalf("a Decoder reads (-DecodeCommit +Decoder):\n%s", diff)
			}
		}
		if err != nil {
			return
		}
		if n := len(c.Table) + len(c.By) + len(c.Because) + len(c.Body) + len(c.Section) + len(c.Held) + len(c.Ext); n > len(in) {
			t.Fatalf("%d bytes out of %d", n, len(in))
		}
		again, err := driver.DecodeCommit(driver.AppendCommit(nil, &c))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzAppendCommit reads back commits of any content, with this package and
// with the library.
func FuzzAppendCommit(f *testing.F) {
	f.Add("notes", uint64(1), int64(0), int64(0), uint32(1), "ann", "because", "x", []byte{1}, []byte("body"), []byte{0x80}, "slug\x00sa")
	f.Fuzz(func(t *testing.T, table string, seq uint64, sec, nsec int64, schema uint32, by, because, name string, ext, body, section []byte, held string) {
		c := driver.Commit{
			Table: table, ID: driver.ID{1, byte(seq)}, Seq: seq, Try: [16]byte{2, byte(seq)}, Kind: driver.Kind(1 + seq%6),
			Time: time.Unix(sec, nsec).UTC(), Schema: schema, By: by, Because: because, Body: body, Section: section,
		}
		if name != "" {
			c.Ext = map[string][]byte{name: ext, "fixed": nil}
		}
		if held != "" {
			c.Held = []driver.Term{driver.Term(held), "z\x00b1"}
		}
		stored := driver.AppendCommit(nil, &c)
		got, err := driver.DecodeCommit(stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got, cmpopts.EquateEmpty()); diff != "" || (c.Section == nil) != (got.Section == nil) {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		var library []any
		if err := msgpack.Unmarshal(stored, &library); err != nil || len(library) != len(fieldNames) {
			t.Fatalf("the library reads %d fields, %v", len(library), err)
		}
	})
}

// TestDecoder reads commits with what they share: all that differ in one thing.
func TestDecoder(t *testing.T) {
	var d driver.Decoder
	all := golden()
	names := slices.Sorted(maps.Keys(all))
	decode := func(name string, want driver.Commit) {
		t.Helper()
		var got driver.Commit
		if err := d.Decode(driver.AppendCommit(nil, &want), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range slices.Concat(names, names) {
		decode(name, all[name])
	}
	for name, change := range map[string]func(c *driver.Commit){
		"table": func(c *driver.Commit) { c.Table += "s" }, "id": func(c *driver.Commit) { c.ID[15]++ },
		"attempt": func(c *driver.Commit) { c.Try[0]++ }, "kind": func(c *driver.Commit) { c.Kind = driver.KindDelete },
		"schema": func(c *driver.Commit) { c.Schema++ }, "by": func(c *driver.Commit) { c.By = "x" },
		"because": func(c *driver.Commit) { c.Because = "x" }, "ext": func(c *driver.Commit) { c.Ext = map[string][]byte{"a": {1}} },
		"section": func(c *driver.Commit) { c.Section = []byte{0x80} }, "held": func(c *driver.Commit) { c.Held = nil },
		"no body": func(c *driver.Commit) { c.Body = nil }, "long body": func(c *driver.Commit) { c.Body = make([]byte, 70_000) },
		"body": func(c *driver.Commit) { c.Body = make([]byte, 300) }, "second": func(c *driver.Commit) { c.Time = time.Unix(77, 0).UTC() },
		"century": func(c *driver.Commit) { c.Time = time.Unix(1<<35, 5).UTC() },
	} {
		for _, seq := range []uint64{2, 200, 300, 70_000, 1 << 40} {
			c := all["change"]
			c.Seq = seq
			decode("before "+name, c)
			change(&c)
			c.Seq++
			decode(name, c)
			decode(name, c)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	c := golden()["change"]
	c.Body = bytes.Repeat([]byte{7}, 60)
	stored := driver.AppendCommit(nil, &c)
	b.Run("op=append/by=driver", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 512)
		for b.Loop() {
			buf = driver.AppendCommit(buf[:0], &c)
		}
	})
	b.Run("op=append/by=library", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		e := msgpack.NewEncoder(&buf)
		for b.Loop() {
			buf.Reset()
			for _, v := range []any{1, 0, c.Table, c.ID[:], c.Seq, c.Try[:], uint8(c.Kind), c.Time, c.Schema, c.By, c.Because, c.Ext, c.Body, c.Section, c.Held} {
				if err := e.Encode(v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("op=decode/by=driver", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := driver.DecodeCommit(stored); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("op=decode/by=decoder", func(b *testing.B) {
		b.ReportAllocs()
		var d driver.Decoder
		var c driver.Commit
		for b.Loop() {
			if err := d.Decode(stored, &c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("op=decode/by=library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var fields []any
			if err := msgpack.Unmarshal(stored, &fields); err != nil {
				b.Fatal(err)
			}
		}
	})
}
