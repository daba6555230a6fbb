package schema

import (
	"fmt"
	"go/token"
	"strings"
)

// Next judges the package by what the lock remembers, and gives the lock after
// this generation. The package has been through [Check]; of one that did not pass
// it, what is sound is judged all the same.
func (l *Lock) Next(p *Package) (*Lock, Diagnostics) {
	if p.hides() {
		return l, nil
	}
	e := evolution{
		lock: l, p: p,
		next:  &Lock{tables: map[string]lockTable{}, structs: map[string]lockStruct{}},
		pairs: map[*Struct]map[string]bool{}, paired: map[string]bool{},
		known: map[formerName]bool{}, used: map[string]bool{},
	}
	for _, s := range p.Structs() {
		if s.Document() {
			e.table(s)
		}
	}
	e.follow()
	for _, s := range p.Structs() {
		// What no table leads to has only its name to be known by.
		if _, known := l.structs[s.Name]; known && !e.paired[s.Name] && len(e.pairs[s]) == 0 {
			e.pair(s, s.Name)
		}
	}
	e.follow()
	e.unknown()
	e.renamed()
	e.remember()
	return e.next, e.Sort()
}

// evolution pairs the structs of a package with the structs in its lock that
// hold what was stored of them. The pairs begin with the tables and follow the
// fields, so that renaming a struct changes nothing, and giving a field another
// struct is judged by the fields of both.
type evolution struct {
	Diagnostics
	lock, next *Lock
	p          *Package
	pairs      map[*Struct]map[string]bool // by the name in the lock
	paired     map[string]bool             // names in the lock that some struct continues
	queue      []lockPair
	known      map[formerName]bool // former names that the lock has
	used       map[string]bool     // upcasters
}

type lockPair struct {
	s    *Struct
	name string
}

func (e *evolution) pair(s *Struct, name string) {
	if e.pairs[s] == nil {
		e.pairs[s] = map[string]bool{}
	}
	if _, known := e.lock.structs[name]; known && !e.pairs[s][name] {
		e.pairs[s][name], e.paired[name] = true, true
		e.queue = append(e.queue, lockPair{s, name})
	}
}

// table pairs a document by its table.
func (e *evolution) table(s *Struct) {
	if known, ok := e.lock.tables[s.Table]; ok {
		e.pair(s, known.name)
		if known.retired {
			e.report(s.TableAt, fmt.Sprintf("another name; if it is the same table again, take the last word out of the line %q of %s", "table "+s.Table+" "+known.name+retired, LockName),
				"the table %q was retired, and its documents are still there", s.Table)
		}
		return
	}
	for _, old := range sortedKeys(e.lock.tables) {
		if t := e.lock.tables[old]; t.name == s.Name && !t.retired && !e.has(old) {
			e.report(s.TableAt, fmt.Sprintf("table=%s; for a table that begins empty, first delete the line %q from %s", old, "table "+old+" "+t.name, LockName),
				"the table of %s was %q: its documents stay there", s.Name, old)
		}
	}
}

// has says whether a document of the package has the table.
func (e *evolution) has(table string) bool {
	for _, s := range e.p.Structs() {
		if s.Table == table {
			return true
		}
	}
	return false
}

// follow compares the fields of each pair, and pairs the structs inside.
func (e *evolution) follow() {
	for len(e.queue) > 0 {
		pair := e.queue[0]
		e.queue = e.queue[1:]
		for _, f := range pair.s.Tagged() {
			e.former(pair, f)
			old, known := e.lock.structs[pair.name][f.Tag.Name]
			if why, _ := f.Type.problem(); known && why == "" {
				e.field(pair, f, old)
			}
		}
	}
}

