package doc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

var update = flag.Bool("update", false, "write the golden bodies in testdata/body anew")

// goldens is where stored bodies and checkpoints are committed: each as the
// library reads it, and below that in hexadecimal. Their bytes may never
// change, what they say in words is docs/FORMAT.md's.
const goldens = "testdata/body"

// script makes a document and changes it in every way that has a form of its
// own in a body.
var script = []struct {
	name string
	edit func(d *Document, n *Node)
}{
	{"modify", func(_ *Document, n *Node) {
		setText(n, fTitle, "Milk and bread")
		setText(n.inner(fQuery), fOwner, "bob")
	}},
	{"optional", func(d *Document, n *Node) {
		due, boss := time.Unix(1700000000, 5), Task{Text: "ann"}
		n.SetLeaf(fDue, unsafe.Pointer(&due))
		n.SetChild(fBoss, d.Build(n.typ.Nested(fBoss), unsafe.Pointer(&boss)))
	}},
	{"elements", func(_ *Document, n *Node) {
		insertStrings(n, fTags, 1, "between")
		n.List(fTags).Remove(0, 1)
		s := "last"
		n.List(fTags).SetLeaf(1, unsafe.Pointer(&s))
		insertTasks(n, fTasks, 1, Task{Text: "new", Sub: []Task{{Text: "with it"}}})
	}},
	{"keys", func(_ *Document, n *Node) {
		two, k, cellar := int64(2), 8, Task{Text: "attic"}
		n.EnsureList(fMeta).PutPlain("a", unsafe.Pointer(&two))
		n.EnsureList(fMeta).PutPlain("new", unsafe.Pointer(&two))
		n.EnsureList(fRooms).PutPlain(n.Key(fRooms, unsafe.Pointer(&k)), unsafe.Pointer(&cellar))
		n.List(fRooms).Remove(0, 1)
	}},
	{"below", func(_ *Document, n *Node) { setText(n.List(fTasks).Node(0), fText, "buy it") }},
	{"again", func(_ *Document, n *Node) { // one object in a second place
		to := n.List(fTasks).Node(0).EnsureList(fSub)
		to.Open(0, 1)
		to.Put(0, n.List(fTasks).Node(1))
		to.Close(0, 1)
	}},
	{"delete", func(_ *Document, n *Node) {
		n.ClearLeaf(fDue)
		n.SetChild(fBoss, nil)
		n.List(fMeta).Remove(0, 1)
	}},
	{"middle", func(_ *Document, n *Node) {
		for i := range 14 {
			insertStrings(n, fTags, 1+i/2, "m")
		}
	}},
	{"renumber", func(_ *Document, n *Node) { // with a bound of 6 bytes a key
		for i := range 7 {
			insertStrings(n, fTags, 8+i/2, "n")
		}
	}},
}

// named gives the stored form with ids that are the same in every run: made
// ones are this process' random bits and a count.
func named(b []byte, first uint64) []byte {
	prefix := binary.BigEndian.AppendUint64(nil, process)
	b = bytes.Clone(b)
	for {
		i := bytes.Index(b, prefix)
		if i < 0 {
			return b
		}
		clear(b[i : i+8])
		binary.BigEndian.PutUint64(b[i+8:], binary.BigEndian.Uint64(b[i+8:])-first)
	}
}

func TestGoldenBodies(t *testing.T) {
	d, _, bodies := create(t, Note{
		Query: NoteQuery{Owner: "ann", Slug: "milk", Labels: []string{"home"}}, Title: "Milk",
		Tags: []string{"food", "now"}, Tasks: []Task{{Text: "buy"}}, Meta: map[string]int64{"a": 1, "k": 1 << 60},
		Rooms: map[int]Task{-7: {Text: "cellar"}}, Rate: 0.5, Blob: []byte{0, 255}, Grid: [][]int{{1}, nil}, Typing: true,
	}, 6)
	first := count.Load() - 2 // a task and a room were made
	fresh := New(noteType, NewID(), &host{}, Options{KeyBound: 6})
	golden(t, "create", named(bodies[0], first), fresh)
	for _, s := range script {
		do(root(d), func(n *Node) { s.edit(d, n) })
		ps := d.Seal()
		if len(ps) != 1 {
			t.Fatalf("%s: %d commits", s.name, len(ps))
		}
		d.Stored(ps[0], d.base+1)
		golden(t, s.name, named(ps[0].Body, first), fresh)
	}
	if _, content, ok := d.Checkpoint(); !ok {
		t.Error("no checkpoint")
	} else {
		want := golden(t, "checkpoint", named(content, first), nil)
		if !bytes.Equal(fresh.content(), want) {
			t.Errorf("the golden bodies lead to %s, the checkpoint is %s", read(t, fresh.content()), read(t, want))
		}
		loaded := New(noteType, NewID(), &host{}, Options{KeyBound: 6})
		if err := loaded.Load(d.base, want); err != nil || !bytes.Equal(loaded.content(), want) {
			t.Errorf("the golden checkpoint is read as %s, %v", read(t, loaded.content()), err)
		}
	}
}

