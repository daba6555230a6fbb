package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// MaxRecord is the longest record that a journal takes: what must fit into one
// segment made for it, whose places are 32 bits.
const MaxRecord = 256 << 20

// Options says how a journal is kept.
type Options struct {
	Store     [16]byte      // the identity of the store, in every segment
	Segment   int           // bytes of a full-grown segment
	First     int           // bytes of the first one; each is twice the one before
	Memory    int           // bytes of full segments that are kept in memory
	Idle      time.Duration // how long after the last sync a mark is written; 0 for never
	LostFound string        // the directory for bytes that recovery sets aside
	Sealed    uint64        // batches up to this number are kept elsewhere: see Release
	Spawn     func(func())  // starts the preparation of a segment; nil is go

	codec codec
	bug   mutant
}

// Journal is an open journal. Its methods are safe for concurrent use.
//
// Its locks, taken in this order, keep things apart that take their time: the
// order of records, writing, syncing, and mu the numbers below, which is never
// held while the disk works.
type Journal struct {
	fs   vfs.FS
	dir  string
	o    Options
	lost []Lost

	order sync.Mutex // held while a record is put behind the last one
	pen   sync.Mutex // held while a batch is written
	press sync.Mutex // held while the active segment is synced: see syncSegment

	written  atomic.Uint64 // highest batch that is in the file; set under pen
	turns    turns
	regulars regulars

	mu      sync.Mutex
	seg     *segment   // guarded by mu, as are all below; changes with order and pen held too
	image   []byte     // seg's image
	start   int        // where the next batch begins in image
	end     int        // where it ends so far; start when it is empty
	count   uint32     // records in it
	no      uint64     // its number
	last    uint64     // highest batch with records
	durable uint64     // highest batch that is known to be on disk
	vouched uint64     // highest batch that a header in the file says is durable
	bytes   progress   // of records
	round   *round     // the sync that runs or is about to, nil if none does
	later   *round     // the one after it, nil if nobody needs one
	err     *failure   // set once: the journal is poisoned
	closed  bool       // no more records
	full    []*segment // the segments before seg, oldest first
	spare   []string   // segments that hold only what is sealed
	ahead   *prepared  // the next segment, nil if nobody has begun it
	idle    *time.Timer
}

// progress counts bytes on their way to the disk.
type progress struct{ ordered, written, durable int64 }

// Append puts a record behind all others and gives its place and the number of
// its batch. It waits for the disk only where one segment ends and the next
// begins. The record is not written yet: see [Journal.Write]. Rec is copied.
//
// A [*SegmentError] or [driver.LimitError] leaves the journal as it was.
func (j *Journal) Append(rec []byte) (Place, uint64, error) {
	if len(rec) > MaxRecord {
		return Place{}, 0, &driver.LimitError{What: "commit", Size: len(rec), Max: MaxRecord}
	}
	need := framed(len(rec))
	sum := crc32.Checksum(rec, castagnoli)
	j.order.Lock()
	defer j.order.Unlock()
	for {
		j.mu.Lock()
		if err := j.usable(); err != nil {
			j.mu.Unlock()
			return Place{}, 0, err
		}
		if j.room(need) {
			break
		}
		j.mu.Unlock()
		if err := j.rotate(need); err != nil {
			return Place{}, 0, err
		}
	}
	p := j.put(rec)
	p.sum = sum
	no, early := j.no, j.ahead == nil && j.end > j.seg.size/2
	j.mu.Unlock()
	if early {
		j.prepare(0)
	}
	return p, no, nil
}

// usable tells why the journal takes nothing more. The caller holds mu.
func (j *Journal) usable() error {
	if j.err != nil {
		return j.err
	}
	if j.closed {
		return driver.ErrClosed
	}
	return nil
}

// room tells whether so many bytes of a record fit into the active segment,
// which keeps room for the mark that closes it. The caller holds mu.
func (j *Journal) room(need int) bool {
	end := j.end + need
	if j.start == j.end {
		end += batchHeader
	}
	return padded(end)+batchHeader <= j.seg.size
}

// put copies a record into the batch that gathers. The caller holds order and
// mu.
func (j *Journal) put(rec []byte) Place {
	if j.start == j.end {
		j.end += batchHeader
	}
	at := binary.AppendUvarint(j.image[:j.end], uint64(len(rec)))
	p := Place{seg: j.seg, off: uint32(len(at)), n: uint32(len(rec))}
	j.bytes.ordered += int64(len(rec))
	j.end = len(append(at, rec...)) // never grows: there is room
	j.count++
	j.last = j.no
	return p
}

// gathered is the number of the newest batch that holds anything. The caller
// holds mu.
func (j *Journal) gathered() uint64 {
	if j.start == j.end {
		return j.no - 1
	}
	return j.no
}

// Last is the number of the newest batch that holds records.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// write is Write for one who holds the pen, alone.
func (j *Journal) write(no uint64) (err error) {
	if j.written.Load() >= no {
		return nil
	}
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	seg, h, from := j.seg, header{no: j.no, synced: j.durable, count: j.count}, j.start
	batch := j.image[from:padded(j.end)]
	ordered := j.bytes.ordered
	j.start = from + len(batch)
	j.end, j.count, j.no = j.start, 0, j.no+1
	j.mu.Unlock()

	// If anything panics on the way the file is in a state that nobody knows,
	// and those who wait for the pen must not go on.
	done := false
	defer func() {
		if !done {
			err = j.poison("write", seg.name, errPanic)
		}
	}()
	j.o.codec.seal(h, batch, seg.id)
	_, werr := seg.file.WriteAt(batch, int64(from))
	done = true
	if werr != nil {
		err = j.poison("write", seg.name, werr)
		if !j.o.bug.forgives("write") {
			return err
		}
	}
	j.mu.Lock()
	j.written.Store(h.no)
	j.bytes.written = ordered
	j.vouched = max(j.vouched, h.synced)
	j.mu.Unlock()
	return err
}

var errPanic = errors.New("panic on the way")

// poison makes the journal refuse everything from now on: after a write or
// sync that failed nobody knows what the file holds, and a later one that
// succeeds would say nothing about it.
func (j *Journal) poison(op, name string, err error) *failure {
	f := &failure{op: op, file: name, err: err}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil && !j.o.bug.forgives(op) {
		j.err = f
	}
	return f
}

// Unsynced is how many bytes of records are not durable yet.
func (j *Journal) Unsynced() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes.ordered - j.bytes.durable
}

// Size is how many bytes the journal takes on disk.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	size := int64(j.seg.size)
	for _, s := range j.full {
		size += int64(s.size)
	}
	return size
}

// Lost tells what recovery set aside when the journal was opened.
func (j *Journal) Lost() []Lost { return j.lost }

// Close writes and syncs everything, leaves a mark that says so, and lets the
// files go. It waits for what the journal has started.
func (j *Journal) Close() error {
	j.order.Lock()
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		j.order.Unlock()
		return nil
	}
	j.closed = true
	last, ahead := j.gathered(), j.ahead
	if j.idle != nil {
		j.idle.Stop()
	}
	j.mu.Unlock()
	j.order.Unlock() // the last sync may find some who gathered, and has them told that this is the end
	err := j.finish(last)
	if ahead != nil {
		err = errors.Join(err, j.discard(ahead))
	}
	for _, s := range append(j.full, j.seg) {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// finish makes everything durable up to the batch of that number and vouches
// for it.
func (j *Journal) finish(last uint64) error {
	if err := j.Sync(context.Background(), last); err != nil {
		return err
	}
	if err := j.mark(true); err != nil {
		return err
	}
	return j.Sync(context.Background(), j.written.Load())
}