func (e *evolution) field(pair lockPair, f *Field, old lockField) {
	now := f.Type.Stored()
	oldShape, oldStruct := shapeOf(old.kind)
	shape, _ := shapeOf(now)
	if old.now != "" {
		e.report(f.nameAt(), fmt.Sprintf("another name, such as %q", e.free(pair, f)),
			"field %s: %q is a former name of the field that is %q now", f.Name, f.Tag.Name, old.now)
		return
	}
	if old.local || f.Tag.Local { // nothing is stored under the name, or nothing of that is read
		return
	}
	if shape == oldShape {
		if old.retired {
			e.report(f.nameAt(), fmt.Sprintf("another name, such as %q; if it is the same field again, take the last word out of the line %q of %s",
				e.free(pair, f), pair.name+"."+f.Tag.Name+" "+old.kind+retired, LockName),
				"field %s: the name %q was retired, and what was stored under it would come back", f.Name, f.Tag.Name)
		}
		if o := f.Type.Object(); o != nil {
			e.pair(o, oldStruct)
		}
		return
	}
	was := "was"
	if old.retired {
		was = "was, until it was retired,"
	}
	line := pair.name + "." + f.Tag.Name + " " + old.kind
	if old.retired {
		line += retired
	}
	free := e.free(pair, f)
	e.report(f.nameAt(), fmt.Sprintf("another name, such as %q; %sif nothing was ever stored, delete the line %q from %s", free, e.wayOver(pair, f, old, free), line, LockName),
		"field %s: %q %s %s and is %s now: what is stored cannot be read so", f.Name, f.Tag.Name, was, old.kind, now)
}

// free proposes a name that was never used in the struct.
func (e *evolution) free(pair lockPair, f *Field) string {
	for n := 2; ; n++ {
		name := fmt.Sprintf("%s%d", f.Tag.Name, n)
		_, known := e.lock.structs[pair.name][name]
		for _, other := range pair.s.Tagged() {
			known = known || other.Tag.Name == name
		}
		if !known {
			return name
		}
	}
}

// shapeOf parts a kind from the struct in it, whose name does not matter.
func shapeOf(kind string) (shape, structName string) {
	before, name, _ := strings.Cut(kind, "struct ")
	if before == kind {
		return kind, ""
	}
	return before + "struct", name
}

// remember makes the next lock: what is there now, and what was there ever.
func (e *evolution) remember() {
	for _, s := range e.p.Structs() {
		fields := lockStruct{}
		for _, name := range sortedKeys(e.pairs[s]) {
			for field, old := range e.lock.structs[name] {
				old.retired = old.retired || !e.p.Elsewhere[s.Name]
				fields[field] = old
			}
		}
		for _, f := range s.Tagged() {
			for _, w := range f.Former {
				if old, ok := fields[w.Name]; ok {
					fields[w.Name] = lockField{kind: old.kind, now: f.Tag.Name}
				}
			}
			fields[f.Tag.Name] = f.locked(fields)
		}
		e.next.structs[s.Name] = fields
		if s.Document() {
			e.next.tables[s.Table] = lockTable{name: s.Name}
		}
	}
	e.keep()
}

// locked gives the line of a field among those known, which are retired unless they
// are of it. So is that of a field that was stored and is local now: what is
// stored under its name would come back.
func (f *Field) locked(known lockStruct) lockField {
	old, ok := known[f.Tag.Name]
	if f.Tag.Local && ok && !old.local {
		return old
	}
	return lockField{kind: f.Type.Stored(), local: f.Tag.Local}
}

// keep carries over what the package no longer has. What a file declares that
// this build leaves out is not gone.
func (e *evolution) keep() {
	for name, old := range e.lock.structs {
		if e.paired[name] {
			continue
		}
		if e.next.structs[name] == nil {
			e.next.structs[name] = lockStruct{}
		}
		for field, f := range old {
			f.retired = f.retired || !e.p.Elsewhere[name]
			if _, there := e.next.structs[name][field]; !there {
				e.next.structs[name][field] = f
			}
		}
	}
	for name, t := range e.lock.tables {
		if _, there := e.next.tables[name]; there {
			continue
		}
		if !t.retired && !e.p.Elsewhere[t.name] {
			t.retired = true
			e.warn(token.Position{Filename: e.lock.file, Line: t.line, Column: 1}, fmt.Sprintf("table=%s in the struct that continues %s, if there is one; if that is in another package, move its lines of %s there", name, t.name, LockName),
				"no struct has the table %q any more: its documents stay in the store, and nobody reads them", name)
		}
		if s := e.successor(t.name); s != "" {
			t.name = s
		}
		e.next.tables[name] = t
	}
}

// successor gives the struct that continues one whose name is gone, or "".
func (e *evolution) successor(name string) string {
	for _, s := range e.p.Structs() {
		if s.Name == name {
			return ""
		}
	}
	for _, s := range e.p.Structs() {
		if e.pairs[s][name] {
			return s.Name
		}
	}
	return ""
}
