package person

import (
	"fmt"
	"strings"
)

//go:generate go tool destamgen

// Page is a document of the table "pages".
type Page struct {
	_      struct{}          `destam:"table=pages"`
	Author Person            `destam:"writer,was=author"`
	Editor Person            `destam:"corrector,was=editor"`
	Critic *Person           `destam:"judge,was=critic"`
	Owners map[string]Person `destam:"holders,was=owners"`
	Home   string            `destam:"address,was=home"`
	Text   string            `destam:"text"`
	Notes  []Note            `destam:"notes"`
}

// Note is a remark.
type Note struct {
	By Person `destam:"person,was=by"`
}

// Person is somebody.
type Person struct {
	Name Name              `destam:"name"`
	Mail *string           `destam:"mail"`
	More map[string]string `destam:"more"`
}

// Name is that of a person.
type Name struct {
	First string `destam:"first"`
	Last  string `destam:"last"`
}

// Place is where somebody lived.
type Place struct {
	City string `destam:"city"`
	Zip  *int   `destam:"zip"`
}

// Address is a place in words.
func Address(city string, zip *int) string {
	if zip != nil {
		return fmt.Sprint(*zip, " ", city)
	}
	return city
}

// Of gives the person that was written as "first last mail title=…".
func Of(s string) (p Person) {
	for i, word := range strings.Fields(s) {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case i == 0:
			p.Name.First = word
		case i == 1:
			p.Name.Last = word
		case pair && p.More == nil:
			p.More = map[string]string{key: value}
		case pair:
			p.More[key] = value
		default:
			p.Mail = &word
		}
	}
	return p
}

func upcastPageAuthor(old string) (Person, error) { return Of(old), nil }
func upcastPageEditor(old string) (Person, error) { return Of(old), nil }
func upcastPageHome(old Place) (string, error)    { return Address(old.City, old.Zip), nil }
func upcastPageCritic(old string) (Person, error) { return Of(old), nil }
func upcastPageOwners(old string) (Person, error) { return Of(old), nil }
func upcastNoteBy(old string) (Person, error)     { return Of(old), nil }