// TestGoldenEven reads a renumbering of a program that spaced the new keys
// evenly, and the checkpoint that came of it: which keys it gives out is a
// program's own affair.
func TestGoldenEven(t *testing.T) {
	even := New(noteType, NewID(), &host{}, Options{KeyBound: 6})
	for _, name := range []string{"create", "modify", "optional", "elements", "keys", "below", "again", "delete", "middle", "renumber-even"} {
		body, _ := stored(t, name)
		if err := even.Replay(even.base+1, body); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if want, _ := stored(t, "checkpoint-even"); !bytes.Equal(even.content(), want) {
		t.Errorf("the golden bodies lead to %s, the checkpoint is %s", read(t, even.content()), read(t, want))
	}
}

// TestFormatDocument keeps the example in docs/FORMAT.md true.
func TestFormatDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "FORMAT.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(goldens, "modify.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), string(example)) {
		t.Error("docs/FORMAT.md does not show testdata/body/modify.txt")
	}
}

// golden compares with a committed file and gives its bytes. Fresh, if there
// is one, applies them.
func golden(t *testing.T, name string, got []byte, fresh *Document) []byte {
	t.Helper()
	file := filepath.Join(goldens, name+".txt")
	text := render(t, got)
	if *update {
		if err := os.MkdirAll(goldens, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, as := stored(t, name)
	if diff := cmp.Diff(as, text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	if fresh != nil {
		if err := fresh.Replay(fresh.base+1, want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return want
}

// stored gives the bytes of a golden file, and the file.
func stored(t *testing.T, name string) (b []byte, text string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(goldens, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, digits, _ := strings.Cut(string(file), "\n\n")
	if b, err = hex.DecodeString(strings.Join(strings.Fields(digits), "")); err != nil {
		t.Fatal(err)
	}
	return b, string(file)
}

// render writes bytes as a golden file has them.
func render(t *testing.T, b []byte) string {
	t.Helper()
	var text strings.Builder
	text.WriteString(read(t, b) + "\n\n")
	for line := range slices.Chunk(b, 32) {
		fmt.Fprintf(&text, "% x\n", line)
	}
	return text.String()
}

// read gives stored bytes as text, as the msgpack library reads them.
func read(t *testing.T, b []byte) string {
	t.Helper()
	r := bytes.NewReader(b)
	text, err := library(msgpack.NewDecoder(r))
	if err != nil || r.Len() > 0 {
		t.Fatalf("the library reads %s, %v, and leaves %d bytes", text, err, r.Len())
	}
	return text
}

func library(d *msgpack.Decoder) (string, error) {
	code, err := d.PeekCode()
	if err != nil {
		return "", err
	}
	switch {
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16:
		n, err := d.DecodeArrayLen()
		return several(d, err, n, "[", "]", 1)
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16:
		n, err := d.DecodeMapLen()
		return several(d, err, n, "{", "}", 2)
	case msgpcode.IsExt(code):
		raw, err := d.DecodeRaw()
		if err != nil {
			return "", err
		}
		return extension(raw)
	}
	v, err := d.DecodeInterface()
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v), err
	case []byte:
		return fmt.Sprintf("bin(%x)", v), err
	}
	return fmt.Sprint(v), err
}

// several reads n values, or pairs of them, that have been announced.
func several(d *msgpack.Decoder, err error, n int, open, end string, parts int) (string, error) {
	all := make([]string, n)
	for i := range all {
		for part := range parts {
			if err != nil {
				return "", err
			}
			var text string
			text, err = library(d)
			all[i] += []string{"", ": "}[part] + text
		}
	}
	return open + strings.Join(all, ", ") + end, err
}

func extension(raw []byte) (string, error) {
	d := msgpack.NewDecoder(bytes.NewReader(raw))
	typ, n, err := d.DecodeExtHeader()
	if typ == -1 {
		var at time.Time
		err := msgpack.Unmarshal(raw, &at)
		return at.UTC().Format(time.RFC3339Nano), err
	}
	return fmt.Sprintf("ext%d(%x)", typ, raw[len(raw)-n:]), err
}
