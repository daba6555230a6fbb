package v5

import (
	"strconv"
	"time"
)

//go:generate go tool destamgen

// Note is a document of the table "notes".
type Note struct {
	_        struct{}          `destam:"table=notes"`
	Query    NoteQuery         `destam:"query"`
	Title    string            `destam:"head,was=title"`
	Priority Level             `destam:"level,was=priority"`
	Tags     []string          `destam:"tags"`
	Due      *time.Time        `destam:"dueAt,was=due"`
	Tasks    []Task            `destam:"tasks"`
	Meta     map[string]int    `destam:"meta"`
	Price    float64           `destam:"price"`
	Pinned   bool              `destam:"pinned"`
	Boss     *Person           `destam:"boss"`
	People   map[string]Person `destam:"people"`
}

// NoteQuery is what notes are found by.
type NoteQuery struct {
	Owner string `destam:"owner"`
	Slug  string `destam:"slug,unique"`
	Year  *int   `destam:"year"`
}

// Task is something to do.
type Task struct {
	Text string `destam:"text"`
	Done bool   `destam:"done"`
	Sub  []Task `destam:"sub"`
}

// Person is somebody.
type Person struct {
	Name string `destam:"name"`
}

// Level is a priority.
type Level int8

func upcastNotePriority(old string) (Level, error) {
	if old == "" { // never set
		return 0, nil
	}
	n, err := strconv.ParseInt(old, 10, 8)
	return Level(n), err
}

func upcastNoteDue(old int64) (time.Time, error) { return time.Unix(old, 0), nil }
