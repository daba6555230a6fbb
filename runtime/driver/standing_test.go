package driver_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

const (
	termA driver.Term = "slug\x00sa"
	termB driver.Term = "slug\x00sb"
	termC driver.Term = "slug\x00sc"
)

// as says whether err is a T.
func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func TestStandingJudge(t *testing.T) {
	me, other := driver.ID{15: 1}, driver.ID{15: 2}
	section := []byte{0x80}
	var (
		unborn  = driver.Standing{}
		voided  = driver.Standing{Seq: 1}
		alive   = driver.Standing{Seq: 3, Life: driver.Alive, Held: []driver.Term{termA}}
		deleted = driver.Standing{Seq: 4, Life: driver.Deleted}
		purged  = driver.Standing{Seq: 5, Life: driver.Purged}
	)
	accepted := func(err error) bool { return err == nil }
	is := func(want error) func(error) bool { return func(err error) bool { return err == want } }
	for _, test := range []struct {
		name     string
		standing driver.Standing
		commit   driver.Commit
		ok       func(error) bool
	}{
		{"creation", unborn, driver.Commit{Seq: 1, Kind: driver.KindChange, Section: section}, accepted},
		{"creation without section", unborn, driver.Commit{Seq: 1, Kind: driver.KindChange}, as[*driver.InvalidError]},
		{"change of nothing", unborn, driver.Commit{Seq: 2, Kind: driver.KindChange, Section: section}, as[*driver.SeqError]},
		{"delete of nothing", unborn, driver.Commit{Seq: 1, Kind: driver.KindDelete}, is(driver.ErrNotFound)},
		{"restore of nothing", unborn, driver.Commit{Seq: 1, Kind: driver.KindRestore, Section: section}, is(driver.ErrNotFound)},
		{"renumbering of nothing", unborn, driver.Commit{Seq: 1, Kind: driver.KindRenumber}, is(driver.ErrNotFound)},
		{"void first", unborn, driver.Commit{Seq: 1, Kind: driver.KindVoid}, accepted},
		{"void after void", voided, driver.Commit{Seq: 2, Kind: driver.KindVoid}, accepted},
		{"creation after void", voided, driver.Commit{Seq: 2, Kind: driver.KindChange, Section: section}, is(driver.ErrNotFound)},
		{"creation in a void's place", voided, driver.Commit{Seq: 1, Kind: driver.KindChange, Section: section}, as[*driver.SeqError]},

		{"change", alive, driver.Commit{Seq: 4, Kind: driver.KindChange, Held: []driver.Term{termA}}, accepted},
		{"too late", alive, driver.Commit{Seq: 3, Kind: driver.KindChange}, as[*driver.SeqError]},
		{"too early", alive, driver.Commit{Seq: 5, Kind: driver.KindChange}, as[*driver.SeqError]},
		{"renumbering", alive, driver.Commit{Seq: 4, Kind: driver.KindRenumber, Held: []driver.Term{termA}}, accepted},
		{"delete", alive, driver.Commit{Seq: 4, Kind: driver.KindDelete}, accepted},
		{"restore of what is there", alive, driver.Commit{Seq: 4, Kind: driver.KindRestore, Section: section}, as[*driver.InvalidError]},
		{"void", alive, driver.Commit{Seq: 4, Kind: driver.KindVoid, Held: []driver.Term{termA}}, accepted},
		{"void that frees", alive, driver.Commit{Seq: 4, Kind: driver.KindVoid}, as[*driver.InvalidError]},
		{"void that takes", alive, driver.Commit{Seq: 4, Kind: driver.KindVoid, Held: []driver.Term{termA, termB}}, accepted},
		{"void that takes what another holds", alive, driver.Commit{Seq: 4, Kind: driver.KindVoid, Held: []driver.Term{termA, termC}}, as[*driver.DuplicateError]},
		{"void that takes for a deleted one", deleted, driver.Commit{Seq: 5, Kind: driver.KindVoid, Held: []driver.Term{termB}}, as[*driver.InvalidError]},

		{"takes what is free", alive, driver.Commit{Seq: 4, Kind: driver.KindChange, Held: []driver.Term{termB}}, accepted},
		{"takes what another holds", alive, driver.Commit{Seq: 4, Kind: driver.KindChange, Held: []driver.Term{termA, termC}}, as[*driver.DuplicateError]},
		{"takes too late", alive, driver.Commit{Seq: 3, Kind: driver.KindChange, Held: []driver.Term{termC}}, as[*driver.SeqError]},
		{"creation takes what another holds", unborn, driver.Commit{Seq: 1, Kind: driver.KindChange, Section: section, Held: []driver.Term{termC}}, as[*driver.DuplicateError]},

		{"change of a deleted one", deleted, driver.Commit{Seq: 5, Kind: driver.KindChange}, is(driver.ErrDeleted)},
		{"renumbering of a deleted one", deleted, driver.Commit{Seq: 5, Kind: driver.KindRenumber}, is(driver.ErrDeleted)},
		{"second delete", deleted, driver.Commit{Seq: 5, Kind: driver.KindDelete}, is(driver.ErrDeleted)},
		{"restore", deleted, driver.Commit{Seq: 5, Kind: driver.KindRestore, Section: section, Held: []driver.Term{termA}}, accepted},
		{"restore of a value that is taken", deleted, driver.Commit{Seq: 5, Kind: driver.KindRestore, Section: section, Held: []driver.Term{termC}}, as[*driver.DuplicateError]},
		{"void of a deleted one", deleted, driver.Commit{Seq: 5, Kind: driver.KindVoid}, accepted},
		{"delete too late", deleted, driver.Commit{Seq: 4, Kind: driver.KindDelete}, as[*driver.SeqError]},

		{"change of a purged one", purged, driver.Commit{Seq: 6, Kind: driver.KindChange, Section: section}, is(driver.ErrNotFound)},
		{"late change of a purged one", purged, driver.Commit{Seq: 3, Kind: driver.KindChange}, is(driver.ErrNotFound)},
		{"creation of a purged one", purged, driver.Commit{Seq: 1, Kind: driver.KindChange, Section: section}, is(driver.ErrNotFound)},
		{"restore of a purged one", purged, driver.Commit{Seq: 6, Kind: driver.KindRestore, Section: section}, is(driver.ErrNotFound)},
		{"void of a purged one", purged, driver.Commit{Seq: 6, Kind: driver.KindVoid}, is(driver.ErrNotFound)},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.commit.ID = me
			err := test.standing.Judge(&test.commit, func(term driver.Term) (driver.ID, bool) {
				switch term {
				case termA:
					return me, true
				case termC:
					return other, true
				}
				return driver.ID{}, false
			})
			if !test.ok(err) {
				t.Errorf("got %v", err)
			}
			if seq := (*driver.SeqError)(nil); errors.As(err, &seq) && (seq.Want != test.commit.Seq || seq.Have != test.standing.Seq) {
				t.Errorf("got %+v", seq)
			}
			if taken := (*driver.DuplicateError)(nil); errors.As(err, &taken) && (taken.Term != termC || taken.Holder != other) {
				t.Errorf("got %+v", taken)
			}
		})
	}
}

