package load

import (
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// places finds the folders of imported packages without the go command: in the
// standard library, in the modules of a workspace, in vendor, where replace
// says, and in the module cache. What is not found so, the go command is asked
// for; that does not compile anything either.
type places struct {
	from    string             // the folder of the package that imports
	local   map[string]string  // folders of modules, by their paths
	modules map[string]version // of the other modules, by their paths
	vendor  string             // the vendor folder, or ""
	cache   string             // of modules
	goroot  string
	found   map[string]place // what was asked for before
}

// place is where a package is.
type place struct {
	dir string
	err error
}

// version is one that a module is taken at, maybe under another path.
type version struct{ path, version string }

// newPlaces reads the go.mod, or the go.work, that a folder belongs to.
func newPlaces(from string) *places {
	p := &places{from: from, local: map[string]string{}, modules: map[string]version{}, goroot: build.Default.GOROOT, cache: moduleCache(), found: map[string]place{}}
	root := p.module(from)
	if work := workFile(from); work != "" {
		p.workspace(work)
		root = filepath.Dir(work)
	} else if root != "" {
		p.takeModule(root)
	}
	if root == "" {
		return p
	}
	vendor := filepath.Join(root, "vendor")
	if _, err := os.Stat(filepath.Join(vendor, "modules.txt")); err == nil && !strings.Contains(os.Getenv("GOFLAGS"), "-mod=mod") {
		p.vendor = vendor
	}
	return p
}

// module gives the folder of the module that a folder belongs to, or "".
func (p *places) module(from string) string {
	if file := above(from, "go.mod"); file != "" {
		return filepath.Dir(file)
	}
	return ""
}

// above looks for a file in a folder and in those above it.
func above(from, name string) string {
	dir, err := filepath.Abs(from)
	for err == nil {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

func workFile(from string) string {
	switch work := os.Getenv("GOWORK"); work {
	case "off":
		return ""
	case "":
		return above(from, "go.work")
	default:
		return work
	}
}

// moduleCache gives the folder where the go command keeps modules.
func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	first, _, _ := strings.Cut(build.Default.GOPATH, string(filepath.ListSeparator))
	return filepath.Join(first, "pkg", "mod")
}

// workspace takes the modules of a go.work in.
func (p *places) workspace(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	work, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return
	}
	for _, use := range work.Use {
		p.takeModule(under(filepath.Dir(file), use.Path))
	}
	p.replace(filepath.Dir(file), work.Replace)
}

// takeModule takes a module of the user's in: itself, and what it requires.
func (p *places) takeModule(root string) {
	file := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	mod, err := modfile.Parse(file, text, nil)
	if err != nil { // of a newer Go, perhaps; but this does not read replace
		mod, err = modfile.ParseLax(file, text, nil)
	}
	if err != nil || mod.Module == nil {
		return
	}
	p.local[mod.Module.Mod.Path] = root
	for _, r := range mod.Require {
		if before, ok := p.modules[r.Mod.Path]; !ok || semver.Compare(before.version, r.Mod.Version) < 0 {
			p.modules[r.Mod.Path] = version{r.Mod.Path, r.Mod.Version}
		}
	}
	p.replace(root, mod.Replace)
}

func (p *places) replace(root string, replaced []*modfile.Replace) {
	for _, r := range replaced {
		required, ok := p.modules[r.Old.Path]
		switch {
		case r.Old.Version != "" && (!ok || required.version != r.Old.Version):
		case r.New.Version == "":
			p.local[r.Old.Path] = under(root, r.New.Path)
		default:
			p.modules[r.Old.Path] = version{r.New.Path, r.New.Version}
		}
	}
}

func under(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// of gives the folder of the package at an import path.
func (p *places) of(importPath string) (string, error) {
	at, ok := p.found[importPath]
	if !ok {
		at.dir, at.err = p.find(importPath)
		p.found[importPath] = at
	}
	return at.dir, at.err
}

func (p *places) find(importPath string) (string, error) {
	for _, dir := range p.guesses(importPath) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return p.ask(importPath)
}

// guesses gives the folders where a package may be, the best first.
func (p *places) guesses(importPath string) []string {
	var dirs []string
	if first, _, _ := strings.Cut(importPath, "/"); !strings.Contains(first, ".") && p.goroot != "" {
		dirs = append(dirs, filepath.Join(p.goroot, "src", filepath.FromSlash(importPath)))
	}
	for root := importPath; root != "." && root != "/"; root = path.Dir(root) {
		below := filepath.FromSlash(strings.TrimPrefix(importPath, root))
		if dir, ok := p.local[root]; ok {
			dirs = append(dirs, filepath.Join(dir, below))
		}
		if m, ok := p.modules[root]; ok && p.vendor == "" {
			name, err := module.EscapePath(m.path)
			at, err2 := module.EscapeVersion(m.version)
			if err == nil && err2 == nil {
				dirs = append(dirs, filepath.Join(p.cache, filepath.FromSlash(name)+"@"+at, below))
			}
		}
	}
	if p.vendor != "" {
		dirs = append(dirs, filepath.Join(p.vendor, filepath.FromSlash(importPath)))
	}
	return dirs
}

// ask has the go command find a package.
func (p *places) ask(importPath string) (string, error) {
	cmd := exec.Command("go", "list", "-find", "-f", "{{.Dir}}", "--", importPath)
	cmd.Dir = p.from
	out, err := cmd.Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		said, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		said, _, _ = strings.Cut(said, "; to add it")
		said, _, _ = strings.Cut(said, " (") // where it was looked for
		return "", errors.New(said)
	}
	return "", fmt.Errorf("the package is nowhere: %w", err)
}
