package gen

import (
	"fmt"
	"strings"
)

// context is how many equal lines are shown around a change.
const context = 3

// edit is a run of lines that differ: before[a:a2] became after[b:b2].
type edit struct{ a, a2, b, b2 int }

// diff gives the unified diff between two contents of a file; nil is a file that
// is not there.
func diff(path string, before, after []byte) string {
	a, b := lines(before), lines(after)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", name(path, before), name(path, after))
	edits := compare(a, b)
	for len(edits) > 0 {
		n := 1
		for n < len(edits) && edits[n].a-edits[n-1].a2 <= 2*context {
			n++
		}
		hunk(&out, a, b, edits[:n])
		edits = edits[n:]
	}
	return out.String()
}

func name(path string, content []byte) string {
	if content == nil {
		return "/dev/null"
	}
	return path
}

// lines cuts a text into lines without their ends.
func lines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
}

// hunk writes edits that are close together, with the lines around them.
func hunk(out *strings.Builder, a, b []string, edits []edit) {
	first, last := edits[0], edits[len(edits)-1]
	before := min(context, first.a)
	after := min(context, len(a)-last.a2)
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(first.a-before, last.a2+after), span(first.b-before, last.b2+after))
	at := first.a - before
	for _, e := range edits {
		show(out, " ", a[at:e.a])
		show(out, "-", a[e.a:e.a2])
		show(out, "+", b[e.b:e.b2])
		at = e.a2
	}
	show(out, " ", a[at:last.a2+after])
}

// span gives a range of lines as a hunk's head has it: first line and count,
// and the line before if there is none.
func span(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func show(out *strings.Builder, sign string, lines []string) {
	for _, l := range lines {
		out.WriteString(sign + l + "\n")
	}
}

// compare gives the edits from a to b. What is equal at both ends is left aside,
// then a shortest script is looked for; where the texts have little in common
// and that would take long, the whole middle is one edit.
func compare(a, b []string) []edit {
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	if start == len(a) && start == len(b) {
		return nil
	}
	edits := shortest(a[start:len(a)-end], b[start:len(b)-end])
	for i := range edits {
		edits[i] = edit{edits[i].a + start, edits[i].a2 + start, edits[i].b + start, edits[i].b2 + start}
	}
	return edits
}

// patience is the length of the longest script that is looked for: the search
// keeps about that many rows of up to twice as many numbers.
const patience = 1000

// shortest is the greedy algorithm of Myers, "An O(ND) Difference Algorithm and
// Its Variations" (1986): reach[k] is how far into a one gets on diagonal k with
// d edits.
func shortest(a, b []string) []edit {
	var trace []map[int]int
	reach := map[int]int{1: 0}
	for d := range min(len(a)+len(b), patience) + 1 {
		row := make(map[int]int, d+1)
		for k := -d; k <= d; k += 2 {
			x := reach[k-1] + 1 // a line of a is left out
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1] // a line of b comes in
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			row[k] = x
			if x >= len(a) && x-k >= len(b) {
				return walk(append(trace, row), len(a), len(b))
			}
		}
		trace = append(trace, row)
		reach = row
	}
	return []edit{{0, len(a), 0, len(b)}}
}

// walk goes back through the rows and collects the edits.
func walk(trace []map[int]int, x, y int) []edit {
	var back []edit
	for d := len(trace) - 1; d > 0; d-- {
		k, before := x-y, trace[d-1]
		from := k - 1
		if k == -d || k != d && before[k-1] < before[k+1] {
			from = k + 1
		}
		x, y = before[from], before[from]-from
		e := edit{x, x, y, y}
		if from == k-1 {
			e.a2++
		} else {
			e.b2++
		}
		if n := len(back); n > 0 && back[n-1].a == e.a2 && back[n-1].b == e.b2 {
			back[n-1].a, back[n-1].b = e.a, e.b
		} else {
			back = append(back, e)
		}
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
