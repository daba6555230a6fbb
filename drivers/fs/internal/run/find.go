package run

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// bytes gives a piece of the index that lies in one block.
func (x *finder) bytes(off, n int64) ([]byte, error) {
	if x.memory != nil {
		return x.memory[off : off+n], nil
	}
	b, err := x.block(int(off / block))
	if err != nil {
		return nil, err
	}
	off %= block
	return b[off : off+n], nil
}

// block gives a block of the index, of which the checksum was compared when it
// was read first.
func (x *finder) block(i int) ([]byte, error) {
	src := x.run.src
	off := int64(i) * block
	n := min(block, x.size-off)
	if src.file == nil {
		b := src.mapped[x.off+off : x.off+off+n]
		if word, bit := &src.seen[i/64], uint64(1)<<(i%64); word.Load()&bit == 0 {
			if !x.whole(i, b) {
				return nil, errIndex
			}
			word.Or(bit)
		}
		return b, nil
	}
	src.mu.Lock()
	b := src.blocks[i]
	src.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := src.bytes(x.off+off, n)
	if err != nil {
		return nil, err
	}
	if !x.whole(i, b) {
		return nil, errIndex
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.blocks == nil || len(src.blocks) >= cached {
		src.blocks = make(map[int][]byte)
	}
	src.blocks[i] = b
	return b, nil
}

func (x *finder) whole(i int, b []byte) bool {
	return crc32.Update(x.run.salt, castagnoli, b) == binary.LittleEndian.Uint32(x.sums[4*i:])
}

// bounds notes between which ids those of the documents are.
func (x *finder) bounds() (err error) {
	if x.documents == 0 {
		return nil
	}
	if x.first, err = x.id(0); err == nil {
		x.last, err = x.id(x.documents - 1)
	}
	return err
}

func (x *finder) id(doc int64) (driver.ID, error) {
	b, err := x.bytes(16*doc, 16)
	if err != nil {
		return driver.ID{}, err
	}
	return driver.ID(b), nil
}

func (x *finder) uint64(off int64) (uint64, error) {
	b, err := x.bytes(off, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// near is how few entries a guess is off when there is nothing left to guess.
const near = 16

// guesses is how many guesses a search makes: evenly spread keys need no more.
const guesses = 4

// search gives the first place of n ascending entries that is not below the one
// looked for, whose key is want. Probe gives the key of an entry, by which is
// guessed where it is, as keys are spread evenly, mostly, and whether the entry
// is below; keys are least to most.
//
// A guess strays by the root of the number of entries that are left, the next
// one by the root of that: in a million by a thousand, by thirty, by five. Then
// the search steps away from it, farther each time, until it is past the place,
// and halves what it stepped over last. So it costs at most twice what halving all
// would where keys are not spread like that, and touches few pages where they are.
func search(n int64, want, least, most uint64, probe func(i int64) (key uint64, below bool, err error)) (int64, error) {
	switch {
	case n == 0, want < least:
		return 0, nil
	case want > most:
		return n, nil
	}
	lo, hi := int64(0), n // the answer is in [lo, hi]
	look := func(i int64) (below bool, err error) {
		key, below, err := probe(i)
		switch {
		case err != nil:
		case below:
			lo, least = i+1, key
		default:
			hi, most = i, key
		}
		return below, err
	}
	last, below := int64(-near-1), false
	for range guesses {
		if hi-lo <= near || want <= least || want >= most {
			break
		}
		mid := lo + int64(float64(want-least)/float64(most-least)*float64(hi-lo-1))
		mid = min(max(mid, lo), hi-1)
		var err error
		if below, err = look(mid); err != nil {
			return 0, err
		}
		stray := mid - last
		if last = mid; -near <= stray && stray <= near {
			break
		}
	}
	for step := int64(near / 2); last >= 0 && hi-lo > near; step *= 2 {
		at := min(last+step, hi-1)
		if !below {
			at = max(last-step, lo)
		}
		past, err := look(at)
		if err != nil {
			return 0, err
		}
		if past != below {
			break
		}
	}
	for lo < hi {
		if _, err := look(lo + (hi-lo)/2); err != nil {
			return 0, err
		}
	}
	return lo, nil
}

// from gives the number of the first document that is not below an id.
func (x *finder) from(id driver.ID) (int64, error) {
	be := binary.BigEndian
	return search(x.documents, be.Uint64(id[:8]), be.Uint64(x.first[:8]), be.Uint64(x.last[:8]), func(i int64) (uint64, bool, error) {
		k, err := x.id(i)
		return be.Uint64(k[:8]), k.Compare(id) < 0, err
	})
}

// find gives the number of a document.
func (x *finder) find(id driver.ID) (int64, bool, error) {
	if may, err := x.mayHave(id); err != nil || !may {
		return 0, false, err
	}
	doc, err := x.from(id)
	if err != nil || doc == x.documents {
		return 0, false, err
	}
	k, err := x.id(doc)
	return doc, k == id, err
}

// postings are the entries of one hash: documents that may have a term.
type postings struct {
	x      *finder
	docs   int64 // where their numbers are in the index
	lo, hi int64
}

// postings gives the entries of a hash in one of the two indexes of hashes.
func (x *finder) postings(h uint64, hashes, docs, n int64) (postings, error) {
	if may, err := x.may(x.termFilter, x.termWords, h); err != nil || !may {
		return postings{}, err
	}
	at := func(i int64) (uint64, error) { return x.uint64(hashes + 8*i) }
	lo, err := search(n, h, 0, math.MaxUint64, func(i int64) (uint64, bool, error) {
		k, err := at(i)
		return k, k < h, err
	})
	if err != nil {
		return postings{}, err
	}
	// Most terms that are asked for have few documents.
	hi, step := lo, int64(1)
	for hi < n {
		k, err := at(hi)
		if err != nil {
			return postings{}, err
		}
		if k > h {
			break
		}
		hi += step
		step *= 2
	}
	hi = min(hi, n)
	lower := max(lo, hi-step/2)
	hi, err = halve(lower, hi, func(i int64) (bool, error) {
		k, err := at(i)
		return k <= h, err
	})
	return postings{x, docs, lo, hi}, err
}

// halve gives the first place in [lo, hi) that is not below, or hi.
func halve(lo, hi int64, below func(i int64) (bool, error)) (int64, error) {
	for lo < hi {
		mid := lo + (hi-lo)/2
		b, err := below(mid)
		if err != nil {
			return 0, err
		}
		if b {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}

func (p *postings) doc(i int64) (int64, error) {
	b, err := p.x.bytes(p.docs+4*i, 4)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint32(b)), nil
}

// skip lets the entries below a document go and gives the first left, or ok
// false.
func (p *postings) skip(doc int64) (first int64, ok bool, err error) {
	// What is looked for is near, mostly.
	step := int64(1)
	lo, hi := p.lo, p.lo
	for hi < p.hi {
		k, err := p.doc(hi)
		if err != nil {
			return 0, false, err
		}
		if k >= doc {
			break
		}
		lo = hi + 1
		hi += step
		step *= 2
	}
	p.lo, err = halve(lo, min(hi, p.hi), func(i int64) (bool, error) {
		k, err := p.doc(i)
		return k < doc, err
	})
	if err != nil || p.lo == p.hi {
		return 0, false, err
	}
	first, err = p.doc(p.lo)
	return first, true, err
}

// Find appends the heads of the first n documents from an id on that are alive
// and have all the terms. Those who peek get nothing of what the documents hold.
func (r *Run) Find(heads []Head, w *Wanted, from driver.ID, n int, peek bool) ([]Head, error) {
	had := len(heads)
	err := r.use(func(x *finder) error {
		heads = heads[:had]
		return x.match(w, from, n, func(f Frame) bool {
			if peek {
				heads = append(heads, f.peek())
			} else {
				heads = append(heads, f.Head())
			}
			return len(heads) < had+n
		})
	})
	return heads, err
}

// Match appends the ids of the documents that Find finds.
func (r *Run) Match(ids []driver.ID, w *Wanted, from driver.ID, n int) ([]driver.ID, error) {
	had := len(ids)
	err := r.use(func(x *finder) error {
		ids = ids[:had]
		return x.match(w, from, n, func(f Frame) bool {
			ids = append(ids, f.id)
			return len(ids) < had+n
		})
	})
	return ids, err
}

// Holders gives the documents that hold a unique value, the one term that is
// wanted, in this run: one, if newer runs know no better.
func (r *Run) Holders(w *Wanted) (ids []driver.ID, err error) {
	err = r.use(func(x *finder) error {
		ids = nil
		p, err := x.postings(w.hashed(&x.seed)[0], x.layout.values, x.valueDocs, x.values)
		for err == nil && p.lo < p.hi {
			var doc int64
			if doc, err = p.doc(p.lo); err != nil {
				break
			}
			p.lo++
			var f Frame
			if f, err = x.at(doc, head); err == nil && slices.Contains(f.Held(), w.Terms[0]) {
				ids = append(ids, f.id)
			}
		}
		return err
	})
	return ids, err
}

// match yields the documents from an id on that are alive and have the terms, of
// which n at most are asked for.
func (x *finder) match(w *Wanted, from driver.ID, n int, yield func(Frame) bool) error {
	doc := int64(0)
	if !from.IsZero() {
		var err error
		if doc, err = x.from(from); err != nil {
			return err
		}
	}
	if len(w.Terms) == 0 {
		return x.all(doc, yield)
	}
	var room [4]postings
	both := intersection{lists: room[:0], doc: doc}
	for _, hash := range w.hashed(&x.seed) {
		p, err := x.postings(hash, x.layout.terms, x.termDocs, x.terms)
		if err != nil || p.lo == p.hi {
			return err
		}
		both.lists = append(both.lists, p)
	}
	slices.SortFunc(both.lists, func(a, b postings) int { return cmp.Compare(a.hi-a.lo, b.hi-b.lo) })
	var some [ahead]int64
	for {
		docs, err := both.take(some[:0], n)
		if err != nil || len(docs) == 0 {
			return err
		}
		if more, err := x.heads(docs, w.Terms, yield); err != nil || !more {
			return err
		}
	}
}

// ahead is how many heads are looked for at once. Each is somewhere else in the
// file, and the processor waits for all of them together.
const ahead = 16

// heads yields of some documents those that have the terms, and tells whether
// more are wanted.
func (x *finder) heads(docs []int64, terms []driver.Term, yield func(Frame) bool) (more bool, err error) {
	var places [ahead]int64
	for i, doc := range docs {
		if places[i], err = x.place(doc); err != nil {
			return false, err
		}
	}
	x.run.src.touch(places[:len(docs)])
	for _, place := range places[:len(docs)] {
		f, _, err := x.run.frame(place, head)
		if err != nil {
			return false, err
		}
		if f.has(terms) && !yield(f) {
			return false, nil
		}
	}
	return true, nil
}

// intersection is the documents that are in all of some lists, from one on. The
// shortest list comes first.
type intersection struct {
	lists []postings
	doc   int64
}

// take appends the next documents, up to a number that the array behind docs has
// room for and no more than n.
func (c *intersection) take(docs []int64, n int) ([]int64, error) {
	for len(docs) < min(n, cap(docs)) {
		candidate := c.doc
		for i := range c.lists {
			doc, ok, err := c.lists[i].skip(candidate)
			if err != nil || !ok {
				return docs, err
			}
			c.doc = doc
			if doc > candidate && i > 0 {
				break // begin again with this one
			}
			candidate = doc
		}
		if c.doc == candidate {
			docs = append(docs, candidate)
			c.doc++
		}
	}
	return docs, nil
}

// all yields the documents from a number on that are alive.
func (x *finder) all(doc int64, yield func(Frame) bool) error {
	for ; doc < x.documents; doc++ {
		f, err := x.at(doc, head)
		if err != nil {
			return err
		}
		if f.life == driver.Alive && !yield(f) {
			return nil
		}
	}
	return nil
}

// has tells whether a document is found by all the terms, whatever their
// hashes say.
func (f *Frame) has(terms []driver.Term) bool {
	return f.life == driver.Alive && driver.HasTerms(f.section, terms)
}
