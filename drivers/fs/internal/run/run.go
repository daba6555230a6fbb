package run

import (
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Run is an open run. Its methods are safe for concurrent use until Close.
type Run struct {
	Ref
	name string
	salt uint32
	src  *source

	store seed // that it belongs to

	// at is how documents are found: by the index of the file, or by one that
	// was made anew when that was found damaged.
	at     atomic.Pointer[finder]
	healed atomic.Bool
}

// finder is an index, in the file or in memory.
type finder struct {
	layout
	run    *Run
	memory []byte // all of it, or nil when it is in the file
	off    int64  // where it is in the file
	sums   []byte
	seed   seed

	documents, terms, values int64

	first, last driver.ID // of the documents
}

var errIndex = errors.New("index is damaged")

// Open opens the run that ref names. Nothing is read yet but its ends; what is
// read later is compared with its checksum each time.
func Open(f vfs.FS, name string, ref Ref, store [16]byte, mayMap bool) (*Run, error) {
	src, err := openSource(f, name, mayMap)
	if err != nil {
		return nil, err
	}
	r := &Run{Ref: ref, name: name, salt: salt(ref.ID), src: src, store: store}
	if err := src.guard(name, r.open); err != nil {
		return nil, errors.Join(err, src.close())
	}
	return r, nil
}

// Close lets the file go. Nobody may use the run any more.
func (r *Run) Close() error { return r.src.close() }

// Healed tells whether the index in the file is damaged: the run works, by an
// index in memory, and should be written again.
func (r *Run) Healed() bool { return r.healed.Load() }

// Name is that of the file.
func (r *Run) Name() string { return r.name }

func (r *Run) damaged(off int64, why string) error {
	return &DamageError{File: r.name, Offset: off, Why: why}
}

func (r *Run) open() error {
	if r.src.size < headerSize {
		return r.damaged(r.src.size, "it ends too early")
	}
	b, err := r.src.bytes(0, headerSize)
	if err != nil {
		return err
	}
	newer, ok := end(b, headMagic)
	if newer > 0 {
		return &FormatError{File: r.name, Version: newer}
	}
	if !ok {
		return r.damaged(0, "its header is damaged")
	}
	h, ok := decodeHeader(b)
	if !ok || h.number != r.Number || h.id != r.ID || h.store != r.store || h.table != r.Table {
		return r.damaged(0, "it is another run than the manifest names")
	}
	if r.Data < headerSize || r.src.size < r.Data {
		return r.damaged(r.src.size, fmt.Sprintf("it is %d bytes long and its documents are %d", r.src.size, r.Data))
	}
	x, err := r.footer()
	if err != nil {
		return err
	}
	if x != nil {
		r.at.Store(x)
		return nil
	}
	return r.heal()
}

// footer gives the index in the file, nil if its footer or sums are not what
// was written.
func (r *Run) footer() (*finder, error) {
	if r.src.size != r.Size || r.Size-r.Data < footerSize {
		return nil, nil
	}
	b, err := r.src.bytes(r.Size-footerSize, footerSize)
	if err != nil {
		return nil, err
	}
	newer, ok := end(b, footMagic)
	if newer > 0 {
		return nil, &FormatError{File: r.name, Version: newer}
	}
	f := decodeFooter(b)
	room := uint64(r.Size - r.Data)
	if !ok || f.id != r.ID || f.data != r.Data || f.Counts != r.Counts ||
		f.Documents > room || f.terms > room || f.values > room || f.idWords > room || f.termWords > room {
		return nil, nil
	}
	x := &finder{
		run: r, off: r.Data, seed: f.seed, layout: layoutOf(&f),
		documents: int64(f.Documents), terms: int64(f.terms), values: int64(f.values),
	}
	blocks := (x.size + block - 1) / block
	if r.Data+x.size+4*blocks+footerSize != r.Size {
		return nil, nil
	}
	if b, err = r.src.bytes(r.Data+x.size, 4*blocks); err != nil {
		return nil, err
	}
	if crc32.Update(r.salt, castagnoli, b) != f.sums {
		return nil, nil
	}
	x.sums = append([]byte(nil), b...)
	r.src.seen = make([]atomic.Uint64, (blocks+63)/64)
	if err := x.bounds(); errors.Is(err, errIndex) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return x, nil
}

// heal makes the index anew, in memory, from the frames.
func (r *Run) heal() error {
	x := index{seed: r.store}
	err := r.scan(func(place int64, f *Frame) error {
		h := f.Head()
		x.note(&h, uint64(place), 0)
		return nil
	})
	if err != nil {
		return err
	}
	if x.Documents != r.Documents {
		return r.damaged(r.Data, fmt.Sprintf("it has %d documents of %d", x.Documents, r.Documents))
	}
	f := x.footer()
	made := &finder{
		run: r, memory: x.encode(), seed: x.seed, layout: layoutOf(&f),
		documents: int64(x.Documents), terms: int64(len(x.terms)), values: int64(len(x.values)),
	}
	if err := made.bounds(); err != nil {
		return err
	}
	r.healed.Store(true)
	r.at.Store(made)
	return nil
}

// scan calls fn with the head of every frame, in order.
func (r *Run) scan(fn func(place int64, f *Frame) error) error {
	var last driver.ID
	for place := int64(headerSize); place < r.Data; {
		f, length, err := r.frame(place, head)
		if err != nil {
			return err
		}
		if f.id.Compare(last) <= 0 {
			return r.damaged(place, "its documents are not in order")
		}
		last = f.id
		if err := fn(place, &f); err != nil {
			return err
		}
		place += length
	}
	return nil
}

// guessed is how many bytes of a frame that is read, and not mapped, are read
// for its head: most are shorter.
const guessed = 1024

// frame reads a part of the frame at a place, and gives the length of all.
func (r *Run) frame(place int64, p part) (Frame, int64, error) {
	fail := func(err error) (Frame, int64, error) {
		return Frame{}, 0, r.damaged(place, "a document: "+err.Error())
	}
	if place < headerSize || place%align != 0 || place > r.Data-frameHeader {
		return fail(errFrame)
	}
	b, err := r.src.bytes(place, frameHeader)
	if err != nil {
		return Frame{}, 0, err
	}
	length, end, err := frameSize(b, r.Data-place)
	if err != nil {
		return fail(err)
	}
	n := end
	if p == whole {
		n = length
	}
	if p == head && r.src.file != nil && end > guessed {
		if b, err = r.src.bytes(place, guessed); err != nil {
			return Frame{}, 0, err
		}
		if f, err := parseFront(b, r.salt, head); err == nil {
			f.own = true
			return f, length, nil
		}
	}
	if b, err = r.src.bytes(place, n); err != nil {
		return Frame{}, 0, err
	}
	f, err := parseFront(b[:end], r.salt, p)
	f.own = r.src.file != nil
	if err == nil && p == whole {
		f.rest, f.whole = b[end:], true
		err = parseRest(b[:end], f.rest, r.salt)
	}
	if err != nil {
		return fail(err)
	}
	return f, length, nil
}

// use runs fn with the index, and once more with one made anew when it turns
// out to be damaged.
func (r *Run) use(fn func(x *finder) error) error {
	return r.src.guard(r.name, func() error {
		x := r.at.Load()
		err := fn(x)
		if errors.Is(err, errIndex) && x.memory == nil {
			if err = r.heal(); err == nil {
				err = fn(r.at.Load())
			}
		}
		return err
	})
}

// View calls fn with a document, if the run has it: with its front, or all of
// it. The frame ends with fn.
func (r *Run) View(id driver.ID, all bool, fn func(f *Frame) error) (found bool, err error) {
	if all {
		return r.view(id, whole, fn)
	}
	return r.view(id, front, fn)
}

func (r *Run) view(id driver.ID, p part, fn func(f *Frame) error) (found bool, err error) {
	if !r.spans(id) {
		return false, nil
	}
	err = r.use(func(x *finder) error {
		doc, ok, err := x.find(id)
		if err != nil || !ok {
			return err
		}
		f, err := x.document(doc, id, p)
		if err != nil {
			return err
		}
		found = true
		return fn(&f)
	})
	return found, err
}

// spans tells whether an id is between the first and the last of the documents,
// for which nothing is read.
func (r *Run) spans(id driver.ID) bool {
	x := r.at.Load()
	return x.documents > 0 && id.Compare(x.first) >= 0 && id.Compare(x.last) <= 0
}

// Has tells whether the run has a document.
func (r *Run) Has(id driver.ID) (ok bool, err error) {
	if !r.spans(id) {
		return false, nil
	}
	err = r.use(func(x *finder) error {
		_, ok, err = x.find(id)
		return err
	})
	return ok, err
}

// Head gives the head of a document, if the run has it.
func (r *Run) Head(id driver.ID) (h Head, found bool, err error) {
	found, err = r.view(id, head, func(f *Frame) error {
		h = f.Head()
		return nil
	})
	return h, found, err
}

// Fronts yields the heads of all documents in the order of their ids.
func (r *Run) Fronts(yield func(Head) error) error {
	return r.src.guard(r.name, func() error {
		return r.scan(func(_ int64, f *Frame) error { return yield(f.Head()) })
	})
}

// First is the place of the first document.
const First = headerSize

// Next reads the document at a place into s, and gives the place of the next;
// more is false at the end. It is for reading a run from
// front to back.
func (r *Run) Next(s *Scratch, place int64) (next int64, more bool, err error) {
	if place >= r.Data {
		return place, false, nil
	}
	err = r.src.guard(r.name, func() error {
		f, length, err := r.frame(place, whole)
		if err != nil {
			return err
		}
		next = place + length
		if err = f.Read(s); err != nil {
			return r.damaged(place, err.Error())
		}
		return nil
	})
	return next, err == nil, err
}

// document reads the frame of a document, which must be that of the id.
func (x *finder) document(doc int64, id driver.ID, p part) (Frame, error) {
	f, err := x.at(doc, p)
	if err == nil && f.id != id {
		err = x.run.damaged(x.run.Data, "its index leads to another document")
	}
	return f, err
}

// at reads the frame of a document by its number.
func (x *finder) at(doc int64, p part) (Frame, error) {
	place, err := x.place(doc)
	if err != nil {
		return Frame{}, err
	}
	f, _, err := x.run.frame(place, p)
	return f, err
}

// place gives where the frame of a document is.
func (x *finder) place(doc int64) (int64, error) {
	if doc >= x.documents {
		return 0, errIndex
	}
	place, err := x.uint64(x.places + 8*doc)
	return int64(place), err
}
