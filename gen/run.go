package gen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/emit"
	"github.com/destam-go/destamgen/gen/internal/load"
	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Config says what to generate.
type Config struct {
	// Dir is the folder that patterns and messages are relative to; empty is
	// the current one.
	Dir string

	// Folders are the packages: folders, or a folder followed by /... for all
	// below it too. None is the folder Dir itself.
	Folders []string

	// Check compares only: nothing is written, and Report.Stale says what a run
	// would change.
	Check bool

	// Loader says how types of other packages are found out: "source", which is
	// the default, or "packages".
	Loader string
}

// loader gives the loader's name as package load has it.
func (c Config) loader() load.Source { return load.Source(cmp.Or(c.Loader, string(load.FromSource))) }

// Report says what a run did, or would do. Paths are relative to Config.Dir.
type Report struct {
	Written  []string
	Removed  []string
	Stale    []Stale // only with Config.Check
	Warnings []Diagnostic
}

// Stale is a file that is not what a run would make it.
type Stale struct {
	Path string
	Diff string // unified, from what is there to what should be
}

// Diagnostic is one thing to tell the user about the source.
type Diagnostic = schema.Diagnostic

// Diagnostics is the error of a run whose input is wrong: all that is wrong, in
// the order of the source.
type Diagnostics = schema.Diagnostics

// ErrNoStructs is the error of a run that found nothing to generate, and nothing
// that was generated earlier.
var ErrNoStructs = errors.New("no struct has a destam tag")

// Run generates. If the input is wrong the error is [Diagnostics], and nothing
// was written.
func Run(cfg Config) (*Report, error) {
	if l := cfg.loader(); l != load.FromSource && l != load.FromPackages {
		return nil, fmt.Errorf("loader %q is not known: %s or %s", cfg.Loader, load.FromSource, load.FromPackages)
	}
	folders, err := expand(cfg)
	if err != nil {
		return nil, err
	}
	r := run{Config: cfg, session: load.NewSession(cfg.loader()), report: &Report{}}
	for _, folder := range folders {
		if err := r.folder(folder); err != nil {
			return nil, err
		}
	}
	wrong, warnings := r.said.Sort().Split()
	if len(wrong) > 0 {
		return nil, wrong
	}
	r.report.Warnings = warnings
	if !r.found {
		return nil, fmt.Errorf("%w: %s (fix: tags in a struct there, or name the folders that have some)", ErrNoStructs, strings.Join(named(cfg.Folders), " "))
	}
	for _, p := range r.packages {
		if err := r.render(p); err != nil {
			return nil, err
		}
	}
	if cfg.Check {
		return r.report, r.compare()
	}
	return r.report, r.write()
}

// run is one call of Run: first all packages are read, then all are rendered,
// and only then is anything written.
type run struct {
	Config
	session  *load.Session
	found    bool // some package has tagged structs, or had them
	packages []pack
	said     Diagnostics
	changes  []change
	report   *Report
}

// pack is one package that was read.
type pack struct {
	folder string // relative to Dir
	*load.Folder
	lock  []byte // the text of the lock file that is there
	next  string // and of what it should be
	there map[string]load.Output
}

// change is a file to be made, changed or removed.
type change struct {
	path   string // relative to Dir
	before []byte
	after  []byte // nil: removed
}

// folder reads and judges one package.
func (r *run) folder(folder string) error {
	read, err := r.session.Read(filepath.Join(r.Dir, folder), folder)
	if err != nil {
		return err
	}
	p := pack{folder: folder, Folder: read, there: map[string]load.Output{}}
	for _, o := range read.Outputs {
		p.there[o.Name] = o
	}
	r.said = append(r.said, read.Wrong...)
	if len(read.Package.Files) == 0 && len(read.Outputs) == 0 {
		return nil
	}
	r.found = true
	ds := schema.Check(read.Package)
	for _, f := range read.Package.Files {
		if read.Foreign[f.Output()] {
			ds = append(ds, Diagnostic{
				Pos:     f.Structs[0].Pos,
				Message: fmt.Sprintf("the output for %s would replace %s, which destamgen did not write", f.Name, f.Output()),
				Fix:     "rename that file",
			})
		}
	}
	r.said = append(r.said, ds...)
	if err := r.lock(&p); err != nil {
		return err
	}
	r.packages = append(r.packages, p)
	return nil
}

// lock judges a package by its lock file.
func (r *run) lock(p *pack) error {
	path := filepath.Join(p.folder, schema.LockName)
	text, err := os.ReadFile(filepath.Join(r.Dir, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if text == nil {
		if len(p.Package.Files) == 0 {
			return nil
		}
		if gone := p.written(); gone != "" {
			r.said = append(r.said, lockGone(path, gone))
			return nil
		}
	}
	p.lock = text
	lock, ds := schema.ParseLock(path, text)
	if len(ds) > 0 {
		r.said = append(r.said, ds...)
		return nil
	}
	next, ds := lock.Next(p.Package)
	r.said = append(r.said, ds...)
	p.next = next.String()
	return nil
}

// written gives the name of a file that an earlier run wrote, or "".
func (p *pack) written() string {
	for _, o := range p.Outputs {
		if o.Name == schema.OutputOf(o.Source) {
			return o.Name
		}
	}
	return ""
}

// lockGone says that a package has output and no lock. A new one would know
// nothing of the names that were retired, and could not refuse them.
func lockGone(path, output string) Diagnostic {
	return Diagnostic{
		Pos:     token.Position{Filename: path, Line: 1, Column: 1},
		Message: fmt.Sprintf("the file is gone, though %s was generated beside it: what it knew of stored names is known nowhere else", output),
		Fix:     "restore it from version control, and see that it is not ignored there; if nothing was ever stored, delete " + output + " too",
	}
}

// render collects the changes that a package needs.
func (r *run) render(p pack) error {
	current := map[string]bool{}
	for _, f := range p.Package.Files {
		name := f.Output()
		current[name] = true
		there := p.there[name].Bytes
		// A check does not trust the sum: it is there to be certain.
		if !r.Check && emit.Fresh(p.Package, f, there) {
			continue
		}
		source, err := emit.File(p.Package, f)
		if err != nil {
			return err
		}
		r.change(p, name, there, source)
	}
	for _, o := range p.Outputs {
		if !current[o.Name] && o.Name == schema.OutputOf(o.Source) && !p.LeftOut[o.Source] {
			r.changes = append(r.changes, change{filepath.Join(p.folder, o.Name), o.Bytes, nil})
		}
	}
	if p.next != "" {
		r.change(p, schema.LockName, p.lock, []byte(p.next))
	}
	return nil
}

// change notes a file that differs. Line ends that a version control system has
// rewritten do not count.
func (r *run) change(p pack, name string, before, after []byte) {
	if !bytes.Equal(bytes.ReplaceAll(before, []byte("\r\n"), []byte("\n")), after) {
		r.changes = append(r.changes, change{filepath.Join(p.folder, name), before, after})
	}
}

// compare reports the changes instead of making them.
func (r *run) compare() error {
	for _, c := range r.changes {
		r.report.Stale = append(r.report.Stale, Stale{Path: c.path, Diff: diff(c.path, c.before, c.after)})
	}
	return nil
}

// named gives the folders as the user named them.
func named(folders []string) []string {
	if len(folders) == 0 {
		return []string{"."}
	}
	return slices.Clone(folders)
}
