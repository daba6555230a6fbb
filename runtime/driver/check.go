package driver

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// The largest parts of a commit that every driver takes. A query section is
// held in memory and indexed whole; author and reason are words of people.
const (
	MaxSection = 1 << 20
	MaxBy      = 1 << 10
	MaxBecause = 1 << 16
)

// Check says whether every driver can take the commit as far as that shows
// without the document before it, s being the schema of its table: nil, a
// [*LimitError] or an [*InvalidError]. What depends on the document is said by
// [Standing.Judge].
func (c *Commit) Check(s Schema) error {
	switch {
	case c.Table != s.Table:
		return &InvalidError{"Table", fmt.Sprintf("%q is not %q", c.Table, s.Table)}
	case c.ID.IsZero():
		return &InvalidError{"ID", "is zero"}
	case c.Seq == 0:
		return &InvalidError{"Seq", "the first is 1"}
	case c.Try == [16]byte{}:
		return &InvalidError{"Try", "is zero, as that of any other commit that has none"}
	case c.Time != c.Time.Round(0).UTC():
		return &InvalidError{"Time", "is not UTC without a monotonic reading"}
	}
	for _, check := range []func() error{c.checkKind, c.checkText, c.checkSection} {
		if err := check(); err != nil {
			return err
		}
	}
	return c.checkHeld(s.Unique)
}

func (c *Commit) checkKind() error {
	switch c.Kind {
	case KindChange:
		return nil
	case KindRestore:
		if c.Section == nil {
			return &InvalidError{"Section", "a restore has none"}
		}
		return nil
	case KindDelete, KindVoid, KindRenumber:
		if c.Section != nil {
			return &InvalidError{"Section", "neither a delete, a void nor a renumbering changes it"}
		}
	case KindPurge:
		return &InvalidError{"Kind", "a document is purged by Purge"}
	default:
		return &InvalidError{"Kind", fmt.Sprintf("%d is unknown", c.Kind)}
	}
	if len(c.Held) > 0 && (c.Kind == KindDelete || c.Kind == KindVoid && c.Seq == 1) {
		return &InvalidError{"Held", "neither a delete nor a void at the beginning holds anything"}
	}
	return nil
}

func (c *Commit) checkText() error {
	switch {
	case len(c.By) > MaxBy:
		return &LimitError{"author of a commit", len(c.By), MaxBy}
	case len(c.Because) > MaxBecause:
		return &LimitError{"reason of a commit", len(c.Because), MaxBecause}
	case !utf8.ValidString(c.By):
		return &InvalidError{"By", "is not valid UTF-8"}
	case !utf8.ValidString(c.Because):
		return &InvalidError{"Because", "is not valid UTF-8"}
	}
	for name := range c.Ext {
		if !utf8.ValidString(name) {
			return &InvalidError{"Ext", fmt.Sprintf("name %q is not valid UTF-8", name)}
		}
	}
	return nil
}

func (c *Commit) checkSection() error {
	if c.Section == nil {
		return nil
	}
	if len(c.Section) > MaxSection {
		return &LimitError{"query section", len(c.Section), MaxSection}
	}
	if _, err := HeldIn(c.Section, nil); err != nil { // reads it all, for nothing else
		return &InvalidError{"Section", err.Error()}
	}
	if wire.NewReader(c.Section).Kind() != wire.Map {
		return &InvalidError{"Section", "is no map"}
	}
	return nil
}

func (c *Commit) checkHeld(unique []string) error {
	for i, term := range c.Held {
		switch {
		case !strings.Contains(string(term), "\x00"):
			return &InvalidError{"Held", fmt.Sprintf("%q is no term", term)}
		case i > 0 && term <= c.Held[i-1]:
			return &InvalidError{"Held", "is not ascending"}
		case !slices.Contains(unique, term.Path()):
			return &InvalidError{"Held", fmt.Sprintf("field %s was not declared unique", term.Path())}
		}
	}
	return nil
}

// Check gives a [*LimitError] for an encoded commit that is too large.
func (l Limits) Check(size int) error {
	if l.Commit > 0 && size > l.Commit {
		return &LimitError{"commit", size, l.Commit}
	}
	return nil
}
