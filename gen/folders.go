package gen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// expand gives the folders that the patterns mean, each once, in order. A
// pattern ending in /... means what it means to the go command: no folder that is
// named testdata or vendor, begins with . or _, or is a module of its own.
func expand(cfg Config) ([]string, error) {
	var folders []string
	seen := map[string]bool{}
	add := func(folder string) {
		if folder = filepath.Clean(folder); !seen[folder] {
			seen[folder] = true
			folders = append(folders, folder)
		}
	}
	for _, pattern := range named(cfg.Folders) {
		root, all := strings.CutSuffix(filepath.ToSlash(pattern), "/...")
		if pattern == "..." {
			root, all = ".", true
		}
		at := under(cfg.Dir, root)
		if info, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			return nil, noFolder(pattern)
		} else if err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder: name the package's folder, not its files", pattern)
		}
		if !all {
			add(root)
			continue
		}
		err := filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if path != at && skipped(path, d.Name()) {
				return filepath.SkipDir
			}
			below, err := filepath.Rel(at, path)
			if err != nil {
				return err
			}
			add(filepath.Join(root, below))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return folders, nil
}

// noFolder is the error of a folder that is not there.
type noFolder string

func (n noFolder) Error() string {
	return "there is no folder " + string(n) + " (fix: name the folder of a package, or one followed by /... for all below it)"
}

func (noFolder) Unwrap() error { return fs.ErrNotExist }

func skipped(path, name string) bool {
	if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// under gives a path relative to dir, unless it is absolute.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
