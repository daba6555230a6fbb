package shelf

//go:generate go tool destamgen

// Book is a document of the table "books".
type Book struct {
	_     struct{}  `destam:"table=books"`
	Query BookQuery `destam:"query"`
	Words []string  `destam:"words"`
}

// BookQuery is what books are found by.
type BookQuery struct {
	Owner  string   `destam:"owner"`
	Number string   `destam:"number,unique"`
	Labels []string `destam:"labels"`
	Maker  Maker    `destam:"maker"`
	Copies []Copy   `destam:"copies"`
	Year   *int     `destam:"year"`
}

// Maker is who has made a book.
type Maker struct {
	Name string `destam:"name"`
}

// Copy is one copy of a book.
type Copy struct {
	Room string `destam:"room"`
}
