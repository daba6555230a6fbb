package memory

import (
	"fmt"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestCheck damages each index of a store, and has it found.
func TestCheck(t *testing.T) {
	s := Open(nil)
	if err := s.Declare(t.Context(), driver.Schema{Table: "notes", Unique: []string{"slug"}}); err != nil {
		t.Fatal(err)
	}
	var batch []driver.Commit
	for n := range byte(9) {
		section := driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", n)}, {Name: "owner", Value: fmt.Sprint("owner ", n%2)}}
		c := driver.Commit{Table: "notes", ID: driver.ID{15: n + 1}, Seq: 1, Try: [16]byte{n + 1}, Kind: driver.KindChange,
			Time: time.Unix(0, 0).UTC(), Body: []byte("body"), Held: driver.Held(section, []string{"slug"})}
		c.Section, _ = driver.AppendValue(nil, section)
		batch = append(batch, c)
	}
	for _, r := range s.Append(t.Context(), batch) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	wrong := func() (n int) {
		for _, err := range s.Check(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if wrong() > 0 {
		t.Fatal("something is wrong at the beginning")
	}
	table := s.tables["notes"]
	x := table.index
	const several, one, none = driver.Term("owner\x00sowner 1"), driver.Term("slug\x00sslug 3"), driver.Term("slug\x00snone")
	for what, edit := range map[string]struct{ damage, mend func() }{
		"a document less of a term of several": {func() { x.remove(several, 1) }, func() { x.add(several, 1) }},
		"a document more of a term of several": {func() { x.add(several, 2) }, func() { x.remove(several, 2) }},
		"a term of one less":                   {func() { x.remove(one, 3) }, func() { x.add(one, 3) }},
		"a term more":                          {func() { x.add(none, 4) }, func() { x.remove(none, 4) }},
		"a holder more":                        {func() { table.outside[one] = 5 }, func() { delete(table.outside, one) }},
		"a document more":                      {func() { table.alive++ }, func() { table.alive-- }},
	} {
		edit.damage()
		if wrong() == 0 {
			t.Errorf("%s is not found", what)
		}
		edit.mend()
		if wrong() > 0 {
			t.Errorf("%s was mended", what)
		}
	}
}
