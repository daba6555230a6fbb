package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

const format = 1

// Manifest is what makes up a store besides the journal behind Sealed. The zero
// Manifest is that of a store that has sealed nothing.
type Manifest struct {
	Number uint64
	Sealed uint64 // batches of the journal up to this number are in the runs
	Next   uint64 // the number of the next run
	Tables []Table
	Gone   []Gone
}

// Table is a table as of the sealed batch.
type Table struct {
	Schema   driver.Schema
	Existing uint64 // documents that were created and not purged
	Alive    uint64 // documents that are found
	Commits  uint64 // that are not purged
	Runs     []run.Ref
}

// Gone is a file that is not part of the store any more, by its path in it.
type Gone struct {
	Name  string
	Since int64 // Unix seconds
}

// FormatError says that a manifest was written by a newer version.
type FormatError struct {
	File    string
	Version int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has format %d, this program reads up to %d; open it with a newer version", e.File, e.Version, format)
}

// errDamaged says that bytes are no manifest.
var errDamaged = errors.New("it is not what was written")

const prefix = "MANIFEST-"

// FileName is the name of a manifest in the folder of a store.
func FileName(number uint64) string { return fmt.Sprintf("%s%010d", prefix, number) }

// FileNumber is the number in the name of a manifest.
func FileNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && n > 0 && FileName(n) == name
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Encode gives the text of a manifest.
func (m *Manifest) Encode(store [16]byte) []byte {
	b := fmt.Appendf(nil, "destam manifest\nformat %d\nnumber %d\nstore %x\nsealed %d\nnext %d\n", format, m.Number, store, m.Sealed, m.Next)
	for _, t := range m.Tables {
		b = fmt.Appendf(b, "table %s revision %d existing %d alive %d commits %d\n",
			t.Schema.Table, t.Schema.Revision, t.Existing, t.Alive, t.Commits)
		for _, path := range t.Schema.Unique {
			b = fmt.Appendf(b, "unique %q\n", path)
		}
		for _, r := range t.Runs {
			b = fmt.Appendf(b, "run %d id %016x data %d size %d documents %d commits %d alive %d purges %d\n",
				r.Number, r.ID, r.Data, r.Size, r.Documents, r.Commits, r.Alive, r.Purges)
		}
	}
	for _, g := range m.Gone {
		b = fmt.Appendf(b, "gone %s %d\n", g.Name, g.Since)
	}
	return fmt.Appendf(b, "check %08x\n", checksum(b))
}

// Decode reads the text of a manifest. The format comes first: of a newer one
// nothing else is known.
func Decode(b []byte, file string, store [16]byte) (Manifest, error) {
	end := bytes.LastIndex(b, []byte("check "))
	if end < 0 || string(b[end:]) != fmt.Sprintf("check %08x\n", checksum(b[:end])) {
		return Manifest{}, errDamaged
	}
	lines := strings.Split(strings.TrimSuffix(string(b[:end]), "\n"), "\n")
	if len(lines) < 6 || lines[0] != "destam manifest" {
		return Manifest{}, errDamaged
	}
	var version int
	var m Manifest
	var id []byte
	if n, err := fmt.Sscanf(lines[1], "format %d", &version); n != 1 || err != nil || version < 1 {
		return Manifest{}, errDamaged
	}
	if version > format {
		return Manifest{}, &FormatError{File: file, Version: version}
	}
	_, err := fmt.Sscanf(strings.Join(lines[2:6], "\n"), "number %d\nstore %x\nsealed %d\nnext %d", &m.Number, &id, &m.Sealed, &m.Next)
	if err != nil || !bytes.Equal(id, store[:]) {
		return Manifest{}, errDamaged
	}
	for _, line := range lines[6:] {
		if err := m.line(line); err != nil {
			return Manifest{}, err
		}
	}
	// Whatever a line said in another way than we do would not come back.
	if !bytes.Equal(m.Encode(store), b) {
		return Manifest{}, errDamaged
	}
	return m, m.check()
}

