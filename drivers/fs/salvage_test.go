package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
)

// fullDump is dump of all that a store has, of any number of documents.
func fullDump(t *testing.T, d driver.Driver) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for s, err := range d.Tables(background) {
		must(t, err)
		all[s.Table] = fmt.Sprintf("%+v", s)
		for e, err := range d.Documents(background, s.Table, driver.ID{}) {
			must(t, err)
			var b strings.Builder
			fmt.Fprintf(&b, "%d %d %q\n", e.Seq, e.Life, e.Held)
			for c, err := range d.Log(background, s.Table, e.ID, driver.Range{}) {
				must(t, err)
				fmt.Fprintf(&b, "%x\n", driver.AppendCommit(nil, &c))
			}
			for seq := e.Seq; seq > 0; {
				state, err := d.Load(background, s.Table, e.ID, seq)
				if errors.Is(err, driver.ErrNotFound) {
					break
				}
				must(t, err)
				if state.CheckpointSeq == 0 {
					break
				}
				fmt.Fprintf(&b, "checkpoint %d %x\n", state.CheckpointSeq, state.Checkpoint)
				seq = state.CheckpointSeq - 1
			}
			all[e.ID.String()] = b.String()
		}
	}
	return all
}

// salvaged brings what can be read of a folder into a new store.
func salvaged(t *testing.T, dir string) (map[string]string, *Salvaged) {
	t.Helper()
	to := t.TempDir()
	out, err := Salvage(background, dir, to)
	must(t, err)
	s, err := Open(to, nil)
	must(t, err)
	defer s.Close(background)
	if found := damages(t, s); len(found) > 0 {
		t.Fatalf("the new store is damaged: %q", found)
	}
	return fullDump(t, s), out
}

// TestSalvageWhole salvages stores of which nothing is damaged: what comes out
// is the same, byte for byte.
func TestSalvageWhole(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, filepath.Join("testdata", "store-1-"+g.name), dir)
			got, out := salvaged(t, dir)
			s, err := Open(dir, nil)
			must(t, err)
			want := fullDump(t, s)
			must(t, s.Close(background))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(out.Losses) > 0 {
				t.Errorf("lost: %v", out.Losses)
			}
			if out.Documents != len(want)-1 {
				t.Errorf("%d documents, want %d", out.Documents, len(want)-1)
			}
		})
	}
}

// step is how far apart the places are that TestSalvage damages.
const step = 512

// TestSalvage damages each file of a store every 512 bytes: a bit, a sector, the
// end. Whatever was not in what is damaged comes out as it was; of what was, a
// document keeps what comes before, or what a checkpoint keeps; and all that is
// not there any more is named.
func TestSalvage(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			whole := t.TempDir()
			copyTree(t, filepath.Join("testdata", "store-1-"+g.name), whole)
			s, err := Open(whole, nil)
			must(t, err)
			want := fullDump(t, s)
			must(t, s.Close(background))
			from := filepath.Join("testdata", "store-1-"+g.name)
			must(t, filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				name, err := filepath.Rel(from, path)
				must(t, err)
				b, err := os.ReadFile(path)
				must(t, err)
				for off := 0; off < len(b); off += step {
					for what, edit := range map[string]func([]byte) []byte{
						"a bit":    func(b []byte) []byte { b[off+len(b[off:])%7] ^= 32; return b },
						"a sector": func(b []byte) []byte { clear(b[off:min(off+step, len(b))]); return b },
						"the end":  func(b []byte) []byte { return b[:off] },
					} {
						if what == "the end" && off%(4*step) > 0 {
							continue
						}
						hurt(t, from, name, fmt.Sprintf("%s at %d", what, off), edit(slices.Clone(b)), want)
					}
				}
				hurtMissing(t, from, name, want)
				return nil
			}))
		})
	}
}

func hurt(t *testing.T, from, name, what string, b []byte, want map[string]string) {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, from, dir)
	must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	compare(t, dir, name+", "+what, want)
}

func hurtMissing(t *testing.T, from, name string, want map[string]string) {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, from, dir)
	must(t, os.Remove(filepath.Join(dir, name)))
	compare(t, dir, name+", missing", want)
}

// compare salvages a damaged store: each document is as it was, or its loss is
// named and it has kept a beginning, or what a checkpoint says.
func compare(t *testing.T, dir, what string, want map[string]string) {
	t.Helper()
	got, out := salvaged(t, dir)
	unnamed := slices.ContainsFunc(out.Losses, func(l Loss) bool { return l.ID.IsZero() })
	hit := 0
	for id, text := range want {
		if got[id] == text {
			continue
		}
		if id != notes {
			hit++
			beginning(t, what+": "+id, text, got[id], out.Losses)
		}
		named := slices.ContainsFunc(out.Losses, func(l Loss) bool { return l.ID.String() == id || l.Table == id })
		if !named && !unnamed && !opens(t, dir, got) {
			t.Errorf("%s: %s is another, and nobody says so:\n%.60s\n%.60s\n%v", what, id, text, got[id], out.Losses)
		}
	}
	// A batch of these stores is of one document, and so is a frame.
	if most := map[bool]int{true: 1}[strings.Contains(what, "a bit")]; most > 0 && hit > most {
		t.Errorf("%s: %d documents have lost something: %v", what, hit, out.Losses)
	}
	for id := range got {
		if want[id] == "" {
			t.Errorf("%s: %s is new", what, id)
		}
	}
}

