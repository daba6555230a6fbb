package destam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// cardsText exports a table of cards that have lived.
func cardsText(t testing.TB, history bool) (text string, want []string) {
	t.Helper()
	b, _ := tended(t, memory.Open(nil), 4)
	var out bytes.Buffer
	if _, err := Export(ctx, b.cards, &out, &ExportOptions{History: history}); err != nil {
		t.Fatal(err)
	}
	return out.String(), documentLines(out.String())
}

// documentLines are those of an export that do not depend on when it was made.
func documentLines(text string) (lines []string) {
	for _, line := range strings.Split(text, "\n") {
		if line != "" && !strings.Contains(line, `"destam":`) && !strings.Contains(line, `{"end":`) && !strings.Contains(line, `"kind":"purge"`) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestImportFails lets every call of the store fail once, in every way, while
// cards are imported: it is right or says that it is not, and is so after it
// was begun again.
func TestImportFails(t *testing.T) {
	for _, history := range []bool{false, true} {
		text, want := cardsText(t, history)
		for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
			for _, sticky := range []bool{false, true} {
				failed := 0
				for k := 1; ; k += 1 + k/6 {
					store := memory.Open(&memory.Options{Shared: true})
					f := drivertest.Faults(store.Share(), drivertest.Plan{At: k, How: how, Sticky: sticky, Seed: uint64(k)})
					err := importCards(t, f, text)
					if f.Fired() == 0 {
						if err != nil {
							t.Fatal(err)
						}
						break
					}
					if err != nil {
						failed++
						if err := importCards(t, store.Share(), text); err != nil {
							t.Fatalf("history %v, call %d, %v, begun again: %v", history, k, how, err)
						}
					}
					if got := documentLines(exportOf(t, store.Share(), history)); strings.Join(got, "\n") != strings.Join(want, "\n") {
						t.Fatalf("history %v, call %d, %v, failed with %v: there are %d lines, want %d", history, k, how, err, len(got), len(want))
					}
				}
				if sticky && failed == 0 {
					t.Errorf("history %v, %v: nothing failed", history, how)
				}
			}
		}
	}
}

// TestImportFlippedBits flips bits of exports, one at a time: the line is refused,
// and what was imported before it is what was exported.
func TestImportFlippedBits(t *testing.T) {
	for _, history := range []bool{false, true} {
		text, lines := cardsText(t, history)
		want := make(map[string]bool)
		for _, line := range lines {
			want[line] = true
			if strings.Contains(line, `"versions":`) { // of a document of which less is imported the line is another
				want[line[:36]] = true
			}
		}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		for range 400 {
			at, bit := r.IntN(len(text)-1), r.IntN(8) // the last line may lack its end
			bad := []byte(text)
			bad[at] ^= 1 << bit
			store := memory.Open(&memory.Options{Shared: true})
			err := importCards(t, store.Share(), string(bad))
			line := (*LineError)(nil)
			if !errors.As(err, &line) {
				t.Fatalf("history %v, bit %d of byte %d, %q: %v", history, bit, at, text[at], err)
			}
			if n := 1 + strings.Count(text[:at], "\n"); line.Line != n && line.Line != n+1 {
				t.Errorf("history %v, byte %d is in line %d: %v", history, at, n, err)
			}
			for _, got := range documentLines(exportOf(t, store.Share(), history)) {
				if !want[got] && !(history && strings.Contains(got, `"versions":`) && want[got[:36]]) {
					t.Fatalf("history %v, bit %d of byte %d: imported %s", history, bit, at, got)
				}
			}
		}
	}
}

// importCards imports into a store through a database of its own.
func importCards(t *testing.T, d driver.Driver, text string) error {
	t.Helper()
	opts := &Options{OnError: func(error) {}}
	opts.tuning.backoff = time.Microsecond
	db, err := Open(ctx, d, opts)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	_, err = Import(ctx, CardTable(db), strings.NewReader(text), nil)
	return err
}

func exportOf(t *testing.T, d driver.Driver, history bool) string {
	t.Helper()
	db, err := Open(ctx, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	var out bytes.Buffer
	if _, err := Export(ctx, CardTable(db), &out, &ExportOptions{History: history}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sink is a store that forgets what it is given.
type sink struct{ driver.Driver }

func (sink) Append(_ context.Context, batch []driver.Commit) []driver.Result {
	return make([]driver.Result, len(batch))
}

// inUse is how much is in use after a collection.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// watching measures the heap every four MiB that pass.
type watching struct {
	t        *testing.T
	from     int64
	bytes, n int
	most     int64
}

func (w *watching) pass(n int) {
	if w.bytes += n; w.bytes/(4<<20) > w.n {
		w.n++
		w.most = max(w.most, inUse()-w.from)
	}
}

func (w *watching) Write(p []byte) (int, error) {
	w.pass(len(p))
	return len(p), nil
}

// made is a reader of n lines that are made when they are read.
type made struct {
	*watching
	n, next int
	rest    []byte
	line    func(i int) string
}

func (m *made) Read(p []byte) (int, error) {
	for len(m.rest) == 0 {
		if m.next > m.n {
			return 0, io.EOF
		}
		m.rest = []byte(m.line(m.next) + "\n")
		m.next++
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	m.pass(n)
	return n, nil
}

// TestBulkMemory exports and imports far more than it takes memory.
func TestBulkMemory(t *testing.T) {
	const documents, bound = 2500, 8 << 20
	title := strings.Repeat("long ", 2000) // 25 MB of them
	line := func(i int) string {
		switch i {
		case 0:
			return `{"destam":"export","format":1,"table":"cards"}`
		case documents + 1:
			return `{"end":{}}`
		}
		return fmt.Sprintf(`{"document":{"title":"%s"}}`, title)
	}
	into := open(t, sink{memory.Open(nil)}, nil)
	w := &watching{t: t, from: inUse()}
	at, err := Import(ctx, into.cards, &made{watching: w, n: documents + 1, line: line}, nil)
	if err != nil || at.Documents != documents {
		t.Fatalf("%+v, %v", at, err)
	}
	if w.n < 5 || w.most > bound {
		t.Errorf("import took %d bytes more at most, looked at %d times", w.most, w.n)
	}
	full := open(t, memory.Open(nil), nil)
	if _, err := Import(ctx, full.cards, &made{watching: &watching{t: t}, n: documents + 1, line: line}, nil); err != nil {
		t.Fatal(err)
	}
	for _, history := range []bool{false, true} {
		w := &watching{t: t, from: inUse()}
		if _, err := Export(ctx, full.cards, w, &ExportOptions{History: history}); err != nil {
			t.Fatal(err)
		}
		if w.n < 5 || w.most > bound {
			t.Errorf("export, history %v, took %d bytes more at most, looked at %d times", history, w.most, w.n)
		}
	}
}

// TestImportSeen tells those who watch of what is imported: live queries, and
// documents that somebody has.
func TestImportSeen(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		text, _ := cardsText(t, true)
		b := open(t, d, nil)
		live, err := b.cards.Live(ctx, CardWhere.Owner().Is("ann"))
		if err != nil {
			t.Fatal(err)
		}
		defer live.Close()
		cut := strings.Index(text, `{"version":9,`)
		if _, err := Import(ctx, b.cards, strings.NewReader(text[:cut]), nil); err == nil {
			t.Fatal("an export without an end was imported")
		}
		ids := b.ids()
		if len(ids) != 1 {
			t.Fatalf("%d documents", len(ids))
		}
		first, err := b.cards.Get(ctx, ids[0]) // it has eight versions
		if err != nil || first.Version() != 8 {
			t.Fatalf("version %d, %v", first.Version(), err)
		}
		if _, err := Import(ctx, b.cards, strings.NewReader(text), nil); err != nil {
			t.Fatal(err)
		}
		if live.Len() != len(b.ids(CardWhere.Owner().Is("ann"))) || live.Len() != 4 {
			t.Errorf("the live query has %d, queries find %d", live.Len(), len(b.ids(CardWhere.Owner().Is("ann"))))
		}
		first.SetTitle("on it goes")
		if err := first.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if versions, _ := d.Head(ctx, "cards", first.ID()); versions.Seq != first.Version() || first.Version() < 10 {
			t.Errorf("version %d here, %d in the store", first.Version(), versions.Seq)
		}
	})
}
