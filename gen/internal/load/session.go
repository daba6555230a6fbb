package load

import "path/filepath"

// Session reads folders, and reads what they need of another package once for
// all folders of a module.
type Session struct {
	source    Source
	libraries map[string]*library // by what decides where packages are found
	facts     *facts
}

// NewSession begins one. The source says how to find out about types of other
// packages.
func NewSession(source Source) *Session {
	return &Session{source: source, libraries: map[string]*library{}, facts: newFacts()}
}

// library gives what is known of other packages from a folder: the same for
// all folders of one module, in one workspace.
func (s *Session) library(dir string) *library {
	module := above(dir, "go.mod")
	if module == "" {
		module, _ = filepath.Abs(dir)
	}
	key := module + "\x00" + workFile(dir)
	if s.libraries[key] == nil {
		s.libraries[key] = newLibrary(s.source, dir, s.facts)
	}
	return s.libraries[key]
}
