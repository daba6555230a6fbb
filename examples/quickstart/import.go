package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

// exported is a note in an export file. Its fields are strict: a file with a
// misspelt one must not be imported in part.
type exported struct {
	Slug    string            `json:"slug"`
	Owner   string            `json:"owner"`
	Labels  []string          `json:"labels"`
	Profile profile           `json:"profile"`
	Title   string            `json:"title"`
	Due     *time.Time        `json:"due"`
	Tags    []string          `json:"tags"`
	Tasks   []task            `json:"tasks"`
	Meta    map[string]string `json:"meta"`
}

type profile struct {
	Email string `json:"email"`
	Admin bool   `json:"admin"`
}

type task struct {
	Text string `json:"text"`
	Done bool   `json:"done"`
	Sub  []task `json:"sub"`
}

// note is the note as the table has it.
func (e exported) note() notes.Note {
	return notes.Note{
		Query: notes.NoteQuery{
			Owner: e.Owner, Slug: e.Slug, Labels: e.Labels,
			Profile: notes.Profile{Email: e.Profile.Email, Admin: e.Profile.Admin},
		},
		Title: e.Title, Due: e.Due, Tags: e.Tags, Tasks: tasks(e.Tasks), Meta: e.Meta,
	}
}

func tasks(ts []task) []notes.Task {
	var to []notes.Task
	for _, t := range ts {
		to = append(to, notes.Task{Text: t.Text, Done: t.Done, Sub: tasks(t.Sub)})
	}
	return to
}

// parse reads a whole export file, so that a bad one imports nothing. Its
// errors begin with file:line:column.
func parse(name string, data []byte) ([]notes.Note, error) {
	at := func(offset int64, format string, args ...any) error {
		line, column := position(data, offset)
		return fmt.Errorf("%s:%d:%d: %s", name, line, column, fmt.Sprintf(format, args...))
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil && len(bytes.TrimSpace(data)) > 0 {
		return nil, at(offset(data, err), "%s", reason(err))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return nil, at(start(data, 0), "an export is a JSON array of notes")
	}
	var all []notes.Note
	first := map[string]int{} // slug to line
	for dec.More() {
		begin := start(data, dec.InputOffset())
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, at(begin, "%s", reason(err))
		}
		var e exported
		strict := json.NewDecoder(bytes.NewReader(raw))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&e); err != nil {
			return nil, at(begin+offset(raw, err), "%s", reason(err))
		}
		line, _ := position(data, begin)
		if e.Slug == "" {
			return nil, at(begin, "a note needs a slug: it is what a second import knows it by")
		}
		if first[e.Slug] > 0 {
			return nil, at(begin, "the slug %q is that of the note in line %d", e.Slug, first[e.Slug])
		}
		first[e.Slug] = line
		all = append(all, e.note())
	}
	return all, nil
}

// start gives the offset of the first value at or after an offset.
func start(data []byte, offset int64) int64 {
	rest := data[min(offset, int64(len(data))):]
	return int64(len(data) - len(bytes.TrimLeft(rest, " \t\r\n,")))
}

// offset gives where in data a JSON error is; 0 if it does not say.
func offset(data []byte, err error) int64 {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return max(syntax.Offset-1, 0)
	case errors.As(err, &mismatch):
		return max(mismatch.Offset-1, 0)
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		if i := bytes.Index(data, []byte(`"`+m[1]+`"`)); i >= 0 {
			return int64(i)
		}
	}
	return 0
}

var unknownField = regexp.MustCompile(`unknown field "(.*)"`)

// reason is a JSON error without its prefix and without Go's type names.
func reason(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("%s cannot be a %s", mismatch.Field, mismatch.Value)
	}
	return string(bytes.TrimPrefix([]byte(err.Error()), []byte("json: ")))
}

// position gives the line and column, both from 1, of an offset.
func position(data []byte, offset int64) (line, column int) {
	before := data[:min(offset, int64(len(data)))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// importNotes creates the notes that are not there yet, by their slug, and
// tells how many those were. Running it again after it was interrupted
// completes it.
func importNotes(ctx context.Context, table *notes.ONoteTable, all []notes.Note) (created int, err error) {
	for _, n := range all {
		_, err := table.Query(ctx, notes.NoteWhere.Slug().Is(n.Query.Slug))
		if err == nil {
			continue
		}
		if !errors.Is(err, destam.ErrNotFound) {
			return created, err
		}
		if _, err := table.Create(ctx, n); err != nil {
			return created, err
		}
		created++
	}
	return created, nil
}
