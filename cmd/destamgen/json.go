package main

import (
	"encoding/json"
	"io"

	"github.com/destam-go/destamgen/gen"
)

// finding is what -json writes of one thing that there is to say, on a line of
// its own.
type finding struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"` // in bytes, from 1
	Severity string `json:"severity"`         // error, warning or stale
	Message  string `json:"message"`
	Fix      string `json:"fix,omitempty"`
	Diff     string `json:"diff,omitempty"` // of a stale file, unified
}

// writeJSON writes findings for programs.
func writeJSON(out io.Writer, found []finding) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, f := range found {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// findings gives all that a run has to say.
func findings(report *gen.Report, wrong gen.Diagnostics, err error) []finding {
	var found []finding
	take := func(severity string, ds []gen.Diagnostic) {
		for _, d := range ds {
			found = append(found, finding{d.Pos.Filename, d.Pos.Line, d.Pos.Column, severity, d.Message, d.Fix, ""})
		}
	}
	switch {
	case wrong != nil:
		take("error", wrong)
	case err != nil:
		found = append(found, finding{Severity: "error", Message: err.Error()})
	default:
		take("warning", report.Warnings)
		for _, s := range report.Stale {
			found = append(found, finding{File: s.Path, Severity: "stale", Message: "run go generate", Diff: s.Diff})
		}
	}
	return found
}
