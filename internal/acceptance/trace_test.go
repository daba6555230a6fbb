package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/internal/editing"
	"github.com/destam-go/destamgen/runtime/destam"
)

// edit removes and inserts characters at one place.
type edit struct {
	at, removed int
	inserted    []string
}

// readTrace reads the editing trace by its characters, and the text at its end.
func readTrace(tb testing.TB) (edits []edit, text string) {
	tb.Helper()
	read, text := editing.Read(tb, "../..")
	for _, e := range read {
		edits = append(edits, edit{e.At, e.Removed, strings.Split(e.Inserted, "")})
	}
	return edits, text
}

// plainly makes the edits in a slice.
func plainly(edits []edit) string {
	var text []string
	for _, e := range edits {
		text = slices.Replace(text, e.at, e.at+e.removed, e.inserted...)
	}
	return strings.Join(text, "")
}

// make makes the edit in an array of characters.
func (e edit) make(a destam.Array[string]) {
	if e.removed > 0 {
		a.Remove(e.at, e.removed)
	}
	if len(e.inserted) > 0 {
		a.Insert(e.at, e.inserted...)
	}
}

// flushEvery is how many edits are stored as one version.
const flushEvery = 1000

// TestEditing replays the trace through an observed array that is recorded and
// stored: it ends with the trace's text, and so does what the store has. A
// listener hears of every edit. In the short mode it is a tenth of the trace,
// against a plain slice.
func TestEditing(t *testing.T) {
	edits, want := readTrace(t)
	if testing.Short() {
		edits = edits[:len(edits)/10]
		want = plainly(edits)
	}
	db := open(t, "memory")
	o, err := ThingTable(db.DB).Create(t.Context(), Thing{})
	if err != nil {
		t.Fatal(err)
	}
	changes, letters := 0, map[string]int{} // by what the listener was told
	stop := o.Observe().Tags().Each().Watch(func(c destam.Change[string]) {
		changes++
		if !c.WasAbsent {
			letters[c.Old]--
		}
		if !c.Absent {
			letters[c.New]++
		}
	})
	for i, e := range edits {
		e.make(o.Tags())
		if i%flushEvery == 0 {
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := destam.Settle(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	stop()
	if got := strings.Join(o.Tags().Snapshot(), ""); got != want {
		t.Error("the text at the end differs")
	}
	for _, letter := range o.Tags().All() {
		letters[letter]--
	}
	for letter, count := range letters {
		if count != 0 {
			t.Errorf("a listener was told of %q %d times too often", letter, count)
		}
	}
	if changes < len(edits) {
		t.Errorf("a listener heard of %d changes in %d edits", changes, len(edits))
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, err := ThingTable(db.DB).At(t.Context(), o.ID(), o.Version())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(stored.Tags, "") != want {
		t.Error("the store has another text")
	}
	t.Logf("%d edits, %d versions, %d changes heard", len(edits), o.Version(), changes)
}

// BenchmarkEditing is the whole trace, with one listener, recorded and encoded.
func BenchmarkEditing(b *testing.B) {
	edits, _ := readTrace(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		o, err := ThingTable(open(b, "memory").DB).Create(b.Context(), Thing{})
		if err != nil {
			b.Fatal(err)
		}
		heard := 0
		o.Observe().Tags().Each().Watch(func(destam.Change[string]) { heard++ })
		b.StartTimer()
		for i, e := range edits {
			e.make(o.Tags())
			if i%flushEvery == 0 {
				if err := o.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := o.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/trace")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(edits)), "ns/edit")
}

// BenchmarkMiddle inserts 100,000 elements, each in the middle: bare, without
// anybody who listens; recorded with a listener and a flush each thousand. The
// longest single insert is reported too.
func BenchmarkMiddle(b *testing.B) {
	for _, watched := range []bool{false, true} {
		name := "listeners=0/flushed=false"
		if watched {
			name = "listeners=1/flushed=true"
		}
		b.Run(name, func(b *testing.B) {
			var longest time.Duration
			const n = 100_000
			for b.Loop() {
				b.StopTimer()
				o, err := ThingTable(open(b, "memory").DB).Create(b.Context(), Thing{})
				if err != nil {
					b.Fatal(err)
				}
				if watched {
					o.Watch(func(*destam.Commit) {})
				}
				b.StartTimer()
				a, last := o.Tags(), time.Now()
				for i := range n {
					a.Insert(i/2, "x")
					if watched && i%1000 == 999 {
						if err := o.Flush(b.Context()); err != nil {
							b.Fatal(err)
						}
						last = time.Now()
						continue
					}
					now := time.Now()
					longest, last = max(longest, now.Sub(last)), now
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/insert")
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
		})
	}
}
