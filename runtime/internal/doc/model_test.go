package doc

import (
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// The model of the tests, as the generator would write it.

type Note struct {
	_      struct{}         `destam:"table=notes"`
	Query  NoteQuery        `destam:"query"`
	Title  string           `destam:"title"`
	Due    *time.Time       `destam:"due"`
	Tags   []string         `destam:"tags"`
	Tasks  []Task           `destam:"tasks"`
	Meta   map[string]int64 `destam:"meta"`
	Rooms  map[int]Task     `destam:"rooms"`
	Boss   *Task            `destam:"boss"`
	Rate   float64          `destam:"rate"`
	Blob   []byte           `destam:"blob"`
	Grid   [][]int          `destam:"grid"`
	Typing bool             `destam:"typing,local"`
	Pin    *Task            `destam:"pin,local"`
	Draft  []Task           `destam:"draft,local"`
}

type NoteQuery struct {
	Owner  string   `destam:"owner"`
	Slug   string   `destam:"slug,unique"`
	Labels []string `destam:"labels"`
	Items  []Task   `destam:"items"`
}

type Task struct {
	Text string `destam:"text"`
	Done bool   `destam:"done"`
	Sub  []Task `destam:"sub"`
}

type oNote struct {
	node   Node
	handle hNote
	query  oNoteQuery
	title  string
	due    Optional[time.Time]
	tags   Leaves
	tasks  Objects[*oTask]
	meta   Leaves
	rooms  Objects[*oTask]
	boss   ChildOf[*oTask]
	rate   float64
	blob   []byte
	grid   Leaves
	typing bool
	pin    ChildOf[*oTask]
	draft  Objects[*oTask]
}

type hNote struct {
	Object
	v *oNote
}

type oNoteQuery struct {
	node   Node
	handle hNoteQuery
	owner  string
	slug   string
	labels Leaves
	items  Objects[*oTask]
}

type hNoteQuery struct {
	Object
	v *oNoteQuery
}

type oTask struct {
	node   Node
	handle hTask
	text   string
	done   bool
	sub    Objects[*oTask]
}

type hTask struct {
	Object
	v *oTask
}

// The fields of Note by their index.
const (
	fQuery = iota
	fTitle
	fDue
	fTags
	fTasks
	fMeta
	fRooms
	fBoss
	fRate
	fBlob
	fGrid
	fTyping
	fPin
	fDraft
)

// The fields of Task and of NoteQuery.
const (
	fText = iota
	fDone
	fSub
)

const (
	fOwner = iota
	fSlug
	fLabels
	fItems
)

var noteType = TypeOf(reflect.TypeFor[hNote](), reflect.TypeFor[Note]())

// host is a database that remembers what it was told.
type host struct {
	mu      sync.Mutex
	dirty   int
	reports []error
	section []byte
	watched bool
	admit   func(section []byte) error
	running sync.WaitGroup
}

func (h *host) Dirty(*Document) { h.mu.Lock(); h.dirty++; h.mu.Unlock() }

func (h *host) Admit(_ *Document, section []byte) (any, error) {
	if h.admit != nil {
		return nil, h.admit(section)
	}
	return nil, nil
}

func (h *host) Section(_ *Document, s []byte) { h.mu.Lock(); h.section = s; h.mu.Unlock() }
func (h *host) Watched(_ *Document, yes bool) { h.mu.Lock(); h.watched = yes; h.mu.Unlock() }
func (h *host) Report(_ *Document, err error) {
	h.mu.Lock()
	h.reports = append(h.reports, err)
	h.mu.Unlock()
}
func (h *host) Fits(*Document, *Pending) error { return nil }

func (h *host) Owed(d *Document, err error) error {
	if d.mu.TryLock() {
		panic("Owed was called without the lock: a Flush may miss the error")
	}
	return err
}

func (h *host) Go(f func()) { h.running.Go(f) }

// take gives the reports so far and forgets them.
func (h *host) take() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.reports
	h.reports = nil
	return r
}

// bounds are the position bounds that everything is tried with: the real one
// and one that renumbers all the time.
var bounds = []int{64, 6}

// create makes a stored document of the test model.
func create(t testing.TB, v Note, bound int) (*Document, *host, [][]byte) {
	t.Helper()
	h := &host{}
	d := New(noteType, NewID(), h, Options{KeyBound: bound})
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	t.Cleanup(func() {
		if !t.Failed() {
			checkFolds(t, "at the end")
			folds.Forget()
		}
	})
	return d, h, [][]byte{p.Body}
}

// replayed builds a document from its commits.
func replayed(t testing.TB, bodies [][]byte, bound int) *Document {
	t.Helper()
	d := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
	for i, b := range bodies {
		if err := d.Replay(uint64(i+1), b); err != nil {
			t.Fatalf("commit %d: %v", i+1, err)
		}
	}
	d.Loaded()
	if len(bodies)%4 == 0 {
		if err := sameLater(d, 1, nil, bodies); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// store takes all that is pending as a store would.
func store(d *Document, bodies [][]byte) [][]byte {
	for _, p := range d.Seal() {
		bodies = append(bodies, p.Body)
		d.Stored(p, uint64(len(bodies)))
	}
	return bodies
}

func snapshot(d *Document) Note {
	var v Note
	d.lock()
	d.root.Snapshot(unsafe.Pointer(&v))
	d.mu.Unlock()
	return v
}

// stored is snapshot without what is local.
func storedPart(d *Document) Note {
	v := snapshot(d)
	v.Typing, v.Pin, v.Draft = false, nil, nil
	return v
}

func equalNotes(t testing.TB, what string, got, want Note) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == "._" }, cmp.Ignore())); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// root gives the canonical handle's object.
func root(d *Document) *Object { return (*Object)(d.root.Canonical()) }

// do runs edits as one operation of a user.
func do(o *Object, f func(n *Node)) {
	if o.Write() {
		f(o.n)
		o.Wrote()
	}
}

func setText(n *Node, f int, s string) { n.SetLeaf(f, unsafe.Pointer(&s)) }

// insertTasks inserts new objects.
func insertTasks(n *Node, f, i int, ts ...Task) {
	l := n.EnsureList(f)
	l.InsertPlain(i, len(ts), func(j int) unsafe.Pointer { return unsafe.Pointer(&ts[j]) })
}

func insertStrings(n *Node, f, i int, ss ...string) {
	l := n.EnsureList(f)
	l.InsertPlain(i, len(ss), func(j int) unsafe.Pointer { return unsafe.Pointer(&ss[j]) })
}

// ptrTo gives the address of a copy of v.
func ptrTo[T any](v T) unsafe.Pointer { return unsafe.Pointer(&v) }
