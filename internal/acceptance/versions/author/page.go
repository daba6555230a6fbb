package author

//go:generate go tool destamgen

// Page is a document of the table "pages".
type Page struct {
	_      struct{}          `destam:"table=pages"`
	Author string            `destam:"author"`
	Editor *string           `destam:"editor"`
	Critic *string           `destam:"critic"`
	Owners map[string]string `destam:"owners"`
	Text   string            `destam:"text"`
	Notes  []Note            `destam:"notes"`
}

// Note is a remark.
type Note struct {
	By string `destam:"by"`
}
