package fs

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestTableNames keeps tables apart whose names some systems take for one file,
// or for a device, in the journal and in runs. No file has a name but those that
// docs/FORMAT.md lists, and a name that is refused leaves the folder as it is.
func TestTableNames(t *testing.T) {
	dir := t.TempDir()
	s, err := open(vfs.OS, dir, tight)
	must(t, err)
	names := []string{"notes", "Notes", "NOTES", "CON", "aux", "NUL", "com1", "a-b_9", "runs", "LOCK", strings.Repeat("x", driver.MaxTableName)}
	commit := func(table string, seq uint64) {
		c := driver.Commit{
			Table: table, ID: id(1), Seq: seq, Try: [16]byte{byte(seq), 1}, Kind: driver.KindChange,
			Body: []byte(strings.Repeat(table+" ", 30)),
		}
		if seq == 1 {
			c.Section, err = driver.AppendValue(nil, driver.Object{{Name: "table", Value: table}})
			must(t, err)
		}
		must(t, s.Append(background, []driver.Commit{c})[0].Err)
	}
	for _, name := range names {
		must(t, s.Declare(background, driver.Schema{Table: name}))
		for seq := range uint64(6) {
			commit(name, seq+1)
		}
	}
	for _, what := range []string{"open", "opened again"} {
		for _, name := range names {
			for c, err := range s.Log(background, name, id(1), driver.Range{}) {
				must(t, err)
				if c.Table != name || string(c.Body) != strings.Repeat(name+" ", 30) {
					t.Errorf("%s: table %s has a commit of %s", what, name, c.Table)
				}
			}
			terms := []driver.Term{driver.Term("table\x00s" + name)}
			if n, err := s.Count(background, name, terms); n != 1 || err != nil {
				t.Errorf("%s: table %s has %d documents of its own, %v", what, name, n, err)
			}
		}
		must(t, s.Close(background))
		s, err = open(vfs.OS, dir, tight)
		must(t, err)
	}
	known := regexp.MustCompile(`^(LOCK|STORE|MANIFEST-\d{10}|runs(/\d{10}\.run)?|journal(/(\d{10}\.log|next\.tmp))?|\.)( .*)?$`)
	before := tree(t, dir)
	if runs, err := filepath.Glob(filepath.Join(dir, runsName, "*.run")); err != nil || len(runs) == 0 {
		t.Errorf("nothing was sealed, %v", err)
	}
	for _, line := range before {
		name, err := filepath.Rel(dir, line)
		if must(t, err); !known.MatchString(filepath.ToSlash(name)) {
			t.Errorf("the store has made %s", name)
		}
	}
	for _, name := range []string{
		"", ".", "..", "../a", "/a", "a/b", `a\b`, "%2e%2e", "a b", "a\x00", "a.", "1a", "é", "C:", strings.Repeat("x", driver.MaxTableName+1), strings.Repeat("x", 255),
	} {
		err := s.Declare(background, driver.Schema{Table: name})
		var schema *driver.SchemaError
		var limit *driver.LimitError
		if !errors.As(err, &schema) && !errors.As(err, &limit) {
			t.Errorf("a table %q gave %v", name, err)
		}
	}
	if after := tree(t, dir); !slices.Equal(before, after) {
		t.Errorf("the folder changed from %v to %v", before, after)
	}
	must(t, s.Close(background))
}
