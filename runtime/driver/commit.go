package driver

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// The stored form of a commit is one msgpack array. Its fields stand in the
// order of [Commit]; docs/FORMAT.md has the picture.
//
// An array of another length or version is refused, not skipped: a driver that
// dropped a field when it copies a commit would rewrite history. What a later
// release adds without a new version goes into the extensions, which every
// release keeps.
const (
	commitVersion = 1
	commitFields  = 15
)

// Flags of a stored commit. No release sets them yet; a later one that does
// can rely on this one to refuse what it cannot read.
const (
	flagCompressed = 1 << iota
	flagEncrypted
)

// FormatError says that bytes are no commit that this program can read.
type FormatError struct {
	Newer bool // they are sound, but written by a newer release or with another one's options
	Err   error
}

func (e *FormatError) Error() string {
	if e.Newer {
		return fmt.Sprintf("stored commit: %v; a newer release of destamgen wrote it", e.Err)
	}
	return fmt.Sprintf("stored commit is damaged: %v", e.Err)
}

// Unwrap returns what is wrong in detail.
func (e *FormatError) Unwrap() error { return e.Err }

// AppendCommit appends the stored form of a commit that passes [Commit.Check].
// Equal commits have equal bytes. Nil and empty are the same but for Section,
// where nil means unchanged.
func AppendCommit(b []byte, c *Commit) []byte {
	b = slices.Grow(b, 80+len(c.Table)+len(c.By)+len(c.Because)+len(c.Body)+len(c.Section))
	b = wire.AppendArray(b, commitFields)
	b = wire.AppendUint(b, commitVersion)
	b = wire.AppendUint(b, 0) // flags
	b = wire.AppendString(b, c.Table)
	b = wire.AppendBytes(b, c.ID[:])
	b = wire.AppendUint(b, c.Seq)
	b = wire.AppendBytes(b, c.Try[:])
	b = wire.AppendUint(b, uint64(c.Kind))
	b = wire.AppendTime(b, c.Time)
	b = wire.AppendUint(b, uint64(c.Schema))
	b = wire.AppendString(b, c.By)
	b = wire.AppendString(b, c.Because)
	b = appendExt(b, c.Ext)
	b = wire.AppendBytes(b, c.Body)
	if c.Section == nil {
		b = wire.AppendNil(b)
	} else {
		b = wire.AppendBytes(b, c.Section)
	}
	b = wire.AppendArray(b, len(c.Held))
	for _, term := range c.Held {
		b = wire.AppendString(b, string(term))
	}
	return b
}

// appendExt appends the extensions, ascending by name so that a retry has the
// bytes of the first attempt.
func appendExt(b []byte, ext map[string][]byte) []byte {
	b = wire.AppendMap(b, len(ext))
	if len(ext) == 0 {
		return b
	}
	for _, name := range slices.Sorted(maps.Keys(ext)) {
		b = wire.AppendString(b, name)
		b = wire.AppendBytes(b, ext[name])
	}
	return b
}

// DecodeCommit reads the stored form of one commit, which must be all of b. It
// keeps nothing of b, and it never takes more memory than b in proportion. The
// error is a [*FormatError]. What the fields say is not checked: see
// [Commit.Check].
func DecodeCommit(b []byte) (Commit, error) {
	r := wire.NewReader(b)
	if err := readFront(r); err != nil {
		return Commit{}, err
	}
	c := Commit{Table: r.String()}
	readFixed(r, c.ID[:])
	c.Seq = r.Uint()
	readFixed(r, c.Try[:])
	c.Kind = readKind(r)
	c.Time = r.Time()
	c.Schema = readUint32(r)
	c.By = r.String()
	c.Because = r.String()
	c.Ext = readExt(r)
	c.Body = r.Bytes()
	if !r.Nil() {
		c.Section = append([]byte{}, r.View()...)
	}
	c.Held = readHeld(r)
	if err := readEnd(r); err != nil {
		return Commit{}, err
	}
	return c, nil
}

func unknownVersion(version uint64, fields int) error {
	if version > commitVersion {
		return &FormatError{Newer: true, Err: fmt.Errorf("format version %d, this program reads up to %d", version, commitVersion)}
	}
	return &FormatError{Err: fmt.Errorf("%d fields in format version %d", fields, version)}
}

func unknownFlags(flags uint64) error {
	why := fmt.Sprintf("unknown flags %#x", flags)
	switch {
	case flags&flagEncrypted != 0:
		why = "it is encrypted, which this program cannot read"
	case flags&flagCompressed != 0:
		why = "it is compressed, which this program cannot read"
	}
	return &FormatError{Newer: true, Err: errors.New(why)}
}

// readFixed reads binary data of exactly the length of into.
func readFixed(r *wire.Reader, into []byte) {
	p := r.View()
	if r.Err() == nil && len(p) != len(into) {
		r.Fail(fmt.Errorf("id of %d bytes", len(p)))
		return
	}
	copy(into, p)
}

func readKind(r *wire.Reader) Kind {
	kind := r.Uint()
	if r.Err() == nil && (kind < uint64(KindChange) || kind > uint64(KindRenumber)) {
		r.Fail(fmt.Errorf("kind %d is unknown", kind))
		return 0
	}
	return Kind(kind)
}

func readUint32(r *wire.Reader) uint32 {
	v := r.Uint()
	if v > math.MaxUint32 {
		r.Fail(fmt.Errorf("schema revision %d is out of range", v))
		return 0
	}
	return uint32(v)
}

func readExt(r *wire.Reader) map[string][]byte {
	n := r.Map()
	if n == 0 {
		return nil
	}
	ext := make(map[string][]byte)
	for range n {
		name := r.String()
		if _, twice := ext[name]; twice {
			r.Fail(fmt.Errorf("extension %q stands twice", name))
		}
		value := r.Bytes()
		if r.Err() != nil {
			return nil
		}
		ext[name] = value
	}
	return ext
}

func readHeld(r *wire.Reader) []Term {
	n := r.Array()
	if n == 0 {
		return nil
	}
	held := make([]Term, 0, min(n, 64)) // a term takes more memory than its least byte
	for range n {
		held = append(held, Term(r.String()))
		if r.Err() != nil {
			return nil
		}
	}
	return held
}
