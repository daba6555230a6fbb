package schema

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Diagnostic is one thing to tell the user about the source.
type Diagnostic struct {
	Pos     token.Position
	Message string
	Fix     string // what to do about it; may be empty
	Warning bool   // nothing is wrong, but the user should know
	Edit    Edit   // of the file at Pos, where the fix is certain
}

// Edit replaces the bytes from From to To by Text. The zero Edit changes
// nothing, and says that there is none.
type Edit struct {
	From, To int
	Text     string
}

// String gives the form that editors and people read:
// file:line:column: message (fix: …).
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", d.Pos)
	if d.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	if d.Fix != "" {
		fmt.Fprintf(&b, " (fix: %s)", d.Fix)
	}
	return b.String()
}

// Diagnostics are what one run has to say. As an error they are all of them,
// one a line.
type Diagnostics []Diagnostic

// Error gives one line for each diagnostic.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Sort orders by file, line and column, and drops what is said twice.
func (ds Diagnostics) Sort() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Pos.Filename, b.Pos.Filename),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(ds)
}

// Split parts what is wrong from what is only a warning.
func (ds Diagnostics) Split() (wrong, warnings Diagnostics) {
	for _, d := range ds {
		if d.Warning {
			warnings = append(warnings, d)
		} else {
			wrong = append(wrong, d)
		}
	}
	return wrong, warnings
}

// report adds an error.
func (ds *Diagnostics) report(pos token.Position, fix, format string, args ...any) {
	*ds = append(*ds, Diagnostic{Pos: pos, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// warn adds a warning.
func (ds *Diagnostics) warn(pos token.Position, fix, format string, args ...any) {
	*ds = append(*ds, Diagnostic{Pos: pos, Message: fmt.Sprintf(format, args...), Fix: fix, Warning: true})
}
