// Package nowhere has tags only where nothing is generated for a struct.
package nowhere

func f() any {
	type Note struct { // want `struct Note is declared inside of a function`
		Title string `destam:"title"`
	}
	return Note{}
}

var _ = f
