package v1

//go:generate go tool destamgen

// Note is a document of the table "notes".
type Note struct {
	_        struct{}       `destam:"table=notes"`
	Query    NoteQuery      `destam:"query"`
	Title    string         `destam:"title"`
	Priority string         `destam:"priority"`
	Tags     []string       `destam:"tags"`
	Due      *int64         `destam:"due"`
	Tasks    []Task         `destam:"tasks"`
	Meta     map[string]int `destam:"meta"`
	Price    float64        `destam:"price"`
}

// NoteQuery is what notes are found by.
type NoteQuery struct {
	Owner string `destam:"owner"`
	Slug  string `destam:"slug,unique"`
}

// Task is something to do.
type Task struct {
	Text string `destam:"text"`
}
