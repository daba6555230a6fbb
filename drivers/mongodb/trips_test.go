package mongodb

import (
	"context"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// monitored is a store whose commands are counted.
type monitored struct {
	*Store
	mu       sync.Mutex
	commands []string // name and collection
}

func newMonitored(t *testing.T, database string) *monitored {
	t.Helper()
	m := &monitored{}
	client := connect(t, database, options.Client().SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		m.mu.Lock()
		defer m.mu.Unlock()
		collection, _ := e.Command.Lookup(e.CommandName).StringValueOK()
		if collection != meta { // every five seconds, whatever is done
			m.commands = append(m.commands, e.CommandName+" "+collection)
		}
	}}))
	var err error
	if m.Store, err = New(t.Context(), client, &Options{Database: database}); err != nil {
		t.Fatal(err)
	}
	if err := m.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err != nil {
		t.Fatal(err)
	}
	return m
}

// trips gives the commands of do, those of the background included.
func (m *monitored) trips(t *testing.T, do func()) []string {
	t.Helper()
	m.settle(t)
	m.mu.Lock()
	m.commands = nil
	m.mu.Unlock()
	do()
	m.settle(t)
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.commands)
}

func (m *monitored) settle(t *testing.T) {
	t.Helper()
	if err := m.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestTrips counts what goes over the wire.
func TestTrips(t *testing.T) {
	serverURI(t)
	database := freshDatabase()
	m, other := newMonitored(t, database), newMonitored(t, database)
	p := &pair{t: t}
	do := func(s *Store, c driver.Commit) func() {
		return func() { p.accepted(s, c) }
	}
	load := func(s *Store) func() {
		return func() {
			if _, err := s.Load(t.Context(), notes, id(1), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	steps := []struct {
		what string
		on   *monitored
		do   func()
		want []string
	}{
		{"create with a unique value", m, do(m.Store, p.commit(id(1), 1, "v")), []string{"insert notes.claims", "insert notes.log", "insert notes"}},
		{"change and keep it", m, do(m.Store, p.commit(id(1), 2, "v")), []string{"insert notes.log", "update notes"}},
		{"load cold", other, load(other.Store), []string{"find notes.checkpoints", "find notes.log"}},
		{"change what was loaded", other, do(other.Store, p.commit(id(1), 3, "v")), []string{"insert notes.log", "update notes"}},
		{"let a unique value go", other, do(other.Store, p.commit(id(1), 4, "")), []string{"insert notes.log", "update notes"}},
		{"query", m, func() {
			for _, err := range m.Find(t.Context(), notes, driver.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"find notes"}},
		{"create many", m, func() {
			var batch []driver.Commit
			for i := range byte(50) {
				batch = append(batch, p.commit(id(10+i), 1, "w"+string(rune('a'+i))))
			}
			for _, r := range m.Append(t.Context(), batch) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}, []string{"insert notes.claims", "insert notes.log", "insert notes"}},
	}
	for _, step := range steps {
		// The background may write what it has in several pieces.
		if got := slices.Compact(step.on.trips(t, step.do)); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	for _, m := range []*monitored{m, other} {
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
