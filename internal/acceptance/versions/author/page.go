package author

//go:generate go tool destamgen

// Page is a document of the table "pages".
type Page struct {
	_      struct{}          `destam:"table=pages"`
	Author string            `destam:"author"`
	Editor *string           `destam:"editor"`
	Critic *string           `destam:"critic"`
	Owners map[string]string `destam:"owners"`
	Home   Place             `destam:"home"`
	Text   string            `destam:"text"`
	Notes  []Note            `destam:"notes"`
}

// Note is a remark.
type Note struct {
	By string `destam:"by"`
}

// Place is where somebody lives.
type Place struct {
	City string `destam:"city"`
	Zip  *int   `destam:"zip"`
}
