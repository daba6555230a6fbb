package versions

//go:generate go tool destamgen

// Owned is the notes of version 1 with an owner that has become unique.
type Owned struct {
	_     struct{}   `destam:"table=notes"`
	Query OwnedQuery `destam:"query"`
}

// OwnedQuery is what they are found by.
type OwnedQuery struct {
	Owner string `destam:"owner,unique"`
	Slug  string `destam:"slug,unique"`
}
