package v3

//go:generate go tool destamgen

// Note is a document of the table "notes".
type Note struct {
	_        struct{}          `destam:"table=notes"`
	Query    NoteQuery         `destam:"query"`
	Title    string            `destam:"head,was=title"`
	Priority string            `destam:"priority"`
	Tags     []string          `destam:"tags"`
	Due      *int64            `destam:"due"`
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
