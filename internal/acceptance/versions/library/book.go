package library

//go:generate go tool destamgen

// Book is a document of the table "books".
type Book struct {
	_     struct{}  `destam:"table=books"`
	Query BookQuery `destam:"query"`
	Terms []string  `destam:"terms,was=words"`
}

// BookQuery is what books are found by.
type BookQuery struct {
	Holder string   `destam:"holder,was=owner"`
	ISBN   string   `destam:"isbn,was=number,unique"`
	Tags   []string `destam:"tags,was=labels"`
	Author Author   `destam:"author,was=maker"`
	Items  []Item   `destam:"items,was=copies"`
	Since  *int     `destam:"since,was=year"`
}

// Author is who has written a book.
type Author struct {
	Called string `destam:"called,was=name"`
}

// Item is one copy of a book.
type Item struct {
	Shelf string `destam:"shelf,was=room"`
}
