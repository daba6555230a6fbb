package run

import (
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

// near is how few entries a search halves without guessing.
const near = 16

// search gives the first place of n ascending entries that is not below the one
// looked for, whose key is want. Probe gives the key of an entry, by which is
// guessed where it is, as keys are spread evenly, mostly, and whether the entry
// is below; keys are least to most.
//
// Each guess is taken with one beside it, as far away as evenly spread keys
// stray: a million entries become a few thousand, then a hundred. Where that
// does not even halve them the keys are not spread like that, and they are
// halved from then on.
func search(n int64, want, least, most uint64, probe func(i int64) (key uint64, below bool, err error)) (int64, error) {
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
	switch {
	case n == 0, want < least:
		return 0, nil
	case want > most:
		return n, nil
	}
	for guessing := true; guessing && hi-lo > near && want > least && want < most; {
		left := hi - lo
		mid := lo + int64(float64(want-least)/float64(most-least)*float64(left-1))
		mid = min(max(mid, lo), hi-1)
		stray := 1 + 2*int64(math.Sqrt(float64(left)))
		below, err := look(mid)
		if err != nil {
			return 0, err
		}
		if beside := mid + stray; below && beside < hi {
			_, err = look(beside)
		} else if beside = mid - stray; !below && beside >= lo {
			_, err = look(beside)
		}
		if err != nil {
			return 0, err
		}
		guessing = hi-lo < left/2
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

// postings gives the entries of a term in one of the two indexes of hashes.
func (x *finder) postings(term driver.Term, hashes, docs, n int64) (postings, error) {
	h := x.seed.hash(string(term))
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
func (r *Run) Find(heads []Head, terms []driver.Term, from driver.ID, n int, peek bool) ([]Head, error) {
	give := (*Frame).Head
	if peek {
		give = (*Frame).peek
	}
	had := len(heads)
	err := r.use(func(x *finder) error {
		heads = heads[:had]
		return x.match(terms, from, func(f *Frame) bool {
			heads = append(heads, give(f))
			return len(heads) < had+n
		})
	})
	return heads, err
}

// Match appends the ids of the documents that Find finds.
func (r *Run) Match(ids []driver.ID, terms []driver.Term, from driver.ID, n int) ([]driver.ID, error) {
	had := len(ids)
	err := r.use(func(x *finder) error {
		ids = ids[:had]
		return x.match(terms, from, func(f *Frame) bool {
			ids = append(ids, f.id)
			return len(ids) < had+n
		})
	})
	return ids, err
}

// Holders gives the documents that hold a unique value in this run: one, if
// newer runs know no better.
func (r *Run) Holders(term driver.Term) (ids []driver.ID, err error) {
	err = r.use(func(x *finder) error {
		ids = nil
		p, err := x.postings(term, x.layout.values, x.valueDocs, x.values)
		for err == nil && p.lo < p.hi {
			var doc int64
			if doc, err = p.doc(p.lo); err != nil {
				break
			}
			p.lo++
			var f Frame
			if f, err = x.at(doc, head); err == nil && slices.Contains(f.Held(), term) {
				ids = append(ids, f.id)
			}
		}
		return err
	})
	return ids, err
}

// match yields the documents from an id on that are alive and have the terms.
func (x *finder) match(terms []driver.Term, from driver.ID, yield func(f *Frame) bool) error {
	if len(terms) == 0 {
		doc, err := x.from(from)
		if err != nil {
			return err
		}
		return x.all(doc, yield)
	}
	var room [4]postings
	lists := append(room[:0], make([]postings, len(terms))...)
	var err error
	for i, term := range terms {
		if lists[i], err = x.postings(term, x.layout.terms, x.termDocs, x.terms); err != nil {
			return err
		}
		if lists[i].lo == lists[i].hi {
			return nil
		}
	}
	doc := int64(0)
	if !from.IsZero() {
		if doc, err = x.from(from); err != nil {
			return err
		}
	}
	slices.SortFunc(lists, func(a, b postings) int { return int(min(max((a.hi-a.lo)-(b.hi-b.lo), -1), 1)) })
	for {
		candidate := doc
		for i := range lists {
			var ok bool
			if doc, ok, err = lists[i].skip(candidate); err != nil || !ok {
				return err
			}
			if doc > candidate && i > 0 {
				break // begin again with this one
			}
			candidate = doc
		}
		if doc > candidate {
			continue
		}
		f, err := x.at(doc, head)
		if err != nil {
			return err
		}
		if f.has(terms) && !yield(&f) {
			return nil
		}
		doc++
	}
}

// all yields the documents from a number on that are alive.
func (x *finder) all(doc int64, yield func(f *Frame) bool) error {
	for ; doc < x.documents; doc++ {
		f, err := x.at(doc, head)
		if err != nil {
			return err
		}
		if f.life == driver.Alive && !yield(&f) {
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

// Len gives how many documents may have a term: exactly so many but for
// collisions of hashes.
func (r *Run) Len(term driver.Term) (n int, err error) {
	err = r.use(func(x *finder) error {
		p, err := x.postings(term, x.layout.terms, x.termDocs, x.terms)
		n = int(p.hi - p.lo)
		return err
	})
	return n, err
}