func TestStandingAfter(t *testing.T) {
	held := []driver.Term{termA}
	var s driver.Standing
	for _, step := range []struct {
		kind driver.Kind
		held []driver.Term
		life driver.Life
	}{
		{driver.KindChange, held, driver.Alive},
		{driver.KindRenumber, held, driver.Alive},
		{driver.KindVoid, held, driver.Alive},
		{driver.KindDelete, nil, driver.Deleted},
		{driver.KindVoid, nil, driver.Deleted},
		{driver.KindRestore, held, driver.Alive},
		{driver.KindDelete, nil, driver.Deleted},
		{driver.KindPurge, nil, driver.Purged},
	} {
		s = s.After(&driver.Commit{Seq: s.Seq + 1, Kind: step.kind, Held: step.held})
		if s.Life != step.life || !slices.Equal(s.Held, step.held) {
			t.Fatalf("after commit %d of kind %d: %+v", s.Seq, step.kind, s)
		}
	}
	if s.Seq != 8 {
		t.Errorf("seq is %d", s.Seq)
	}
	if s := (driver.Standing{}).After(&driver.Commit{Seq: 1, Kind: driver.KindVoid}); s.Life != driver.Unborn || s.Seq != 1 {
		t.Errorf("after a void at the beginning: %+v", s)
	}
}

func TestTaken(t *testing.T) {
	terms := func(text string) (out []driver.Term) {
		for _, r := range text {
			out = append(out, driver.Term(string(r)))
		}
		return out
	}
	for _, test := range []struct{ before, after, taken, freed string }{
		{"", "", "", ""},
		{"", "ab", "ab", ""},
		{"ab", "", "", "ab"},
		{"abc", "abc", "", ""},
		{"ac", "bc", "b", "a"},
		{"bd", "abcde", "ace", ""},
		{"abcde", "bd", "", "ace"},
		{"ab", "cd", "cd", "ab"},
		{"cd", "ab", "ab", "cd"},
	} {
		taken, freed := driver.Taken(terms(test.before), terms(test.after))
		if !slices.Equal(taken, terms(test.taken)) || !slices.Equal(freed, terms(test.freed)) {
			t.Errorf("%q → %q: took %q, freed %q", test.before, test.after, taken, freed)
		}
	}
}
