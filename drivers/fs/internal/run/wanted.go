package run

import "github.com/destam-go/destamgen/runtime/driver"

// Wanted is terms that are looked for in the runs of a table. Runs of one store
// have one seed, so that what is looked for in all of them is hashed once. It is
// for one goroutine.
type Wanted struct {
	Terms []driver.Term

	seed seed // of the hashes
	made bool
	few  [4]uint64 // the hashes, if they are not more
	many []uint64
}

// hashed gives the hashes of the terms by a seed.
func (w *Wanted) hashed(by *seed) []uint64 {
	hashes := w.few[:min(len(w.Terms), len(w.few))]
	if len(w.Terms) > len(w.few) {
		if w.many == nil {
			w.many = make([]uint64, len(w.Terms))
		}
		hashes = w.many
	}
	if !w.made || w.seed != *by {
		w.seed, w.made = *by, true
		for i, term := range w.Terms {
			hashes[i] = by.hash(string(term))
		}
	}
	return hashes
}

// Maybe tells of the runs of a set, by their places, which may have something.
type Maybe uint64

// counted is how many runs a Maybe knows of: the others may have everything.
const counted = 64

// Has tells whether the i-th run may have it.
func (m Maybe) Has(i int) bool { return i >= counted || m&(1<<i) != 0 }

// Sift tells which runs may have a document, or a holder, of all the terms. It
// looks at nothing but their filters, one after the other, so that the processor
// waits for all of them at once. What cannot be read may be there: who looks for
// it says what is wrong.
func (w *Wanted) Sift(runs []*Run) Maybe {
	maybe := ^Maybe(0)
	if len(w.Terms) == 0 || len(runs) == 0 {
		return maybe
	}
	err := catch(func() error {
		for i, r := range runs[:min(len(runs), counted)] {
			x := r.at.Load()
			for _, hash := range w.hashed(&x.seed) {
				if may, err := x.may(x.termFilter, x.termWords, hash); err == nil && !may {
					maybe &^= 1 << i
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		return ^Maybe(0)
	}
	return maybe
}
