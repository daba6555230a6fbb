package dummy

import (
	"fmt"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestCheck damages each thing that the store keeps, and has it found.
func TestCheck(t *testing.T) {
	ids := []driver.ID{{15: 1}, {15: 2}, {15: 3}}
	for what, damage := range map[string]func(*table){
		"":                         func(*table) {},
		"an id is missing":         func(t *table) { t.ids = t.ids[1:] },
		"ids in another order":     func(t *table) { t.ids[0], t.ids[1] = t.ids[1], t.ids[0] },
		"a document is missing":    func(t *table) { delete(t.docs, ids[1]) },
		"a commit is missing":      func(t *table) { t.docs[ids[0]].log = t.docs[ids[0]].log[:1] },
		"another version":          func(t *table) { t.docs[ids[0]].standing.Seq++ },
		"a term is missing":        func(t *table) { t.docs[ids[2]].terms = nil },
		"another query section":    func(t *table) { t.docs[ids[2]].section = []byte{0x80} },
		"a holder is missing":      func(t *table) { clear(t.holders) },
		"a value that nobody has":  func(t *table) { t.holders["x"] = ids[0] },
		"a value is another's":     func(t *table) { t.holders[t.docs[ids[0]].standing.Held[0]] = ids[1] },
		"a document holds nothing": func(t *table) { t.docs[ids[0]].standing.Held = nil },
	} {
		s := Open()
		if err := s.Declare(t.Context(), driver.Schema{Table: "notes", Unique: []string{"slug"}}); err != nil {
			t.Fatal(err)
		}
		for n := range byte(6) {
			section := driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", n)}}
			c := driver.Commit{Table: "notes", ID: ids[n%3], Seq: 1 + uint64(n/3), Try: [16]byte{n + 1}, Kind: driver.KindChange,
				Time: time.Unix(0, 0).UTC(), Body: []byte("body"), Held: driver.Held(section, []string{"slug"})}
			c.Section, _ = driver.AppendValue(nil, section)
			if r := s.Append(t.Context(), []driver.Commit{c})[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		damage(s.tables["notes"])
		n := 0
		for _, err := range s.Check(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if (n > 0) != (what != "") {
			t.Errorf("%q: %d findings", what, n)
		}
	}
}
