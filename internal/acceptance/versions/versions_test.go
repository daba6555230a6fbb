package versions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/gen"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v1"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v2"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// note is what all versions have, whatever they call it.
type note struct {
	owner, title string
	priority     int
	due          int64
	hasDue       bool
	tags, tasks  []string
	meta         map[string]int
}

// editor changes a note of some version.
type editor interface {
	note() note
	title(s string)
	priority(n int)
	due(n int64)
	noDue()
	insertTag(i int, s string)
	removeTag(i int)
	insertTask(i int, s string)
	removeTask(i int)
	moveTask(i, j int)
	taskText(i int, s string)
	meta(k string, n int)
	noMeta(k string)
	owner(s string)
}

// number reads what the program wrote.
func number(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// random makes one change of a note, and the same of n.
func random(r *rand.Rand, e editor, n *note) {
	text := fmt.Sprint("text ", r.IntN(1000))
	switch r.IntN(12) {
	case 0:
		e.title(text)
		n.title = text
	case 1:
		n.priority = r.IntN(100)
		e.priority(n.priority)
	case 2:
		n.due, n.hasDue = r.Int64N(1<<40), true
		e.due(n.due)
	case 3:
		n.due, n.hasDue = 0, false
		e.noDue()
	case 4, 5:
		i := r.IntN(len(n.tags) + 1)
		e.insertTag(i, text)
		n.tags = slices.Insert(n.tags, i, text)
	case 6:
		if len(n.tags) > 0 {
			i := r.IntN(len(n.tags))
			e.removeTag(i)
			n.tags = slices.Delete(n.tags, i, i+1)
		}
	case 7:
		i := r.IntN(len(n.tasks) + 1)
		e.insertTask(i, text)
		n.tasks = slices.Insert(n.tasks, i, text)
	case 8:
		randomTask(r, e, n, text)
	case 9:
		k := strconv.Itoa(r.IntN(5))
		n.meta[k] = r.IntN(1000)
		e.meta(k, n.meta[k])
	case 10:
		k := strconv.Itoa(r.IntN(5))
		delete(n.meta, k)
		e.noMeta(k)
	case 11:
		e.owner(text)
		n.owner = text
	}
}

func randomTask(r *rand.Rand, e editor, n *note, text string) {
	if len(n.tasks) == 0 {
		return
	}
	i, j := r.IntN(len(n.tasks)), r.IntN(len(n.tasks))
	switch r.IntN(3) {
	case 0:
		e.removeTask(i)
		n.tasks = slices.Delete(n.tasks, i, i+1)
	case 1:
		e.moveTask(i, j)
		task := n.tasks[i]
		n.tasks = slices.Insert(slices.Delete(n.tasks, i, i+1), j, task)
	case 2:
		e.taskText(i, text)
		n.tasks[i] = text
	}
}

// same compares a note with what it should be.
func same(t *testing.T, what string, got, want note) {
	t.Helper()
	want.tags, want.tasks = nilled(want.tags), nilled(want.tasks)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func nilled(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return slices.Clone(s)
}

// copied gives a note that shares nothing with n.
func copied(n note) note {
	meta := map[string]int{}
	for k, v := range n.meta {
		meta[k] = v
	}
	n.tags, n.tasks, n.meta = nilled(n.tags), nilled(n.tasks), meta
	return n
}

// kept is a store that survives its database: what several programs have.
type kept struct{ *memory.Store }

func (kept) Attach(context.Context) error { return nil }
func (kept) Close(context.Context) error  { return nil }

// stores open one and the same store again and again.
var stores = map[string]func(t *testing.T) func() (driver.Driver, error){
	"memory": func(*testing.T) func() (driver.Driver, error) {
		store := kept{memory.Open(nil)}
		return func() (driver.Driver, error) { return store, nil }
	},
	"fs": func(t *testing.T) func() (driver.Driver, error) {
		dir := t.TempDir()
		return func() (driver.Driver, error) { return fs.Open(dir, nil) }
	},
}

// program runs one program with one database.
func program(t *testing.T, open func() (driver.Driver, error), run func(db *destam.DB)) {
	t.Helper()
	store, err := open()
	if err != nil {
		t.Fatal(err)
	}
	db, err := destam.Open(t.Context(), store, &destam.Options{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	run(db)
	if err := db.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// TestTenSchemas writes one log with ten successive schemas. Each reads all that
// was written before it, whether from commits or from a checkpoint, and the last
// reads every version that there ever was.
func TestTenSchemas(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				tenSchemas(t, store(t), rand.New(rand.NewPCG(seed, 10)))
			}
		})
	}
}

func tenSchemas(t *testing.T, open func() (driver.Driver, error), r *rand.Rand) {
	var id destam.ID
	n := note{meta: map[string]int{}}
	was := map[uint64]note{}
	for i, s := range schemas {
		program(t, open, func(db *destam.DB) {
			if i == 0 {
				var err error
				if id, err = s.create(t.Context(), db, "one"); err != nil {
					t.Fatal(err)
				}
				was[1] = copied(n)
			}
			for range 3 {
				version, err := s.edit(t.Context(), db, id, func(e editor) {
					same(t, fmt.Sprintf("as v%d loads it", i+1), e.note(), n)
					for range 5 + r.IntN(60) { // the more, the likelier is a checkpoint
						random(r, e, &n)
					}
					same(t, fmt.Sprintf("as v%d shows it", i+1), e.note(), n)
				})
				if err != nil {
					t.Fatal(err)
				}
				was[version] = copied(n)
			}
		})
	}
	program(t, open, func(db *destam.DB) {
		for version, want := range was {
			got, err := at10(t.Context(), db, id, version)
			if err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("version %d", version), got, want)
		}
	})
}

