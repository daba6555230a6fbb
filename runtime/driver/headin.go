package driver

import (
	"fmt"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// HeadIn reads the head of a document from the stored form of its newest commit,
// without the rest of it: what [DecodeCommit] gives as ID, Seq, Section and Held,
// and whether it is a deletion. Section is nil when the commit left it unchanged,
// and otherwise a part of b. The error is a [*FormatError].
func HeadIn(b []byte) (Head, error) {
	var h Head
	var r wire.Reader
	if err := readHead(&r, b, &h); err != nil {
		return Head{}, err
	}
	h.Held = readHeld(&r)
	if r.Err() == nil && r.Len() > 0 {
		r.Fail(fmt.Errorf("%d bytes follow it", r.Len()))
	}
	if err := r.Err(); err != nil {
		return Head{}, &FormatError{Err: err}
	}
	return h, nil
}

// SectionIn reads the section alone as [HeadIn] does, and allocates nothing.
func SectionIn(b []byte) ([]byte, error) {
	var h Head
	var r wire.Reader
	if err := readHead(&r, b, &h); err != nil {
		return nil, err
	}
	if err := r.Err(); err != nil {
		return nil, &FormatError{Err: err}
	}
	return h.Section, nil
}

// readHead reads a commit up to what it holds. The error is of its version; any
// other is r's.
func readHead(r *wire.Reader, b []byte, h *Head) error {
	r.Reset(b)
	fields := r.Array()
	version := r.Uint()
	if r.Err() == nil && (version != commitVersion || fields != commitFields) {
		return unknownVersion(version, fields)
	}
	if flags := r.Uint(); flags != 0 {
		return unknownFlags(flags)
	}
	r.View() // the table
	readFixed(r, h.ID[:])
	h.Seq = r.Uint()
	r.View() // the attempt
	h.Deleted = readKind(r) == KindDelete
	for range 5 { // time, schema, by, because, extensions
		r.Skip()
	}
	r.View() // the body
	if !r.Nil() {
		h.Section = r.View()
		h.Section = h.Section[:len(h.Section):len(h.Section)]
	}
	return nil
}
