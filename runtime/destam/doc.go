// Package destam keeps live, typed documents: what generated code and its
// users import.
//
// A program describes its documents as plain structs with destam tags, and
// the command destamgen writes the types that it works with. A document is a
// tree of live objects: getters read it, setters change it, and every change
// is a delta that listeners hear of, that history keeps, and that a driver
// stores.
//
//	store, err := fs.Open("data", nil)
//	db, err := destam.Open(ctx, store, nil)
//	notes := notes.NoteTable(db)
//	note, err := notes.Create(ctx, notes.Note{Title: "Milk"})
//	note.SetTitle("Milk and bread")
//	err = note.Flush(ctx)
//
// # Tags
//
// In a struct with a destam tag every exported field has one:
//
//	_ struct{} `destam:"table=notes"`        the struct is a document of that table
//	Query NoteQuery `destam:"query"`         in a document: what it is found by
//	Title string `destam:"title"`            a field, by the name that it is stored under
//	Slug string `destam:"slug,unique"`       in a query section: no two documents have one value
//	Typing bool `destam:"typing,local"`      observable, and never stored
//	Type string `destam:"type,go=Sort"`      another name for its methods
//	Head string `destam:"head,was=title"`    it was stored under another name; see docs/guide.md
//	Cache map[string]int `destam:"-"`        no part of the document
//
// A pointer makes a field optional. A field may be any bool, number or string
// but complex ones, a type named after one, time.Time, []byte, an array of these,
// a type with methods for binary or text or with msgpack's own codec, a type
// given to [RegisterLeaf], a [Ref] to another document, a struct with tags, and
// slices and maps of all these. A struct that is embedded without a tag lends its
// fields.
//
// # What is safe
//
// A setter changes the document in memory, for everybody in this process at
// once, and never waits for the store; it is stored in the background. An
// Update is all or nothing, and one commit. Flush returns when everything of
// the document is durable. Errors of background work reach Options.OnError.
//
// Everything here may be used by many goroutines at once, except that the
// handles that Update and View give belong to their function.
//
// # Caveats
//
// Inside Update and View, use only the handles that the function was given:
// an outer handle of the same document would wait for itself, and panics
// after a second. Touch no other document there.
//
// A listener runs on any goroutine, never under a lock, and one at a time for
// each document. A subscription keeps its document in memory until it is
// stopped.
//
// An array, a map or a handle keeps its whole document in memory.
//
// These panic, because only a mistake in the program can bring them about: an
// index out of range; a nil handle, as every nil pointer does, on the line that
// calls its method, and with what is wrong where one is passed on; a handle of
// a transaction that is over; a setter or an Update on a View handle; Set and
// Clear of a lens behind Each. An
// object of another document, or one that would be below itself, is refused by
// Link with an error, and a commit that is not for the document, or damaged,
// by Apply with [ErrUnfit].
package destam
