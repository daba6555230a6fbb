package doc

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// Folds holds I4 and I13a in every test: each subscription of the process has a
// witness, which folds what that is told on what was shown when it began, and
// compares it with what is shown whenever it stops, its document dies, or
// somebody checks. It finds what is told twice or never, in another order, of
// another slot, or with another value from before or after. (TestFolds)
//
// Slots are known by their nodes and keys, as handles know them. An object that
// comes is taken as it was when the commit was made.
//
// Only that each commit is told once, and in order, is held where what is behind
// a lens is no sum of what it tells: of values through a filter, which are told
// when an object comes and not when they change, and of commits about what is at
// an index, where an object comes because another one goes. The same goes for
// who begins inside an Update, until it is over and something of it is told, or
// somebody checks.
type Folds struct {
	run    interface{ Run() int }
	mu     sync.Mutex
	all    map[*Document]map[*Subscription]*folded
	wrong  []string
	paused bool
}

// NewFolds gives one that Run runs tests with.
func NewFolds(run interface{ Run() int }) *Folds {
	return &Folds{run: run, all: map[*Document]map[*Subscription]*folded{}}
}

// Begin gives every subscription that begins from now on a witness.
func (f *Folds) Begin() { witness = f }

// Run runs the tests, and fails when one of them was told what does not lead to
// what is shown.
func (f *Folds) Run() int {
	code := f.run.Run()
	if code != 0 {
		return code
	}
	f.Check(func(wrong string) {
		fmt.Println("FAIL:", wrong)
		code = 1
	})
	return code
}

// Pause gives no witnesses to subscriptions that begin before resume is called:
// for tests that measure memory.
func (f *Folds) Pause() (resume func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.paused = false
	}
}

// Check compares what everybody was told of some documents, of all for none, with
// what is shown, and tells what was found wrong since the last time.
func (f *Folds) Check(wrong func(string), of ...*Document) {
	for _, w := range f.those(of) {
		d := w.s.d
		d.lock()
		w.compare(w.s.reader == nil)
		d.mu.Unlock()
	}
	f.mu.Lock()
	texts := f.wrong
	f.wrong = nil
	f.mu.Unlock()
	for _, text := range texts {
		wrong(text)
	}
}

// Forget lets go of all documents: they are over.
func (f *Folds) Forget() {
	f.mu.Lock()
	clear(f.all)
	f.mu.Unlock()
}

func (f *Folds) those(of []*Document) (all []*folded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(of) == 0 {
		of = slices.Collect(maps.Keys(f.all))
	}
	for _, d := range of {
		all = slices.AppendSeq(all, maps.Values(f.all[d]))
	}
	return all
}

func (f *Folds) begins(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paused {
		return
	}
	w := &folded{all: f, s: s}
	w.began = w.pcs[:runtime.Callers(3, w.pcs[:])]
	if f.all[s.d] == nil {
		f.all[s.d] = map[*Subscription]*folded{}
	}
	f.all[s.d][s] = w
	if s.d.tx == nil || s.d.tx.view {
		w.shown = w.now()
	}
	if call := s.call; call != nil {
		s.call = func(c *Commit) { w.told(c); call(c) }
	}
	if alone := s.alone; alone != nil {
		s.alone = func(x *Alone) { w.told(x.commit(s)); alone(x) }
	}
}

// of gives the witness of s, nil when it has none.
func (f *Folds) of(s *Subscription) *folded {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[s.d][s]
}

func (f *Folds) due(s *Subscription, c *Commit) {
	if w := f.of(s); w != nil {
		w.expect(c, nil)
	}
}

func (f *Folds) folded(s *Subscription, commits []*Commit, all *Commit) {
	if w := f.of(s); w != nil {
		w.expect(all, commits)
	}
}

func (f *Folds) reads(s *Subscription, c *Commit) {
	if w := f.of(s); w != nil {
		w.told(c)
	}
}

func (f *Folds) stops(s *Subscription) {
	w := f.of(s)
	if w == nil {
		return
	}
	if s.d.mu.TryLock() {
		w.compare(false)
		s.d.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if delete(f.all[s.d], s); len(f.all[s.d]) == 0 {
		delete(f.all, s.d)
	}
}

func (f *Folds) dies(d *Document) {
	f.mu.Lock()
	of := f.all[d]
	delete(f.all, d)
	f.mu.Unlock()
	for _, w := range of {
		w.compare(false)
	}
}
