package load

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// facts remembers from run to run what types of other packages are, so that
// their source is read once. Only what cannot change is remembered: packages of
// the standard library and of the module cache, by the folder that has the
// version in its name, for one build of the generator. Nothing depends on it: what
// cannot be read or written is found out again.
type facts struct {
	dir   string // "" for none
	build string // what the files of a package depend on besides its folder
	std   bool   // whether the standard library is that of a release
	known map[string]*factFile
}

// factFile is what is remembered of one package.
type factFile struct {
	Folder string
	Types  map[string]fact
	dirty  bool
}

// fact is what is remembered of a type. Needs are the packages that it was found
// out from, and the folders that they were in.
type fact struct {
	Type  *schema.Type
	Locks string
	Needs map[string]string
}

// CacheVariable is the environment's word on where facts are remembered: a
// folder, or off.
const CacheVariable = "DESTAMGENCACHE"

// newFacts finds the folder for facts of this build of the generator.
func newFacts() *facts {
	f := &facts{known: map[string]*factFile{}}
	dir := os.Getenv(CacheVariable)
	if dir == "off" {
		return f
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return f
		}
		dir = filepath.Join(cache, "destamgen")
	}
	self, err := os.Executable()
	if err != nil {
		return f
	}
	info, err := os.Stat(self)
	if err != nil {
		return f
	}
	ctx := buildContext()
	version, err := os.ReadFile(filepath.Join(ctx.GOROOT, "VERSION")) // a tree that somebody works on has none
	f.dir, f.std = dir, err == nil
	f.build = fmt.Sprint(info.Size(), info.ModTime().UnixNano(), ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags, ctx.ToolTags, ctx.GOROOT, string(version))
	return f
}

// file gives what is remembered of the package in a folder.
func (f *facts) file(folder string) *factFile {
	if known := f.known[folder]; known != nil {
		return known
	}
	known := &factFile{}
	text, err := os.ReadFile(f.path(folder))
	if err != nil || json.Unmarshal(text, known) != nil || known.Folder != folder || known.Types == nil {
		known = &factFile{Folder: folder, Types: map[string]fact{}}
	}
	f.known[folder] = known
	return known
}

func (f *facts) path(folder string) string {
	return filepath.Join(f.dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(f.build+"\x00"+folder)))[:32])
}

// keep writes what is new. Another run may do so at the same time; either file
// will do.
func (f *facts) keep() {
	for folder, known := range f.known {
		if !known.dirty {
			continue
		}
		known.dirty = false
		text, err := json.Marshal(known)
		if err != nil || os.MkdirAll(f.dir, 0o755) != nil {
			return
		}
		path := f.path(folder)
		temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
		if os.WriteFile(temporary, text, 0o644) != nil || os.Rename(temporary, path) != nil {
			_ = os.Remove(temporary) // what is left is found by nobody
			return
		}
	}
}

// remembered gives what is known of a type from an earlier run.
func (l *library) remembered(name typeName) (fact, bool) {
	folder := l.immutable(name.path)
	if folder == "" {
		return fact{}, false
	}
	found, ok := l.facts.file(folder).Types[name.name]
	for needed, where := range found.Needs {
		if l.immutable(needed) != where {
			return fact{}, false
		}
		l.look(needed, nil)
	}
	return found, ok && found.Type != nil
}

// remember notes what was found out of a type, with what was looked at for it.
func (l *library) remember(name typeName, found fact, looked map[string]bool) {
	folder := l.immutable(name.path)
	if folder == "" {
		return
	}
	found.Needs = map[string]string{}
	for path := range looked {
		where := l.immutable(path)
		if where == "" {
			return
		}
		found.Needs[path] = where
	}
	file := l.facts.file(folder)
	file.Types[name.name], file.dirty = found, true
}

// immutable gives the folder of a package that cannot change without another
// folder's name: "" for others.
func (l *library) immutable(importPath string) string {
	if l.source != FromSource || l.facts.dir == "" {
		return ""
	}
	if l.places == nil {
		l.places = newPlaces(l.from)
	}
	folder, err := l.places.of(importPath)
	if err != nil {
		return ""
	}
	below := func(root string) bool { return strings.HasPrefix(folder, root+string(filepath.Separator)) }
	if below(l.places.cache) || l.facts.std && below(filepath.Join(l.places.goroot, "src")) {
		return folder
	}
	return ""
}
