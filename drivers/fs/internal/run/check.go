package run

import (
	"bytes"
	"errors"
	"hash/crc32"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Check reads the whole run and tells what is not what was written: documents,
// the index block by block, and every entry of it that should be another, not
// be there, or be there. Nobody need have asked for any of it before.
func (r *Run) Check(bad func(id driver.ID, off int64, why string)) error {
	return r.src.guard(r.name, func() error {
		if r.healed.Load() {
			bad(driver.ID{}, r.Data, "its index is damaged; it works by one that was made anew in memory")
		}
		if err := r.checkEnds(bad); err != nil {
			return err
		}
		x := r.at.Load()
		made := index{seed: x.seed}
		whole := true
		for doc := range x.documents {
			id, place, err := x.entry(doc)
			if errors.Is(err, errIndex) {
				bad(driver.ID{}, r.Data, "its index is not what was written")
				return nil
			}
			if err != nil {
				return err
			}
			h, err := r.checkFrame(id, place)
			if damage := (*DamageError)(nil); errors.As(err, &damage) {
				bad(id, place, damage.Why)
				whole = false
				continue
			}
			if err != nil {
				return err
			}
			made.note(&h, uint64(place), 0)
		}
		if !whole || x.memory != nil {
			return nil
		}
		want, f := made.encode(), made.footer()
		if l := layoutOf(&f); x.idWords == 0 { // written before there were filters
			want = slices.Concat(want[:l.idFilter], want[l.termDocs:])
		}
		return r.checkIndex(x, want, bad)
	})
}

// checkEnds reads header, footer and the checksums of the index again.
func (r *Run) checkEnds(bad func(driver.ID, int64, string)) error {
	if r.src.size != r.Size {
		bad(driver.ID{}, r.src.size, "it is not as long as it was written")
		return nil
	}
	front, err := r.src.bytes(0, headerSize)
	if err != nil {
		return err
	}
	if _, ok := end(front, headMagic); !ok {
		bad(driver.ID{}, 0, "its header is not what was written")
	}
	back, err := r.src.bytes(r.Size-footerSize, footerSize)
	if err != nil {
		return err
	}
	if _, ok := end(back, footMagic); !ok {
		bad(driver.ID{}, r.Size-footerSize, "its footer is not what was written")
		return nil
	}
	x := r.at.Load()
	off := r.Data + x.size
	if x.memory != nil || off > r.Size-footerSize {
		return nil
	}
	sums, err := r.src.bytes(off, r.Size-footerSize-off)
	if err == nil && crc32.Update(r.salt, castagnoli, sums) != decodeFooter(back).sums {
		bad(driver.ID{}, off, "the checksums of its index are not what was written")
	}
	return err
}

// entry gives a document and where its frame is.
func (x *finder) entry(doc int64) (id driver.ID, place int64, err error) {
	if id, err = x.id(doc); err != nil {
		return id, 0, err
	}
	place, err = x.place(doc)
	return id, place, err
}

// checkFrame reads a document, whole.
func (r *Run) checkFrame(id driver.ID, place int64) (Head, error) {
	var d Scratch
	_, more, err := r.Next(&d, place)
	if err == nil && (!more || d.ID != id) {
		err = r.damaged(place, "the index leads to another document here")
	}
	if err != nil {
		return Head{}, err
	}
	return d.Head, nil
}

// checkIndex compares the index in the file with one that was made of the
// documents.
func (r *Run) checkIndex(x *finder, want []byte, bad func(driver.ID, int64, string)) error {
	if int64(len(want)) != x.size {
		bad(driver.ID{}, r.Data, "its index has more or fewer entries than its documents make")
		return nil
	}
	for off := int64(0); off < x.size; off += block {
		n := min(block, x.size-off)
		b, err := r.src.bytes(x.off+off, n)
		if err != nil {
			return err
		}
		switch {
		case !x.whole(int(off/block), b):
			bad(driver.ID{}, x.off+off, "a block of its index is not what was written")
		case !bytes.Equal(b, want[off:off+n]):
			bad(driver.ID{}, x.off+off, "a block of its index is not what its documents make")
		}
	}
	return nil
}
