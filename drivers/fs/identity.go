package fs

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Names in the folder of a store.
const (
	lockName    = "LOCK"
	storeName   = "STORE"
	journalName = "journal"
	runsName    = "runs"
	lostName    = "lost+found"
)

// format is the version of everything that this package writes. A change that
// older programs would misread makes it larger.
const format = 1

// identity is what the file STORE says. It is written once and never changed.
type identity struct {
	format  int
	store   [16]byte
	created string
}

func newIdentity() identity {
	id := identity{format: format, created: time.Now().UTC().Format(time.RFC3339)}
	_, _ = rand.Read(id.store[:]) // never fails: the program ends when it does
	return id
}

func (i identity) encode() []byte {
	b := fmt.Appendf(nil, "destam store\nformat %d\nid %x\ncreated %s\n", i.format, i.store, i.created)
	return fmt.Appendf(b, "check %08x\n", checksum(b))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// decodeIdentity reads the file STORE. The format comes first: of a newer one
// nothing else is known.
func decodeIdentity(b []byte) (identity, error) {
	damaged := fmt.Errorf("%w: the file %s is not what was written; restore it from a backup, or make a new store of the rest with fs.Salvage", ErrDamaged, storeName)
	lines := strings.Split(string(b), "\n")
	if len(lines) < 2 || lines[0] != "destam store" {
		return identity{}, damaged
	}
	var i identity
	number, ok := strings.CutPrefix(lines[1], "format ")
	var err error
	if i.format, err = strconv.Atoi(number); !ok || err != nil || i.format < 1 {
		return identity{}, damaged
	}
	end := bytes.LastIndex(b, []byte("check "))
	whole := end >= 0 && string(b[end:]) == fmt.Sprintf("check %08x\n", checksum(b[:end]))
	if i.format > format {
		return identity{}, fmt.Errorf("%w: it has format %d, this program reads up to %d; open it with a newer version",
			ErrFormat, i.format, format)
	}
	if !whole || len(lines) != 6 {
		return identity{}, damaged
	}
	store, err := hex.DecodeString(strings.TrimPrefix(lines[2], "id "))
	if err != nil || len(store) != len(i.store) {
		return identity{}, damaged
	}
	i.store = [16]byte(store)
	i.created = strings.TrimPrefix(lines[3], "created ")
	return i, nil
}

// readIdentity gives the identity of the store in a folder, and whether there
// is one. A folder that holds anything else than a store, or one that never
// came to be, is refused before anything is written into it.
func readIdentity(f vfs.FS, dir string) (identity, bool, error) {
	names, err := f.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, false, nil
	}
	if err != nil {
		return identity{}, false, err
	}
	if slices.Contains(names, storeName) {
		b, err := read(f, filepath.Join(dir, storeName))
		if err != nil {
			return identity{}, false, err
		}
		id, err := decodeIdentity(b)
		return id, err == nil, err
	}
	for _, name := range names {
		switch name {
		case lockName, storeName + ".tmp", lostName: // a new disk has a lost+found of its own
		case runsName:
			if runs, err := f.List(filepath.Join(dir, name)); err != nil {
				return identity{}, false, err
			} else if slices.ContainsFunc(runs, func(name string) bool { return strings.HasSuffix(name, ".run") }) {
				return identity{}, false, fmt.Errorf("%w: it has runs but no file %s; restore that from a backup, or make a new store of the rest with fs.Salvage; what a Backup has left that did not end may be removed", ErrDamaged, storeName)
			}
		case journalName:
			if empty, err := journal.Pristine(f, filepath.Join(dir, name)); err != nil {
				return identity{}, false, err
			} else if !empty {
				return identity{}, false, fmt.Errorf("%w: it has a journal but no file %s; restore that from a backup, or make a new store of the rest with fs.Salvage", ErrDamaged, storeName)
			}
		default:
			return identity{}, false, fmt.Errorf("%w: it holds %q but no file %s; choose an empty folder, or one that does not exist yet",
				ErrNoStore, name, storeName)
		}
	}
	return identity{}, false, nil
}

// absolute gives the name that a folder has whatever becomes of the process's
// working directory: files are opened by it as long as the store is.
func absolute(dir string) (string, error) {
	if dir == "" { // which would be the working directory itself
		return "", errors.New("it has no name; choose a folder, or a name that does not exist yet")
	}
	return filepath.Abs(dir)
}

func read(f vfs.FS, name string) ([]byte, error) {
	r, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := vfs.ReadFile(r)
	return b, errors.Join(err, r.Close())
}
