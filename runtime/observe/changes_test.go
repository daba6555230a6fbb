package observe_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// setFirst is a source that is set when somebody has begun to follow it.
type setFirst struct {
	observe.Source[int]
	set func()
}

func (s setFirst) Follow(fn func(int, bool, int, bool)) (int, bool, func()) {
	v, ok, stop := s.Source.Follow(fn)
	s.set()
	return v, ok, stop
}

// A loop over changes gets each, and ends with break and with the context.
func TestChanges(t *testing.T) {
	c := count(1)
	ctx, cancel := context.WithCancel(t.Context())
	var got []observe.Change[int]
	c.Watch(func(x observe.Change[int]) {}) // not counted
	for x, err := range observe.Changes(ctx, setFirst{c, func() { c.Set(2) }}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x)
		if x.Absent {
			break
		}
		c.Set(3)
		c.Clear()
	}
	c.wantWatchers(t, 0, 1)
	want := []observe.Change[int]{{Old: 1, New: 2}, {Old: 2, New: 3}, {Old: 3, Absent: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	cancel()
	for x, err := range observe.Changes(ctx, c) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", x, err)
		}
	}
	c.wantWatchers(t, 0, 2)
}

// Who is behind gets changes folded, and misses nothing of where they lead.
func TestChangesFolded(t *testing.T) {
	c := observe.Mutable(0)
	at, n := 0, 0
	first := true
	for x, err := range observe.Changes(t.Context(), setFirst{c, func() { c.Set(1) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if first {
			first = false
			for i := range 10_000 {
				c.Set(i + 2)
			}
		}
		if n++; x.Old != at && at != 0 {
			t.Fatalf("from %d to %d at %d", x.Old, x.New, at)
		}
		if at = x.New; at == 10_001 {
			break
		}
	}
	if n > 3*1024 {
		t.Errorf("%d changes", n)
	}
}
