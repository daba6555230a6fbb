package doc

import "slices"

// Change is what happened to one place that a lens leads to: the value there
// before and after. Had and Has tell whether there was a place with a value,
// and whether there is one now.
type Change struct {
	Had, Has  bool
	Prev, Val any
	leaf      *leaf
	from, to  slot // by the keys before, and after; zero when the lens leads to one place
}

// moved is a value that is the same in another place: an element of a list of
// values that was renumbered, or an object that made way for another with the
// same value. Listeners need not know, but who folds changes must.
type moved struct{ from, to slot }

// Changes gives what happened to the values that the lens leads to, for a
// subscription that is typed: at most one change a place.
func (c *Commit) Changes() []Change { return c.changes }

// idle tells whether nothing changed.
func (x *Change) idle() bool {
	if !x.Had || !x.Has {
		return x.Had == x.Has
	}
	return x.leaf.same(x.Prev, x.Val)
}

// foldChanges makes one change a place, the first old value and the last new
// one, of those of several commits.
func foldChanges(commits []*Commit) []Change {
	var out []Change
	here := map[slot]int{} // of out, by where the place is, or was when it went
	for _, c := range commits {
		folded := make([]int, len(c.changes)) // where they are in out
		for j, x := range c.changes {
			at := x.from
			if !x.Had {
				at = x.to
			}
			i, ok := here[at]
			if ok && out[i].Has == x.Had {
				delete(here, at)
				out[i].Has, out[i].Val, out[i].to = x.Has, x.Val, x.to
			} else {
				i = len(out)
				out = append(out, x)
			}
			folded[j] = i
		}
		followMoves(here, out, c.moved)
		for j, x := range c.changes {
			if !x.Has {
				here[x.from] = folded[j]
			}
		}
		for j, x := range c.changes { // last: what is there hides what is gone
			if x.Has {
				here[x.to] = folded[j]
			}
		}
	}
	return slices.DeleteFunc(out, func(x Change) bool { return x.idle() })
}

// followMoves moves folded changes to where their values are now.
func followMoves(here map[slot]int, out []Change, moves []moved) {
	kept := make([]int, len(moves))
	for j, m := range moves {
		i, ok := here[m.from]
		if !ok || !out[i].Has {
			i = -1
		} else {
			delete(here, m.from)
		}
		kept[j] = i
	}
	for j, m := range moves {
		if i := kept[j]; i >= 0 {
			out[i].to = m.to
			here[m.to] = i
		}
	}
}