// beginning fails unless what is left of a document is a beginning of its
// versions, or what is said to be kept by a checkpoint.
func beginning(t *testing.T, what, want, got string, losses []Loss) {
	t.Helper()
	if slices.ContainsFunc(losses, func(l Loss) bool { return strings.Contains(l.Why, "kept by its checkpoint") }) {
		return
	}
	versions := func(text string) (all []string) {
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "9f") {
				all = append(all, line)
			}
		}
		return all
	}
	w, g := versions(want), versions(got)
	if len(g) > len(w) || !slices.Equal(g, w[:len(g)]) {
		t.Errorf("%s: %d versions are left that are no beginning of %d", what, len(g), len(w))
	}
}

// opens tells whether a folder opens as if nothing were damaged, and shows the
// same: then there is nothing that tells of it.
func opens(t *testing.T, dir string, want map[string]string) bool {
	t.Helper()
	to := t.TempDir()
	copyTree(t, dir, to)
	s, err := Open(to, nil)
	if err != nil {
		return false
	}
	defer s.Close(background)
	return len(damages(t, s)) == 0 && cmp.Equal(want, fullDump(t, s))
}

// TestSalvageBridge loses what is before a checkpoint: the document goes on from
// that, in queries too, and what is lost is named by its versions.
func TestSalvageBridge(t *testing.T) {
	dir := t.TempDir()
	copyTree(t, filepath.Join("testdata", "store-1-sealed"), dir)
	s, err := Open(dir, nil)
	must(t, err)
	var states []driver.State
	for e, err := range s.Documents(background, notes, driver.ID{}) {
		must(t, err)
		if e.Life == driver.Alive {
			state, err := s.Load(background, notes, e.ID, 0)
			must(t, err)
			states = append(states, state)
		}
	}
	ref := s.keeper.manifest.Tables[0].Runs
	must(t, s.Close(background))
	bridged := 0
	for _, r := range ref {
		path := filepath.Join(dir, runName(r.Number))
		whole, err := os.ReadFile(path)
		must(t, err)
		for off := 128; off < int(r.Data); off += 40 {
			b := slices.Clone(whole)
			b[off] ^= 1
			must(t, os.WriteFile(path, b, 0o600))
			to := t.TempDir()
			out, err := Salvage(background, dir, to)
			must(t, err)
			n, err := Open(to, nil)
			must(t, err)
			for _, want := range states {
				i := slices.IndexFunc(out.Losses, func(l Loss) bool { return l.ID == want.ID && strings.Contains(l.Why, "kept by its checkpoint") })
				if i < 0 {
					continue
				}
				bridged++
				got, err := n.Load(background, notes, want.ID, 0)
				must(t, err)
				if got.Seq == want.Seq {
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("byte %d of run %d: %v (-want +got):\n%s", off, r.Number, want.ID, diff)
					}
				}
			}
			must(t, n.Close(background))
		}
		must(t, os.WriteFile(path, whole, 0o600))
	}
	if bridged == 0 {
		t.Error("no document was kept by a checkpoint")
	}
}

// TestSalvageRefused salvages nothing where there is nothing, and into no store.
func TestSalvageRefused(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	copyTree(t, filepath.Join("testdata", "store-1-clean"), from)
	if _, err := Salvage(background, filepath.Join(from, "nowhere"), to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("from nowhere: %v", err)
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	if _, err := Salvage(ended, from, to); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	if _, err := Salvage(background, from, from); err == nil {
		t.Error("a store was made in itself")
	}
	must(t, os.WriteFile(filepath.Join(to, "mine"), nil, 0o600))
	if _, err := Salvage(background, from, to); !errors.Is(err, ErrNoStore) {
		t.Errorf("into a folder of something else: %v", err)
	}
}

// TestDamageSaysWhatToDo damages each file of stores: whatever says that it is
// damaged says what can be done about it.
func TestDamageSaysWhatToDo(t *testing.T) {
	told := 0
	judge := func(what string, err error) {
		if err == nil || !errors.Is(err, ErrDamaged) && !strings.Contains(err.Error(), "damaged") {
			return
		}
		told++
		for _, cure := range []string{"backup", "fs.Salvage"} {
			if !strings.Contains(err.Error(), cure) {
				t.Errorf("%s: no word of %s: %v", what, cure, err)
			}
		}
	}
	for _, g := range goldens {
		whole := filepath.Join("testdata", "store-1-"+g.name)
		must(t, filepath.WalkDir(whole, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			must(t, err)
			name, err := filepath.Rel(whole, path)
			must(t, err)
			for off := 0; off <= len(b); off += 777 {
				dir := t.TempDir()
				copyTree(t, whole, dir)
				if bad := slices.Clone(b); off < len(b) {
					bad[off] ^= 4
					must(t, os.WriteFile(filepath.Join(dir, name), bad, 0o600))
				} else {
					must(t, os.Remove(filepath.Join(dir, name)))
				}
				s, err := Open(dir, nil)
				judge(fmt.Sprintf("%s at %d", name, off), err)
				if err == nil {
					for e, err := range s.Documents(background, notes, driver.ID{}) {
						judge(name, err)
						_, err = s.Load(background, notes, e.ID, 0)
						judge(name, err)
						for _, err := range s.Log(background, notes, e.ID, driver.Range{}) {
							judge(name, err)
						}
					}
					must(t, s.Close(background))
				}
			}
			return nil
		}))
	}
	if told < 10 {
		t.Errorf("only %d errors", told)
	}
}
