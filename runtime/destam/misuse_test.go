package destam

import (
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// TestMisuse does what only a mistake in the program does: each panics with
// what is wrong, changes nothing, and leaves the document as usable as it was.
// (TestMisuseErrors has what is refused with an error.)
func TestMisuse(t *testing.T) {
	p := newPlot(t, Options{})
	var late *OGarden
	if err := p.Update(func(o *OGarden) error { late = o; return nil }); err != nil {
		t.Fatal(err)
	}
	var nobody *OBed
	var noPlot *OGarden
	tools, beds := p.Tools(), p.Beds()
	const over, index, absent, many = "finished transaction", "out of range", "nil handle", "set each by its handle"
	for name, c := range map[string]struct {
		says string
		do   func()
	}{
		"late get":        {over, func() { late.Name() }},
		"late bytes":      {over, func() { late.Seal() }},
		"late set":        {over, func() { late.SetName("x") }},
		"late float":      {over, func() { late.SetRate(1) }},
		"late optional":   {over, func() { late.SetOpened(eden().Opened.UTC()) }},
		"late child":      {over, func() { late.Best() }},
		"late clear":      {over, func() { late.ClearBest() }},
		"late inner":      {over, func() { late.Query() }},
		"late array":      {over, func() { late.Tools().Append("x") }},
		"late objects":    {over, func() { late.Beds().At(0) }},
		"late map":        {over, func() { late.Signs().Set("x", "red") }},
		"late update":     {over, func() { late.Update(func(*OGarden) error { return nil }) }},
		"late view":       {over, func() { late.View(func(*OGarden) error { return nil }) }},
		"late snapshot":   {over, func() { late.Snapshot() }},
		"late watch":      {over, func() { late.Watch(func(*Commit) {}) }},
		"late follow":     {over, func() { Follow(t.Context(), late) }},
		"late lens":       {over, func() { late.Observe().Name().Set("x") }},
		"At":              {index, func() { tools.At(2) }},
		"At below":        {index, func() { tools.At(-1) }},
		"Set":             {index, func() { tools.Set(2, "x") }},
		"Insert":          {index, func() { tools.Insert(3, "x") }},
		"Remove":          {index, func() { tools.Remove(1, 2) }},
		"Remove all":      {index, func() { tools.Remove(1, math.MaxInt) }},
		"Remove below":    {index, func() { tools.Remove(-1, 1) }},
		"Splice":          {index, func() { tools.Splice(2, 1, "x") }},
		"Splice all":      {index, func() { tools.Splice(2, math.MaxInt, "x") }},
		"Move":            {index, func() { tools.Move(2, 0) }},
		"Move to":         {index, func() { tools.Move(0, 2) }},
		"Swap":            {index, func() { tools.Swap(0, 2) }},
		"PositionOf":      {index, func() { PositionOf(tools, 2) }},
		"object At":       {index, func() { beds.At(-1) }},
		"object Set":      {index, func() { beds.Set(2, Bed{}) }},
		"object Insert":   {index, func() { beds.Insert(-1, Bed{}) }},
		"object Remove":   {index, func() { beds.Remove(2, math.MaxInt) }},
		"object Splice":   {index, func() { beds.Splice(0, 3) }},
		"object Move":     {index, func() { beds.Move(-1, 0) }},
		"object Swap":     {index, func() { beds.Swap(0, 2) }},
		"object Link":     {index, func() { beds.Link(-1, beds.At(0)) }},
		"object position": {index, func() { PositionOf(beds, 2) }},
		"Link nil":        {absent, func() { beds.Link(0, nobody) }},
		"Link nil key":    {absent, func() { p.Rooms().Link(1, nobody) }},
		"IndexOf nil":     {absent, func() { beds.IndexOf(nobody) }},
		"Same nil":        {absent, func() { Same(p, nobody) }},
		"Detached nil":    {absent, func() { Detached(nil) }},
		"Outer nil":       {absent, func() { Outer(nobody) }},
		"Follow nil":      {absent, func() { Follow(t.Context(), noPlot) }},
		"NewDigest nil":   {absent, func() { NewDigest(noPlot) }},
		"Answer nil":      {absent, func() { Answer(noPlot, nil) }},
		"Apply nil":       {absent, func() { Apply(noPlot, nil) }},
		"NewUndo nil":     {absent, func() { NewUndo(noPlot, nil) }},
		"Settle nil":      {absent, func() { Settle(t.Context(), noPlot) }},
		"Each set":        {many, func() { p.Observe().Beds().Each().Plant().Set("x") }},
		"Each clear":      {many, func() { p.Observe().Signs().Each().Clear() }},
	} {
		if said := panics(c.do); !strings.Contains(said, c.says) {
			t.Errorf("%s: it says %q, want %q", name, said, c.says)
		}
	}
	if diff := cmp.Diff(eden(), p.Snapshot(), ignoreTable); diff != "" {
		t.Error(diff)
	}
	p.SetName("still usable")
}

// TestNilHandle calls a method of each kind on a nil handle: that panics as
// every nil pointer does, in the generated method or where it was called, so
// that the stack begins with the mistake, and nothing of ours is in it.
func TestNilHandle(t *testing.T) {
	var o *OGarden
	var query *OGardenQuery
	var bed *OBed
	for name, f := range map[string]func(){
		"get": func() { o.Name() }, "set": func() { o.SetName("x") }, "float": func() { o.SetRate(1) },
		"time": func() { o.SetOpened(*eden().Opened) }, "clear": func() { o.ClearOpened() },
		"bytes": func() { o.Seal() }, "set bytes": func() { o.SetSeal(nil) },
		"inner": func() { o.Query() }, "unique": func() { query.SetSlug("x") },
		"child": func() { o.Best() }, "set child": func() { o.SetBest(Bed{}) }, "clear child": func() { o.ClearBest() },
		"array": func() { o.Tools() }, "objects": func() { o.Beds() }, "map": func() { o.Signs() }, "object map": func() { o.Rooms() },
		"update": func() { o.Update(func(*OGarden) error { return nil }) }, "view": func() { o.View(func(*OGarden) error { return nil }) },
		"snapshot": func() { o.Snapshot() }, "lens": func() { o.Observe() }, "watch": func() { o.Watch(func(*Commit) {}) },
		"element": func() { bed.Plant() }, "its array": func() { bed.Sub() },
	} {
		at, what := origin(f)
		if _, nilPointer := what.(runtime.Error); !nilPointer || !slices.Contains([]string{"garden_test.go", "misuse_test.go"}, at) {
			t.Errorf("%s: %v in %s", name, what, at)
		}
	}
}

// TestNilFunction listens with nothing: that is said at once, and the document
// goes on. (destam 269)
func TestNilFunction(t *testing.T) {
	p := newPlot(t, Options{})
	live := must(p.table.Live(t.Context()))(t)
	defer live.Close()
	name := p.Observe().Name()
	for what, f := range map[string]func(){
		"Watch": func() { p.Watch(nil) }, "of an array": func() { p.Tools().Watch(nil) }, "of a map": func() { p.Rooms().Watch(nil) },
		"of a lens": func() { name.Watch(nil) }, "of its commits": func() { name.WatchCommit(nil) },
		"of a part": func() { p.Observe().Best().Watch(nil) }, "Follow": func() { name.Follow(nil) }, "Effect": func() { name.Effect(nil) },
		"OnCommit": func() { OnCommit(p.table, nil) }, "of a live query": func() { live.Watch(nil) },
		"in an Update": func() { p.Update(func(o *OGarden) error { o.Watch(nil); return nil }) },
	} {
		if _, got := origin(f); got != "destam: a nil function cannot be told what changes" {
			t.Errorf("%s: %v", what, got)
		}
		p.SetName(what)
	}
	if err := p.Flush(t.Context()); err != nil { // OnCommit hears of it
		t.Error(err)
	}
	if len(p.reported) > 0 {
		t.Errorf("reported: %v", p.reported)
	}
}

// origin gives what f panics with, and the file of ours in which it does.
func origin(f func()) (file string, what any) {
	defer func() {
		what = recover()
		stack := make([]uintptr, 32)
		frames := runtime.CallersFrames(stack[:runtime.Callers(2, stack)])
		for {
			frame, more := frames.Next()
			if file = filepath.Base(frame.File); !strings.HasPrefix(frame.Function, "runtime.") || !more {
				return
			}
		}
	}()
	f()
	return "", nil
}

// TestMisuseErrors does what is refused with an error that tells what it is.
func TestMisuseErrors(t *testing.T) {
	p := newPlot(t, Options{})
	other, err := p.table.Create(t.Context(), Garden{Beds: []Bed{{Plant: "x"}}, Query: GardenQuery{Slug: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(o *OGarden) []byte {
		d, _, err := NewDigest(o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Stop()
		o.SetName("of a commit")
		return d.Flush()
	}
	foreign, own := commit(other), commit(p.OGarden)
	p.SetName("Eden")
	corrupt := slices.Clone(own)
	corrupt[len(corrupt)/2] ^= 1
	heard := overhear(p.Watch)
	for name, c := range map[string]struct {
		want error
		do   func() error
	}{
		"a foreign node in an array":        {doc.ErrForeign, func() error { return p.Beds().Link(0, other.Beds().At(0)) }},
		"a foreign node in a map":           {doc.ErrForeign, func() error { return p.Rooms().Link(1, other.Beds().At(0)) }},
		"a node below itself":               {doc.ErrCycle, func() error { return p.Beds().At(0).Sub().Link(0, p.Beds().At(0)) }},
		"a commit for another document":     {ErrUnfit, func() error { return Apply(p, foreign) }},
		"a corrupt commit":                  {ErrUnfit, func() error { return Apply(p, corrupt) }},
		"half a commit":                     {ErrUnfit, func() error { return Apply(p, own[:len(own)/2]) }},
		"no commit":                         {ErrUnfit, func() error { return Apply(p, nil) }},
		"waiting for the store in a change": {ErrInTransaction, func() error { return p.Update(func(o *OGarden) error { return o.Flush(t.Context()) }) }},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if diff := cmp.Diff(eden(), p.Snapshot(), ignoreTable); diff != "" || len(*heard) > 0 {
		t.Errorf("something was changed: %s %v", diff, *heard)
	}
}