// TestRollingDeploy has two versions of a program take turns with one document,
// a thousand commits long: neither loses what only the other knows.
func TestRollingDeploy(t *testing.T) {
	open := stores["memory"](t)
	r := rand.New(rand.NewPCG(1, 2))
	var id destam.ID
	program(t, open, func(db *destam.DB) {
		var err error
		if id, err = create2(t.Context(), db, "one"); err != nil {
			t.Fatal(err)
		}
	})
	n := note{meta: map[string]int{}}
	var want v2.Note // what only the newer knows of it
	for turn := range 1000 {
		program(t, open, func(db *destam.DB) {
			s := schemas[turn%2]
			_, err := s.edit(t.Context(), db, id, func(e editor) {
				same(t, fmt.Sprintf("turn %d", turn), e.note(), n)
				for range 1 + r.IntN(3) {
					random(r, e, &n)
				}
				if e, ok := e.(editor2); ok {
					newer(t, r, e.o, &want)
				}
				same(t, fmt.Sprintf("after turn %d", turn), e.note(), n)
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// newer checks what only the second version knows, and changes some of it.
func newer(t *testing.T, r *rand.Rand, o *v2.ONote, want *v2.Note) {
	t.Helper()
	got := o.Snapshot()
	if got.Pinned != want.Pinned || !reflect.DeepEqual(got.Boss, want.Boss) || !reflect.DeepEqual(got.People, want.People) || !reflect.DeepEqual(got.Query.Year, want.Query.Year) {
		t.Fatalf("the older program lost something:\n got %+v\nwant %+v", got, *want)
	}
	// What is below a task travels with it, wherever the older program puts it.
	for _, task := range got.Tasks {
		if task.Done != (len(task.Sub) > 0) || task.Done && len(task.Sub[0].Sub) != 1 {
			t.Fatalf("a task was cut: %+v", task)
		}
	}
	if len(got.Tasks) > 0 {
		task := o.Tasks().At(r.IntN(len(got.Tasks)))
		if !task.Done() {
			task.Sub().Append(v2.Task{Text: "below", Sub: []v2.Task{{Text: "deeper"}}})
			task.SetDone(true)
		} else {
			task.Sub().At(0).Sub().At(0).SetText(strconv.Itoa(r.IntN(9)))
		}
	}
	o.SetPinned(!want.Pinned)
	name := strconv.Itoa(r.IntN(9))
	switch r.IntN(4) {
	case 0:
		o.SetBoss(v2.Person{Name: name})
	case 1:
		o.People().Set(name, v2.Person{Name: name})
	case 2:
		o.People().Delete(name)
	case 3:
		o.Query().SetYear(r.IntN(9))
	}
	*want = o.Snapshot()
}

// TestUniqueLater holds that a field which becomes unique where documents are is
// judged by them at the first use of the table: refused, with the ways out, when
// two have one value, and unique for all of them when none have.
func TestUniqueLater(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			open := store(t)
			create := func(owner, slug string) {
				program(t, open, func(db *destam.DB) {
					if _, err := v1.NoteTable(db).Create(t.Context(), v1.Note{Query: v1.NoteQuery{Owner: owner, Slug: slug}}); err != nil {
						t.Fatal(err)
					}
				})
			}
			create("ann", "a")
			create("ann", "b")
			program(t, open, func(db *destam.DB) {
				_, err := OwnedTable(db).Find(t.Context())
				var refused *driver.SchemaError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Change or delete one of them") {
					t.Fatalf("got %v, want a SchemaError that names the ways out", err)
				}
			})
			program(t, open, func(db *destam.DB) {
				notes := v1.NoteTable(db)
				note, err := notes.Find(t.Context(), v1.NoteWhere.Slug().Is("b"))
				if err != nil {
					t.Fatal(err)
				}
				note.Query().SetOwner("bob")
				if err := note.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
			program(t, open, func(db *destam.DB) {
				table := OwnedTable(db)
				if _, err := table.Create(t.Context(), Owned{Query: OwnedQuery{Owner: "ann", Slug: "c"}}); !errors.Is(err, destam.ErrTaken) {
					t.Errorf("a value that an old document has: %v", err)
				}
				if _, err := table.Create(t.Context(), Owned{Query: OwnedQuery{Owner: "eve", Slug: "c"}}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestLocks holds that each version's lock is what the one before it becomes:
// the generator has accepted every step.
func TestLocks(t *testing.T) {
	var folders []string
	for i := range schemas {
		folders = append(folders, fmt.Sprintf("v%d", i+1))
	}
	step(t, "note", folders...)
}

// step lets the generator go from one folder's model to the next one's, and
// demands the output and the lock that stand there.
func step(t *testing.T, model string, folders ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range folders {
		source, err := os.ReadFile(filepath.Join(folder, model+".go"))
		must(err)
		must(os.WriteFile(filepath.Join(dir, model+".go"), source, 0o644))
		if _, err := gen.Run(gen.Config{Dir: dir}); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, name := range []string{model + "_destam.go", "destam.lock"} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			must(err)
			want, err := os.ReadFile(filepath.Join(folder, name))
			must(err)
			if !bytes.Equal(got, want) {
				t.Errorf("%s/%s differs: go generate, in the order of the versions", folder, name)
			}
		}
	}
}
