package doc

import (
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// ErrCorrupt: stored bytes do not describe a document or a change of it.
var ErrCorrupt = errors.New("stored content is damaged")

// checkpointVersion is the first element of a checkpoint.
const checkpointVersion = 1

// Checkpoint encodes the whole document as of its newest version; ok is false
// while something is pending, because the live document shows that too.
func (d *Document) Checkpoint() (seq uint64, content []byte, ok bool) {
	d.lock()
	defer d.mu.Unlock()
	if len(d.pending) > 0 || d.win.open || d.base == 0 {
		return 0, nil, false
	}
	return d.base, d.content(), true
}

func (d *Document) content() []byte {
	b := wire.AppendArray(make([]byte, 0, d.size+d.size/8), 2) // a little more than the last time
	b = wire.AppendInt(b, checkpointVersion)
	b = d.root.appendObject(b, &encoder{seen: map[*Node]bool{}})
	n := len(b)
	if b = d.apart.append(b, d.root.typ); len(b) > n {
		wire.AppendArray(b[:0], 3)
	}
	d.size = len(b)
	return b
}

// Load builds a new document from a checkpoint; after an error it is of no
// use. Replay may follow, Loaded ends both.
func (d *Document) Load(seq uint64, content []byte) error {
	c := d.load(content)
	defer d.loaded()
	if err := c.checkpoint(); err != nil {
		return corrupt(err)
	}
	c.know()
	d.root.known, d.base = true, seq
	return nil
}

// checkpoint reads one into the root.
func (c *decoder) checkpoint() error {
	parts := c.r.Array()
	if parts != 2 && parts != 3 && c.r.Err() == nil {
		c.r.Fail(fmt.Errorf("a checkpoint of %d parts", parts))
	}
	if v := c.r.Int(); v != checkpointVersion && c.r.Err() == nil {
		c.r.Fail(fmt.Errorf("checkpoint version %d is not known to this program", v))
	}
	if parts == 3 && c.r.Err() == nil {
		c.apart()
	}
	if c.object(c.d.root); parts == 3 {
		c.r.Skip()
	}
	if c.r.Err() == nil && c.r.Len() > 0 {
		c.r.Fail(errTooMany(c.r.Len()))
	}
	return c.finish()
}

// load begins reading stored bytes into a document that nobody has seen yet.
func (d *Document) load(b []byte) *decoder {
	d.loading, d.still = true, true
	if d.reading != nil {
		d.reading.reset(b)
		return d.reading
	}
	if d.root.known {
		d.root.nodes(func(n *Node) {
			if n != d.root {
				d.enter(n)
			}
		})
	}
	d.reading = d.decoder(b)
	return d.reading
}

// enter makes an object one that is found by its id.
func (d *Document) enter(n *Node) {
	if d.index == nil { // most documents have no objects with ids
		d.index = make(map[ID]*Node)
	}
	d.index[n.id] = n
}

func corrupt(err error) error {
	if errors.Is(err, ErrApart) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// Replay applies the body of a stored commit to a document that nobody has
// seen yet, and makes it the newest version. After an error the document is
// what it was, unless the body was its creation.
func (d *Document) Replay(seq uint64, body []byte) error {
	if err := d.replay(body); err != nil {
		return err
	}
	d.base, d.root.known = seq, true
	return nil
}

// replay applies a body.
func (d *Document) replay(body []byte) error {
	c := d.load(body)
	defer d.loaded()
	c.settle()
	if len(body) == 0 {
		return nil
	}
	if err := d.apply(c); err != nil {
		return corrupt(err)
	}
	return nil
}

func (d *Document) loaded() { d.loading, d.still = false, false }

// Loaded ends Load and a series of Replay or Later.
func (d *Document) Loaded() {
	if c := d.reading; c != nil {
		d.loading, d.still = true, true
		c.settle()
		d.loaded()
		c.release()
	}
	d.index, d.reading = nil, nil
}
