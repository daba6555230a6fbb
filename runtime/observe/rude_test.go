package observe_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/runtime/observe"
)

// rude is a source that tells of changes to equal values, and goes on after
// stop.
type rude struct {
	v     int
	calls []func(int, bool, int, bool)
}

func (r *rude) Get() (int, bool) { return r.v, true }

func (r *rude) Follow(fn func(int, bool, int, bool)) (int, bool, func()) {
	r.calls = append(r.calls, fn)
	return r.v, true, func() {}
}

func (r *rude) set(v int) {
	old := r.v
	r.v = v
	for _, fn := range r.calls {
		fn(old, true, v, true)
	}
}

// Other people's sources may be ruder than ours: what is made from them is not.
func TestRudeSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, lens := range map[string]func(src observe.Source[int]) *observe.Lens[int]{
			"Map": func(src observe.Source[int]) *observe.Lens[int] {
				return observe.Map(src, func(v int) int { return v })
			},
			"Memo":        observe.Memo[int],
			"All":         func(src observe.Source[int]) *observe.Lens[int] { return observe.Map(observe.All(src), sum) },
			"Unwrap":      func(src observe.Source[int]) *observe.Lens[int] { return observe.Unwrap[int](observe.Constant(src)) },
			"DefaultFrom": func(src observe.Source[int]) *observe.Lens[int] { return observe.DefaultFrom(src, src) },
			"Select": func(src observe.Source[int]) *observe.Lens[int] {
				return observe.Map(observe.Select(src).At(1), where1)
			},
			"Throttle": func(src observe.Source[int]) *observe.Lens[int] { return observe.Throttle(src, time.Second) },
			"Wait":     func(src observe.Source[int]) *observe.Lens[int] { return observe.Wait(src, time.Second) },
		} {
			src := &rude{}
			first := record(t, lens(src))
			src.set(0)
			src.set(1)
			src.set(1)
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := first.heard(); got != "1" {
				t.Errorf("%s: heard %q, want 1", name, got)
			}
			first.stop()
			src.set(0)
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := first.heard(); got != "" {
				t.Errorf("%s: heard %q after stop", name, got)
			}
		}
	})
}

// An effect of a rude source ends with stop too.
func TestRudeEffect(t *testing.T) {
	src := &rude{}
	calls := 0
	stop := observe.Effect(src, func(int, bool) func() { calls++; return nil })
	src.set(1)
	stop()
	src.set(2)
	if calls != 2 {
		t.Errorf("called %d times, want 2", calls)
	}
}

// A memo whose watchers are gone and come again hears of one subscription.
func TestRudeMemo(t *testing.T) {
	src := &rude{}
	m := observe.Memo(src)
	record(t, m).stop()
	r := record(t, m)
	src.set(1)
	r.want("1")
}
