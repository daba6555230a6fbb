// Package notes is the model of the quickstart: one table of notes.
//
// The types in note_destam.go are written by destamgen from the structs here.
package notes

import "time"

//go:generate go tool destamgen

// Note is one document of the table "notes".
type Note struct {
	_     struct{}          `destam:"table=notes"`
	Query NoteQuery         `destam:"query"` // what notes can be found by
	Title string            `destam:"title"`
	Due   *time.Time        `destam:"due"` // absent when there is no hurry
	Tags  []string          `destam:"tags"`
	Tasks []Task            `destam:"tasks"`
	Meta  map[string]string `destam:"meta"`

	// Typing says that somebody has the note open and types. Everybody in the
	// process sees it; it is never stored.
	Typing bool `destam:"typing,local"`
}

// NoteQuery is the query section of a note: what it can be found by.
type NoteQuery struct {
	Owner   string   `destam:"owner"`
	Slug    string   `destam:"slug,unique"` // names the note in links
	Labels  []string `destam:"labels"`
	Profile Profile  `destam:"profile"`
}

// Profile is who a note is about.
type Profile struct {
	Email string `destam:"email"`
	Admin bool   `destam:"admin"`
}

// Task is something to do. Tasks have tasks of their own.
type Task struct {
	Text string `destam:"text"`
	Done bool   `destam:"done"`
	Sub  []Task `destam:"sub"`
}
