package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// ErrMissing says that a directory holds no journal.
var ErrMissing = errors.New("journal is missing")

// Replay is told every record of a journal, in order. Rec is the journal's own
// memory: it may be kept, but not changed.
type Replay func(rec []byte, p Place, batch uint64) error

// Create makes an empty journal in a directory that has none, or has what an
// interrupted Create left: see [Pristine].
func Create(f vfs.FS, dir string, o Options) error {
	s := newSegment(dir, 1, o.First)
	if err := f.Remove(s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.build(f, dir, make([]byte, o.First), o.Store); err != nil {
		return err
	}
	if err := s.activate(f, dir); err != nil {
		return errors.Join(err, abandon(f, dir))
	}
	err := errors.Join(f.SyncDir(dir), s.file.Close())
	if err != nil {
		err = errors.Join(err, f.Remove(s.name)) // for the next Create to make anew
	}
	return err
}

// Open opens a journal and replays it. When it returns, everything that it
// replayed is durable. A [*DamageError] means that something which was durable
// is not there any more.
func Open(f vfs.FS, dir string, o Options, replay Replay) (*Journal, error) {
	if o.Spawn == nil {
		o.Spawn = func(f func()) { go f() }
	}
	if o.codec.seal == nil {
		o.codec = format
	}
	r := &recovery{fs: f, dir: dir, o: o, replay: replay, no: o.Sealed + 1}
	j, err := r.run()
	if err != nil {
		for _, s := range r.segs {
			err = errors.Join(err, s.file.Close())
		}
		return nil, err
	}
	return j, nil
}

// recovery is the state of an Open that runs.
type recovery struct {
	fs     vfs.FS
	dir    string
	o      Options
	replay Replay

	segs []*segment // every open segment, for closing
	full []*segment // complete ones before last, replayed
	last *segment   // the last that holds a batch, nil if none does
	tail []*segment // those after last
	old  []*segment // those whose batches a later segment has
	done []*segment // those that hold nothing but what is sealed

	batches []batch // good ones of last
	end     int     // where they end
	no      uint64  // the batch that comes next
	vouched uint64  // highest number that some header says is durable
	lost    []Lost
}

func (r *recovery) run() (*Journal, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.sort(); err != nil {
		return nil, err
	}
	if err := r.passSealed(); err != nil {
		return nil, err
	}
	if err := r.judge(); err != nil {
		return nil, err
	}
	seg, off, err := r.resume()
	if err != nil {
		return nil, err
	}
	if err := r.replayBatches(seg, r.batches); err != nil {
		return nil, err
	}
	r.remove(append(r.old, r.tail...))
	j := r.journal(seg, off)
	for _, s := range r.done {
		_ = s.file.Close()
		j.spare = append(j.spare, s.name)
	}
	return j, nil
}

// resume gives the segment that is appended to from now on, and where.
func (r *recovery) resume() (*segment, int, error) {
	at, ok := r.clean()
	if !ok {
		if err := r.setAside(); err != nil {
			return nil, 0, err
		}
		seg, err := r.rehome()
		return seg, r.end, err
	}
	// Marks that nobody vouches for are written over: nothing may be appended
	// behind a batch of which it is not known that it is durable.
	r.no, r.batches = at.no, r.batches[:at.batches]
	if r.last != nil {
		return r.last, at.off, nil
	}
	seg := r.tail[0]
	r.tail = nil
	return seg, at.off, nil
}

// open opens all segments in the order of their numbers.
func (r *recovery) open() error {
	names, err := r.fs.List(r.dir)
	if err != nil {
		return err
	}
	for _, name := range names { // ascending, as the numbers are
		if _, ok := fileNumber(name); !ok {
			continue
		}
		s, err := openSegment(r.fs, r.dir, name, r.o.Store)
		if err != nil {
			return err
		}
		r.segs = append(r.segs, s)
		r.vouched = max(r.vouched, s.synced)
	}
	if len(r.segs) == 0 {
		return fmt.Errorf("%s: %w", r.dir, ErrMissing)
	}
	return nil
}

// base gives the number of the first batch of a segment, 0 if it has no whole
// header there.
func (r *recovery) base(s *segment) (uint64, error) {
	if s.size < segmentHeader+batchHeader {
		return 0, nil
	}
	var b [batchHeader]byte
	if _, err := s.file.ReadAt(b[:], segmentHeader); err != nil {
		return 0, err
	}
	h, ok := r.o.codec.header(b[:], s.id)
	if !ok {
		return 0, nil
	}
	return h.no, nil
}

// sort tells the segments apart and replays all but the last that holds
// batches. Whatever a later segment has too is its.
func (r *recovery) sort() error {
	bases := make([]uint64, len(r.segs))
	for i, s := range r.segs {
		var err error
		if bases[i], err = r.base(s); err != nil {
			return err
		}
	}
	begun := false
	for i, s := range r.segs {
		var next uint64 // of the next segment that holds batches
		for _, b := range bases[i+1:] {
			if next = b; next > 0 {
				break
			}
		}
		if bases[i] > 0 && next > bases[i] && next <= r.o.Sealed+1 {
			r.done = append(r.done, s)
			continue
		}
		// The first one that holds anything of its own may begin before what
		// is to be replayed. Copies of later ones tell nothing: those may be
		// done with.
		if !begun && bases[i] > 0 && (next == 0 || next > bases[i] || r.o.bug == copiesBegin) {
			r.no, begun = min(r.no, bases[i]), true
		}
		if err := r.take(s, bases[i], next); err != nil {
			return err
		}
	}
	return nil
}

// take sorts one segment in, whose first batch is base and whose batches from
// next on, if that is not 0, are in later segments.
func (r *recovery) take(s *segment, base, next uint64) error {
	switch {
	case base == 0 && next == 0:
		r.tail = append(r.tail, s)
		return nil
	case next > 0 && (base == 0 || next <= base) && r.o.bug != copiesReplayed:
		if next > r.no {
			return s.damaged(segmentHeader, fmt.Sprintf("batches %d to %d are missing", r.no, next-1))
		}
		r.old = append(r.old, s)
		return nil
	case base > r.no:
		return s.damaged(segmentHeader, fmt.Sprintf("batches %d to %d are missing before it", r.no, base-1))
	}
	batches, end, err := r.scan(s, base, next)
	if err != nil {
		return err
	}
	if next == 0 {
		r.last, r.batches, r.end = s, batches, end
		return nil
	}
	if r.no < next && r.o.bug != copiesReplayed {
		return s.damaged(int64(end), fmt.Sprintf("batch %d is not whole", r.no))
	}
	s.last = next - 1
	r.full = append(r.full, s)
	err = r.replayBatches(s, batches)
	trim(r.full, r.o.Memory)
	return err
}

// scan reads the batches of a segment up to the first that is bad or is in a
// later segment, and gives where they end.
func (r *recovery) scan(s *segment, base, next uint64) ([]batch, int, error) {
	image, err := s.load()
	if err != nil {
		return nil, 0, err
	}
	if r.o.bug == copiesReplayed {
		r.no = base
	}
	var batches []batch
	end := segmentHeader
	for next == 0 || r.no < next {
		b, ok := r.o.codec.batch(image, end, s.id, r.no)
		if !ok {
			break
		}
		batches = append(batches, b)
		end = b.end
		r.no = b.no + 1
		r.vouched = max(r.vouched, b.synced)
	}
	s.used.Store(max(s.used.Load(), int64(end))) // a batch may end with zeros
	return batches, end, nil
}

// judge tells a torn tail, which is what a power failure leaves, from rot: a
// batch of which some header says that it was durable.
func (r *recovery) judge() error {
	rest := r.tail
	if r.last != nil {
		image, err := r.last.load()
		if err != nil {
			return err
		}
		r.vouched = max(r.vouched, r.o.codec.vouched(image[:r.last.used.Load()], r.end, r.last.id))
	}
	for _, s := range rest {
		image, err := s.load()
		if err != nil {
			return err
		}
		r.vouched = max(r.vouched, r.o.codec.vouched(image[:s.used.Load()], segmentHeader, s.id))
	}
	if r.vouched < r.no {
		return nil
	}
	s, off := r.last, r.end
	if s == nil {
		s, off = rest[0], segmentHeader
	}
	return s.damaged(int64(off), fmt.Sprintf("batch %d is not whole, though it was durable", r.no))
}

// resumption is where appending may go on in a segment that is in order.
type resumption struct {
	off     int
	no      uint64
	batches int
}

// clean tells whether everything in the last segment is known to be durable,
// so that it may be appended to. It is after a close, after a recovery, and
// mostly after a kill when nothing was going on.
//
// Segments whose batches are in the last one too are what a recovery leaves
// that was cut short, perhaps by a sync of the directory that failed: then it
// is not known that the last one keeps its name.
func (r *recovery) clean() (resumption, bool) {
	if len(r.old) > 0 {
		return resumption{}, false
	}
	if r.last == nil {
		return resumption{off: segmentHeader, no: r.no}, len(r.tail) == 1 && zero((*r.tail[0].image.Load())[segmentHeader:r.tail[0].used.Load()])
	}
	at := resumption{off: r.end, no: r.no, batches: len(r.batches)}
	for at.batches > 0 && at.no-1 > r.vouched {
		b := r.batches[at.batches-1]
		if b.count > 0 && (r.o.bug == tailTrusted || r.o.bug == tornAppended) {
			break
		}
		if b.count > 0 {
			return resumption{}, false
		}
		at = resumption{off: b.start, no: b.no, batches: at.batches - 1}
	}
	image := (*r.last.image.Load())[:r.last.used.Load()]
	if !zero(image[r.end:]) && r.o.bug != tornAppended || len(r.tail) > 0 {
		return resumption{}, false
	}
	clear(image[at.off:])
	return at, true
}

func (r *recovery) replayBatches(s *segment, batches []batch) error {
	image, err := s.load()
	if err != nil {
		return err
	}
	for _, b := range batches {
		if b.no <= r.o.Sealed {
			continue
		}
		err := b.records(image, func(off, n int) error {
			rec := image[off : off+n : off+n]
			p := Place{seg: s, off: uint32(off), n: uint32(n), sum: crc32.Checksum(rec, castagnoli)}
			return r.replay(rec, p, b.no)
		})
		if errors.Is(err, errRecords) {
			return s.damaged(int64(b.start), err.Error())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// journal is the journal that goes on at off in seg. All that it has is
// durable.
func (r *recovery) journal(seg *segment, off int) *Journal {
	j := &Journal{fs: r.fs, dir: r.dir, o: r.o, lost: r.lost, full: r.full}
	j.no = r.no
	j.last, j.durable, j.vouched = r.no-1, r.no-1, r.vouched
	j.written.Store(r.no - 1)
	j.begin(seg, off)
	if r.o.Idle > 0 {
		j.idle = time.AfterFunc(r.o.Idle, j.Mark)
		j.idle.Stop()
	}
	return j
}
