package run

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// MaxDocuments is how many documents a run may have.
const MaxDocuments = math.MaxUint32

// flushAt is how many bytes a writer gathers before it writes them.
const flushAt = 1 << 20

// Writer writes a run. It is for one goroutine.
type Writer struct {
	file vfs.File
	name string
	head header
	salt uint32

	buf  []byte
	off  int64 // of buf in the file
	last driver.ID
	err  error
	index
}

// index gathers what stands behind the frames.
type index struct {
	Counts
	ids    []byte
	places []byte
	seed   seed
	terms  []entry
	values []entry
}

// entry is one of an index of hashes.
type entry struct {
	hash uint64
	doc  uint32
}

// Ref names a run and says what its file must be like.
type Ref struct {
	Number uint64
	ID     uint64
	Table  string
	Data   int64 // where its frames end
	Size   int64 // of the file
	Counts
}

// Create begins a run in a file that must not exist. It is complete, but not
// durable in its directory, when Finish returns.
func Create(f vfs.FS, name string, number uint64, store [16]byte, table string) (*Writer, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: the program ends when it does
	w := &Writer{name: name, head: header{number: number, id: binary.LittleEndian.Uint64(id[:]), store: store, table: table}}
	w.salt = salt(w.head.id)
	w.index = index{seed: store}
	var err error
	if w.file, err = f.Create(name); err != nil {
		return nil, err
	}
	w.buf = w.head.encode()
	return w, nil
}

// Add adds a document, whose id is above that of the one before. It keeps
// nothing of d.
func (w *Writer) Add(d *Document) error {
	if w.err == nil && (d.ID.Compare(w.last) <= 0 || w.Documents == MaxDocuments) {
		w.err = fmt.Errorf("%s: document %v does not follow %v", w.name, d.ID, w.last)
	}
	if w.err != nil {
		return w.err
	}
	w.last = d.ID
	w.note(&d.Head, uint64(w.off)+uint64(len(w.buf)), d.commits())
	w.buf = d.append(w.buf, w.salt)
	if len(w.buf) >= flushAt {
		w.flush()
	}
	return w.err
}

// commits counts those that a document has in a run.
func (d *Document) commits() (n uint64) {
	for _, r := range d.Records {
		if r.Kind == Commit {
			n++
		}
	}
	return n
}

// note puts a document into the index.
func (x *index) note(h *Head, place, commits uint64) {
	doc := uint32(x.Documents)
	x.ids = append(x.ids, h.ID[:]...)
	x.places = binary.LittleEndian.AppendUint64(x.places, place)
	for _, term := range h.Terms() {
		x.terms = append(x.terms, entry{x.seed.hash(string(term)), doc})
	}
	for _, term := range h.Standing.Held {
		x.values = append(x.values, entry{x.seed.hash(string(term)), doc})
	}
	x.Documents++
	x.Commits += commits
	switch h.Standing.Life {
	case driver.Alive:
		x.Alive++
	case driver.Purged:
		if h.First > 1 {
			x.Purges++
		}
	}
}

func (w *Writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.file.WriteAt(w.buf, w.off)
		w.off += int64(len(w.buf))
		w.buf = w.buf[:0]
	}
}

// layout says where the parts of an index are, from its beginning on, and how
// many words its filters have.
type layout struct {
	places, terms, values, idFilter, termFilter, termDocs, valueDocs, size int64

	idWords, termWords int64
}

func layoutOf(f *footer) layout {
	l := layout{idWords: int64(f.idWords), termWords: int64(f.termWords)}
	l.places = 16 * int64(f.Documents)
	l.terms = l.places + 8*int64(f.Documents)
	l.values = l.terms + 8*int64(f.terms)
	l.idFilter = l.values + 8*int64(f.values)
	l.termFilter = l.idFilter + 8*l.idWords
	l.termDocs = l.termFilter + 8*l.termWords
	l.valueDocs = l.termDocs + 4*int64(f.terms)
	l.size = l.valueDocs + 4*int64(f.values)
	return l
}

// footer is what a footer says of the index.
func (x *index) footer() footer {
	terms, values := uint64(len(x.terms)), uint64(len(x.values))
	return footer{
		Counts: x.Counts, terms: terms, values: values, seed: x.seed,
		idWords: filterWords(x.Documents), termWords: filterWords(max(terms, values)), // most values are terms too
	}
}

// encode gives the whole index.
func (x *index) encode() []byte {
	le := binary.LittleEndian
	sort := func(e []entry) {
		slices.SortFunc(e, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.doc, b.doc)) })
	}
	sort(x.terms)
	sort(x.values)
	f := x.footer()
	b := make([]byte, 0, layoutOf(&f).size)
	b = append(append(b, x.ids...), x.places...)
	ids, terms := make(filter, f.idWords), make(filter, f.termWords)
	for i := 0; i < len(x.ids); i += 16 {
		ids.add(x.seed.id(driver.ID(x.ids[i:])))
	}
	for _, entries := range [][]entry{x.terms, x.values} {
		for _, e := range entries {
			b = le.AppendUint64(b, e.hash)
			terms.add(e.hash)
		}
	}
	b = terms.append(ids.append(b))
	for _, entries := range [][]entry{x.terms, x.values} {
		for _, e := range entries {
			b = le.AppendUint32(b, e.doc)
		}
	}
	return b
}

// Finish writes the index, syncs the file and closes it.
func (w *Writer) Finish() (Ref, error) {
	w.flush()
	f := w.index.footer()
	f.data, f.id = w.off, w.head.id
	x := w.index.encode()
	w.buf = append(w.buf, x...)
	var sums []byte
	for len(x) > 0 {
		n := min(len(x), block)
		sums = binary.LittleEndian.AppendUint32(sums, crc32.Update(w.salt, castagnoli, x[:n]))
		x = x[n:]
	}
	f.sums = crc32.Update(w.salt, castagnoli, sums)
	w.buf = append(append(w.buf, sums...), f.encode()...)
	w.flush()
	if w.err == nil {
		w.err = w.file.Sync()
	}
	err := errors.Join(w.err, w.file.Close())
	w.file = nil
	ref := Ref{Number: w.head.number, ID: w.head.id, Table: w.head.table, Data: f.data, Size: w.off, Counts: w.Counts}
	return ref, err
}

// Abort closes the file of a run that is not finished. It is the caller's to
// remove.
func (w *Writer) Abort() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}
