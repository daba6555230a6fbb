package destam

import (
	"context"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Blamed says who last set one field, element or key of a document: the stored
// version that did, or the one that brought what contains it.
type Blamed struct {
	Path        Path
	Version     uint64
	Time        time.Time
	By, Because string
}

// Blame tells of each field, element and key that a document has now who last
// set it, when and why, in the order of the fields. It reads the whole history,
// and does not touch the live document. Where a store was told to keep less than
// all history, who last set a field before that has version 0.
//
//go:noinline
func Blame[O, P, Q any](ctx context.Context, t *Table[O, P, Q], id ID) ([]Blamed, error) {
	return t.t.blame(ctx, id)
}

func (t *table) blame(ctx context.Context, id ID) ([]Blamed, error) {
	s, err := t.span(ctx, id, nil)
	var (
		b       doc.Blame
		newest  *doc.Document
		commits = map[uint64]Blamed{}
	)
	if err == nil {
		err = t.walk(ctx, id, s.from, s.to, false, func(c *driver.Commit, d *doc.Document, tr doc.Trace) error {
			b.Add(c.Seq, tr)
			commits[c.Seq] = Blamed{Version: c.Seq, Time: c.Time, By: c.By, Because: c.Because}
			newest = d
			return nil
		})
	}
	if err != nil {
		return nil, t.err("blame", id, err)
	}
	var all []Blamed
	b.Each(newest, func(p doc.Path, seq uint64) {
		who := commits[seq]
		who.Path = Path{p}
		all = append(all, who)
	})
	return all, nil
}