// line reads one line behind the first six.
func (m *Manifest) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	var err error
	switch t := m.table(); {
	case word == "table":
		var t Table
		s := &t.Schema
		_, err = fmt.Sscanf(rest, "%s revision %d existing %d alive %d commits %d", &s.Table, &s.Revision, &t.Existing, &t.Alive, &t.Commits)
		m.Tables = append(m.Tables, t)
	case word == "unique" && t != nil:
		var path string
		path, err = strconv.Unquote(rest)
		t.Schema.Unique = append(t.Schema.Unique, path)
	case word == "run" && t != nil:
		r := run.Ref{Table: t.Schema.Table}
		_, err = fmt.Sscanf(rest, "%d id %x data %d size %d documents %d commits %d alive %d purges %d",
			&r.Number, &r.ID, &r.Data, &r.Size, &r.Documents, &r.Commits, &r.Alive, &r.Purges)
		t.Runs = append(t.Runs, r)
	case word == "gone":
		var g Gone
		_, err = fmt.Sscanf(rest, "%s %d", &g.Name, &g.Since)
		m.Gone = append(m.Gone, g)
	default:
		err = errDamaged
	}
	if err != nil {
		return errDamaged
	}
	return nil
}

// table is the table that was read last.
func (m *Manifest) table() *Table {
	if len(m.Tables) == 0 {
		return nil
	}
	return &m.Tables[len(m.Tables)-1]
}

// check says what no program of ours writes.
func (m *Manifest) check() error {
	last := ""
	for _, t := range m.Tables {
		if err := t.Schema.Check(); err != nil || t.Schema.Table <= last {
			return errDamaged
		}
		last = t.Schema.Table
		for _, r := range t.Runs {
			if r.Number >= m.Next {
				return errDamaged
			}
		}
	}
	for _, g := range m.Gone {
		if !filepath.IsLocal(g.Name) {
			return errDamaged
		}
	}
	return nil
}

// Load gives the manifest of a store that counts, the zero Manifest if it has
// none, and the numbers of all that are there, ascending. One that is not
// whole, or of which not all runs are there, is passed over: the one before
// leads to the same documents, by files that stay a while. That happens in
// copies, which have one file from before a change and another from after it.
// When the runs of none are complete, the highest counts, for its runs to be
// missed.
func Load(f vfs.FS, dir string, store [16]byte, has func(run.Ref) bool) (m Manifest, numbers []uint64, err error) {
	names, err := f.List(dir)
	if err != nil {
		return m, nil, err
	}
	for _, name := range names {
		if n, ok := FileNumber(name); ok {
			numbers = append(numbers, n)
		}
	}
	for i := len(numbers) - 1; i >= 0; i-- {
		name := filepath.Join(dir, FileName(numbers[i]))
		b, err := read(f, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, nil, err
		}
		d, err := Decode(b, name, store)
		if err == nil && d.Number == numbers[i] {
			if d.complete(has) {
				return d, numbers, nil
			}
			if m.Number == 0 {
				m = d
			}
		}
		if newer := (*FormatError)(nil); errors.As(err, &newer) {
			return m, nil, err
		}
	}
	if len(numbers) > 0 && m.Number == 0 {
		name := filepath.Join(dir, FileName(numbers[len(numbers)-1]))
		return m, nil, &run.DamageError{File: name, Why: "it is not what was written, nor is any before it"}
	}
	return m, numbers, nil
}

// complete tells whether all runs of a manifest are there.
func (m *Manifest) complete(has func(run.Ref) bool) bool {
	for _, t := range m.Tables {
		for _, r := range t.Runs {
			if !has(r) {
				return false
			}
		}
	}
	return true
}

func read(f vfs.FS, name string) ([]byte, error) {
	r, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := vfs.ReadFile(r)
	return b, errors.Join(err, r.Close())
}

// Write makes a manifest the one that counts. After an error it may count or
// not: the files of both must stay.
func (m *Manifest) Write(f vfs.FS, dir string, store [16]byte) error {
	return vfs.WriteFile(f, filepath.Join(dir, FileName(m.Number)), m.Encode(store))
}
