package driver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CheckUnique gives a [*SchemaError] if two documents of a table have one value
// of a field that its schema says is unique. It goes by what documents show,
// not by what they hold: it is for fields that become unique.
func CheckUnique(ctx context.Context, d Driver, s Schema) error {
	holders := make(map[Term]ID)
	for head, err := range d.Find(ctx, s.Table, Query{}) {
		if err != nil {
			return err
		}
		terms, err := HeldIn(head.Section, s.Unique)
		if err != nil {
			return fmt.Errorf("query section of document %s: %w", head.ID, err)
		}
		for _, term := range terms {
			if other, ok := holders[term]; ok && other != head.ID {
				return notUnique(s.Table, term, other, head.ID)
			}
			holders[term] = head.ID
		}
	}
	return nil
}

// notUnique is the error that a field cannot become unique.
func notUnique(table string, term Term, a, b ID) error {
	return &SchemaError{table, fmt.Sprintf("field %s cannot become unique: documents %s and %s have the same value there. Change or delete one of them with a program for which the field is not unique",
		term.Path(), a, b)}
}

// widened is how many documents TakeUnique changes at once.
const widened = 200

// TakeUnique makes the documents of a table hold the values that they show of
// the fields that its schema says are unique. To each that does not hold one it
// appends a void, which claims it as any commit would. It is for drivers, when
// a field becomes unique: the driver must take commits by that schema already,
// and no others. Done again it goes on where it was.
func TakeUnique(ctx context.Context, d Driver, s Schema) error {
	var batch []Commit
	for head, err := range d.Find(ctx, s.Table, Query{}) {
		if err != nil {
			return err
		}
		c, err := taking(head, s)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if batch = append(batch, *c); len(batch) < widened {
			continue
		}
		if err := takeAll(ctx, d, s, batch); err != nil {
			return err
		}
		batch = nil
	}
	return takeAll(ctx, d, s, batch)
}

// taking makes the void by which a document holds what it shows, nil if it does.
func taking(head Head, s Schema) (*Commit, error) {
	terms, err := HeldIn(head.Section, s.Unique)
	if err != nil {
		return nil, fmt.Errorf("query section of document %s: %w", head.ID, err)
	}
	taken, _ := Taken(head.Held, terms)
	if len(taken) == 0 {
		return nil, nil
	}
	held := slices.Concat(head.Held, taken)
	slices.Sort(held)
	c := &Commit{
		Table: s.Table, ID: head.ID, Seq: head.Seq + 1, Kind: KindVoid, Schema: s.Revision,
		Time: time.Now().Round(0).UTC(), Because: "unique: " + paths(taken), Held: held,
	}
	rand.Read(c.Try[:])
	return c, nil
}

// paths names the fields of terms.
func paths(terms []Term) string {
	var names []string
	for _, t := range terms {
		names = append(names, t.Path())
	}
	return strings.Join(slices.Compact(names), ", ")
}

// takeAll appends voids. One that came too late is made again.
func takeAll(ctx context.Context, d Driver, s Schema, batch []Commit) error {
	for len(batch) > 0 {
		var again []Commit
		for i, r := range d.Append(ctx, batch) {
			c := batch[i]
			var (
				dup  *DuplicateError
				lost *SeqError
			)
			switch {
			case r.Err == nil, errors.Is(r.Err, ErrNotFound), errors.Is(r.Err, ErrDeleted):
			case errors.Is(r.Err, ErrUnknown) && ctx.Err() == nil:
				again = append(again, c)
			case errors.As(r.Err, &dup):
				return notUnique(s.Table, dup.Term, dup.Holder, c.ID)
			case errors.As(r.Err, &lost):
				head, err := d.Head(ctx, s.Table, c.ID)
				if errors.Is(err, ErrNotFound) || err == nil && head.Deleted {
					continue
				}
				var next *Commit
				if err == nil {
					next, err = taking(head, s)
				}
				if err != nil {
					return err
				}
				if next != nil {
					again = append(again, *next)
				}
			default:
				return r.Err
			}
		}
		batch = again
	}
	return nil
}
