package gen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// staged is a change whose new content lies beside the file that it replaces.
type staged struct {
	change
	temporary string
}

// write makes the changes. All new content is written beside the old first, so
// that what most likely fails, a full disk or a folder that may not be written,
// fails before anything has changed. Each file is then replaced in one step, locks
// first: a run that ends in between must not leave output without one.
func (r *run) write() (err error) {
	slices.SortStableFunc(r.changes, func(a, b change) int { return a.order() - b.order() })
	var all []staged
	defer func() {
		for _, s := range all {
			if s.temporary != "" {
				err = errors.Join(err, os.Remove(s.temporary))
			}
		}
	}()
	for _, c := range r.changes {
		s := staged{change: c}
		if c.after != nil {
			if s.temporary, err = stage(under(r.Dir, c.path), c.after); err != nil {
				return err
			}
		}
		all = append(all, s)
	}
	for i, s := range all {
		path := under(r.Dir, s.path)
		if s.after == nil {
			if err := os.Remove(path); err != nil {
				return err
			}
			r.report.Removed = append(r.report.Removed, s.path)
			continue
		}
		if err := os.Rename(s.temporary, path); err != nil {
			return err
		}
		all[i].temporary = ""
		r.report.Written = append(r.report.Written, s.path)
	}
	return nil
}

// order gives the place of a change among the others.
func (c change) order() int {
	if filepath.Base(c.path) == schema.LockName {
		return 0
	}
	return 1
}

// stage writes content to a new file beside path. Its name begins with a dot, so
// the go command does not see it if it is left behind.
func stage(path string, content []byte) (temporary string, err error) {
	temporary = filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	if err := os.WriteFile(temporary, content, 0o666); err != nil {
		return "", errors.Join(err, removeIfThere(temporary))
	}
	return temporary, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
