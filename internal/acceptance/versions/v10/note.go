package v10

import (
	"fmt"
	"strconv"
	"time"
)

//go:generate go tool destamgen

// Note is a document of the table "notes".
type Note struct {
	_ struct{} `destam:"table=notes"`
	Base
	Query    NoteQuery         `destam:"query"`
	Title    string            `destam:"name,was=head,was=title"`
	Priority *Rank             `destam:"rank,was=level,was=priority"`
	Tags     []Label           `destam:"labels,was=tags"`
	Due      *time.Time        `destam:"dueAt,was=due"`
	Tasks    []Todo            `destam:"tasks"`
	Meta     map[string]string `destam:"words,was=meta"`
	Boss     *Person           `destam:"boss"`
	People   map[string]Person `destam:"people"`
	Span     [2]int            `destam:"span"`
}

// NoteQuery is what notes are found by.
type NoteQuery struct {
	Owner string `destam:"owner"`
	Slug  string `destam:"slug,unique"`
	Year  *int   `destam:"year"`
}

// Todo is something to do.
type Todo struct {
	Text string `destam:"text"`
	Done bool   `destam:"done"`
	Sub  []Todo `destam:"sub"`
}

// Person is somebody.
type Person struct {
	Name string `destam:"name"`
}

// Base is what notes have in common with others.
type Base struct {
	Pinned bool `destam:"pinned"`
}

// Level is what priorities were.
type Level int8

// Label is a tag.
type Label string

// Rank is a priority that writes itself.
type Rank struct{ n int }

// Number gives the priority as a number.
func (r Rank) Number() int { return r.n }

// RankOf makes a rank of a number.
func RankOf(n int) Rank { return Rank{n} }

// MarshalText writes a rank as #n.
func (r Rank) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "#%d", r.n), nil }

// UnmarshalText reads what MarshalText has written.
func (r *Rank) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "#%d", &r.n)
	return err
}

func upcastNotePriority(old string) (Rank, error) {
	if old == "" { // never set
		return Rank{}, nil
	}
	n, err := strconv.Atoi(old)
	return Rank{n}, err
}

func upcastNotePriorityFromLevel(old Level) (Rank, error) { return Rank{int(old)}, nil }

func upcastNoteDue(old int64) (time.Time, error) { return time.Unix(old, 0), nil }

func upcastNoteMeta(old int) (string, error) { return strconv.Itoa(old), nil }
