package doc

import (
	"time"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Origin says where a commit came from.
type Origin uint8

// The origins of commits.
const (
	Local     Origin = iota // made here
	Remote                  // made elsewhere and applied here
	TakenBack               // made here and refused by the store
)

// Cause is who made a commit, and why.
type Cause struct {
	Origin      Origin
	By, Because string
}

// Commit is what listeners get: deltas that happened together, at most one a
// slot. It is not changed any more.
type Commit struct {
	Cause
	Time     time.Time
	Deltas   []Delta
	Digested bool // folded from several, because the reader was behind
	seq      uint64
	changes  []Change // for one who looks through a lens: see hearing.go
	moved    []moved
}

// slot identifies what a delta changes.
type slot struct {
	n   *Node
	l   *List
	f   int32
	key pos.Key
}

// fold coalesces deltas, oldest first, to at most one a slot. Renumberings
// are followed and left out, and so is what happened inside objects that are
// new or gone at the end: who gets the object gets that.
func (d *Document) fold(log []Delta) []Delta {
	if len(log) == 1 && log[0].Renamed == nil {
		x := log[0]
		if base := x.N.base(); base != d.root && !base.Attached() && base.fresh == d.ops {
			return nil
		}
		return []Delta{x}
	}
	var (
		out  []Delta
		here = map[slot]int{}
	)
	for _, x := range log {
		if x.Renamed != nil {
			follow(here, out, &x)
			continue
		}
		s := slot{x.N, x.L, x.F, x.Key}
		i, ok := here[s]
		if !ok {
			here[s] = len(out)
			out = append(out, x)
			continue
		}
		y := &out[i]
		y.Has, y.Val = x.Has, x.Val
	}
	kept := out[:0]
	for i := range out {
		x := &out[i]
		if !x.Had && !x.Has || x.Had && x.Has && x.same() {
			continue
		}
		if base := x.N.base(); base != d.root && (base.fresh == d.ops || !base.Attached()) {
			continue
		}
		kept = append(kept, *x)
	}
	clear(out[len(kept):])
	return kept
}

// follow moves the folded deltas of renumbered elements to their new keys.
// Those of elements that are gone stay, out of reach: the new keys may be
// theirs.
func follow(here map[slot]int, out []Delta, x *Delta) {
	type move struct {
		to slot
		i  int
	}
	var moves []move
	for j, old := range x.Renamed.Old {
		s := slot{x.N, x.L, x.F, old}
		if i, ok := here[s]; ok && out[i].Has {
			delete(here, s)
			s.key = x.Renamed.New[j]
			moves = append(moves, move{s, i})
		}
	}
	for s, i := range here {
		if s.l == x.L && !out[i].Has {
			delete(here, s)
		}
	}
	for _, m := range moves {
		here[m.to] = m.i
		out[m.i].Key = m.to.key
	}
}

// digest folds commits that were waiting into one.
func (d *Document) digest(commits []*Commit) *Commit {
	var log []Delta
	for _, c := range commits {
		log = append(log, c.Deltas...)
	}
	last := commits[len(commits)-1]
	return &Commit{
		Cause: Cause{Origin: last.Origin}, Time: last.Time, Deltas: d.fold(log), Digested: true, seq: last.seq,
		changes: foldChanges(commits),
	}
}
