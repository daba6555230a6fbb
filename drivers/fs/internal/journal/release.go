package journal

import "fmt"

// Release lets the full segments go of which all batches, up to a number, are
// kept elsewhere now and for ever, and gives the names of their files, which
// are the caller's to remove when no place of theirs is asked for by a later
// Open any more. Records in them that somebody still holds a place of stay
// readable. One Release runs at a time.
func (j *Journal) Release(no uint64) ([]string, error) {
	var names []string
	for {
		j.mu.Lock()
		if j.closed || len(j.full) == 0 || j.full[0].last > no {
			j.mu.Unlock()
			return names, nil
		}
		s := j.full[0]
		j.mu.Unlock()
		image, err := s.load()
		if err != nil {
			return names, err
		}
		j.mu.Lock()
		if j.closed {
			j.mu.Unlock()
			return names, nil
		}
		s.image.Store(&image) // trim may have let it go meanwhile
		j.full = j.full[1:]
		j.mu.Unlock()
		_ = s.file.Close() // it is durable: nothing can be lost with an error
		names = append(names, s.name)
	}
}

// Spare gives the names of the segments that Open found to hold nothing but
// what is sealed: an earlier Release gave them, or a copy of the journal has
// them. They are the caller's to remove.
func (j *Journal) Spare() []string { return j.spare }

// Cut ends the active segment, unless it is empty, and gives the number of the
// newest batch. It and all before it are durable.
func (j *Journal) Cut() (uint64, error) {
	j.order.Lock()
	defer j.order.Unlock()
	j.mu.Lock()
	err := j.usable()
	empty := j.end == segmentHeader
	j.mu.Unlock()
	if err == nil && !empty {
		err = j.rotate(0)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.no - 1, err
}

// passSealed leaves the last segment alone when all that it has is sealed, as
// in a copy whose journal was taken before what it was sealed into.
func (r *recovery) passSealed() error {
	sealed := r.o.Sealed
	if r.last == nil || r.no > sealed {
		return nil
	}
	image, err := r.last.load()
	if err != nil {
		return err
	}
	if no := highest(r.o.codec, image, r.end, r.last.id); no > sealed {
		return r.last.damaged(int64(r.end), fmt.Sprintf("batch %d is not whole, though batch %d behind it is", r.no, no))
	}
	r.done = append(r.done, r.last)
	r.last, r.batches, r.end, r.no = nil, nil, segmentHeader, sealed+1
	return nil
}

// highest gives the highest number of a batch that any whole header in image
// has, from off on.
func highest(c codec, image []byte, off int, id uint64) uint64 {
	var no uint64
	for off = padded(off); off < len(image); off += align {
		if h, ok := c.header(image[off:], id); ok {
			no = max(no, h.no)
		}
	}
	return no
}
