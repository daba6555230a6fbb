package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// state reads every file of a disk into one line a file.
func state(t *testing.T, m *Mem, dir string) []string {
	t.Helper()
	var out []string
	for _, name := range must[[]string](t)(m.List(dir)) {
		f, err := m.Open(dir + name)
		if err != nil {
			out = append(out, name+"/")
			out = append(out, state(t, m, dir+name+"/")...)
			continue
		}
		b := must[[]byte](t)(ReadFile(f))
		out = append(out, name+" "+sketch(b))
		check(t, f.Close())
	}
	return out
}

// sketch shows the first byte of each sector, zero as a dot.
func sketch(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i += Sector {
		if b[i] == 0 {
			s.WriteByte('.')
		} else {
			s.WriteByte(b[i])
		}
	}
	return s.String()
}

// states cuts the power in every way and gives the distinct disks found.
func states(t *testing.T, m *Mem, c Cut) []string {
	t.Helper()
	var out []string
	for c.Pick = range Every(1 << 12) {
		out = append(out, strings.Join(state(t, m.Cut(c), "/"), ", "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func fill(c byte, sectors int) []byte { return bytes.Repeat([]byte{c}, sectors*Sector) }

func TestCut(t *testing.T) {
	create := func(m *Mem, name string) File { return must[File](t)(m.Create(name)) }
	write := func(f File, c byte, sector, n int) { must[int](t)(f.WriteAt(fill(c, n), int64(sector*Sector))) }
	haunt := func(m *Mem) { // what is there before
		g := create(m, "/g")
		write(g, 'o', 0, 2)
		check(t, g.Sync())
		check(t, m.Remove("/g"))
	}
	tests := []struct {
		name string
		do   func(m *Mem)
		cut  Cut
		want []string
	}{
		{
			name: "a file without a synced entry may be gone with its synced bytes",
			do: func(m *Mem) {
				f := create(m, "/a")
				write(f, 'x', 0, 1)
				check(t, f.Sync())
			},
			want: []string{"", "a x"},
		},
		{
			name: "sectors and size of a file are lost one by one",
			do: func(m *Mem) {
				f := create(m, "/a")
				check(t, m.SyncDir("/"))
				write(f, 'x', 0, 2)
			},
			want: []string{"a ", "a ..", "a .x", "a x.", "a xx"},
		},
		{
			name: "overwriting in place leaves old or new of each sector",
			do: func(m *Mem) {
				f := create(m, "/a")
				write(f, 'x', 0, 2)
				check(t, f.Sync())
				check(t, m.SyncDir("/"))
				write(f, 'y', 0, 2)
				write(f, 'z', 1, 1)
			},
			want: []string{"a xx", "a xy", "a xz", "a yx", "a yy", "a yz"},
		},
		{
			name: "a rename may leave both names or none",
			do: func(m *Mem) {
				create(m, "/a")
				check(t, m.SyncDir("/"))
				check(t, m.Rename("/a", "/b"))
			},
			want: []string{"", "a ", "a , b ", "b "},
		},
		{
			name: "a removed file comes back unless the directory is synced",
			do: func(m *Mem) {
				create(m, "/a")
				create(m, "/b")
				check(t, m.SyncDir("/"))
				check(t, m.Remove("/a"))
				check(t, m.SyncDir("/"))
				check(t, m.Remove("/b"))
			},
			want: []string{"", "b "},
		},
		{
			name: "a directory takes what is synced inside with it",
			do: func(m *Mem) {
				check(t, m.Mkdir("/d"))
				create(m, "/d/a")
				check(t, m.SyncDir("/d"))
			},
			want: []string{"", "d/, a "},
		},
		{
			name: "a failed sync is not healed by the next",
			do: func(m *Mem) {
				f := create(m, "/a")
				check(t, m.SyncDir("/"))
				write(f, '.', 0, 2)
				check(t, f.Sync())
				write(f, 'x', 0, 2)
				m.Before = failing(OpSync)
				if f.Sync() == nil {
					t.Fatal("no error")
				}
				m.Before = nil
				write(f, 'y', 1, 1)
				check(t, f.Sync())
			},
			want: []string{"a .y", "a xy"},
		},
		{
			name: "stale bytes come back where nothing was ever synced",
			do: func(m *Mem) {
				haunt(m)
				f := create(m, "/a")
				write(f, 0, 0, 1)
				check(t, f.Sync())
				check(t, m.SyncDir("/"))
				write(f, 'n', 0, 2)
			},
			cut:  Cut{Stale: true},
			want: []string{"a .", "a ..", "a .n", "a .o", "a n", "a n.", "a nn", "a no"},
		},
		{
			name: "zeros that were synced are as good as any bytes",
			do: func(m *Mem) {
				haunt(m)
				f := create(m, "/a")
				write(f, 0, 0, 2)
				check(t, f.Sync())
				check(t, m.SyncDir("/"))
				write(f, 'n', 0, 1)
			},
			cut:  Cut{Stale: true},
			want: []string{"a ..", "a n."},
		},
		{
			name: "a hollow disk gives stale bytes where only zeros were synced",
			do: func(m *Mem) {
				haunt(m)
				f := create(m, "/a")
				write(f, 0, 0, 1)
				write(f, 'd', 1, 1)
				check(t, f.Sync())
				check(t, m.SyncDir("/"))
				write(f, 'n', 0, 2)
			},
			cut:  Cut{Hollow: true},
			want: []string{"a .d", "a .n", "a nd", "a nn", "a od", "a on"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMem()
			tt.do(m)
			got := states(t, m, tt.cut)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

func failing(kinds ...Kind) func(Op) Fault {
	return func(op Op) Fault {
		if slices.Contains(kinds, op.Kind) {
			return Fault{Err: syscall.EIO}
		}
		return Fault{}
	}
}

// TestDuring writes while a sync runs: the sync must not cover that.
func TestDuring(t *testing.T) {
	m := NewMem()
	f := must[File](t)(m.Create("/a"))
	check(t, m.SyncDir("/"))
	must[int](t)(f.WriteAt(fill('x', 1), 0))
	m.During = func(op Op) {
		if op.Kind == OpSync {
			must[int](t)(f.WriteAt(fill('y', 1), 0))
			must[int](t)(f.WriteAt(fill('y', 1), Sector))
		}
	}
	check(t, f.Sync())
	want := []string{"a x", "a x.", "a xy", "a y", "a y.", "a yy"}
	if got := states(t, m, Cut{}); !cmp.Equal(got, want) {
		t.Errorf("states %q, want %q", got, want)
	}
}

// TestKill kills the process, which loses nothing, and then the power.
func TestKill(t *testing.T) {
	m := NewMem()
	f := must[File](t)(m.Create("/a"))
	check(t, m.SyncDir("/"))
	must[int](t)(f.WriteAt(fill('x', 1), 0))
	k := m.Kill()
	must[int](t)(f.WriteAt(fill('y', 1), 0)) // the clone does not see it
	if got := state(t, k, "/"); !cmp.Equal(got, []string{"a x"}) {
		t.Errorf("after the kill: %q", got)
	}
	if got := states(t, k, Cut{}); !cmp.Equal(got, []string{"a ", "a .", "a x"}) {
		t.Errorf("after the kill and the power failure: %q", got)
	}
}

func TestClonesAreIndependent(t *testing.T) {
	m := NewMem()
	f := must[File](t)(m.Create("/a"))
	must[int](t)(f.WriteAt(fill('x', 3), 0))
	for _, c := range []*Mem{m.Kill(), m.Cut(Cut{Pick: Keep})} {
		g := must[File](t)(c.Open("/a"))
		must[int](t)(g.WriteAt(fill('y', 5), 0))
		check(t, c.Remove("/a"))
	}
	if got := state(t, m, "/"); !cmp.Equal(got, []string{"a xxx"}) {
		t.Errorf("the original became %q", got)
	}
}

func TestFaults(t *testing.T) {
	m := NewMem()
	f := must[File](t)(m.Create("/a"))
	m.Before = func(op Op) Fault { return Fault{Err: syscall.EIO, Short: 700} }
	n, err := f.WriteAt(fill('x', 3), 0)
	if n != 700 || !errors.Is(err, syscall.EIO) {
		t.Errorf("short write gave %d, %v", n, err)
	}
	m.Before = func(op Op) Fault { return Fault{Err: syscall.EIO, Late: true} }
	if err := m.Rename("/a", "/b"); !errors.Is(err, syscall.EIO) {
		t.Errorf("late rename gave %v", err)
	}
	if _, err := m.Create("/c"); !errors.Is(err, syscall.EIO) {
		t.Errorf("late create gave %v", err)
	}
	m.Before = nil
	if got := state(t, m, "/"); !cmp.Equal(got, []string{"b xx", "c "}) {
		t.Errorf("disk has %q", got)
	}
	check(t, f.Close())
	if n := m.OpenFiles(); n != 0 {
		t.Errorf("%d files open", n)
	}
}

func TestCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(3 * Sector)
	f := must[File](t)(m.Create("/a"))
	must[int](t)(f.WriteAt(fill('x', 3), 0))
	if _, err := f.WriteAt(fill('y', 1), 3*Sector); !Full(err) {
		t.Errorf("write beyond the capacity: %v", err)
	}
	must[int](t)(f.WriteAt(fill('y', 3), 0)) // in place there is room
	check(t, m.Remove("/a"))
	g := must[File](t)(m.Create("/b"))
	must[int](t)(g.WriteAt(fill('z', 3), 0))
}

func TestEvery(t *testing.T) {
	var got []string
	for pick := range Every(100) {
		s := ""
		if a := pick(2); a == 0 {
			s = fmt.Sprint("0", pick(3))
		} else {
			s = "1"
		}
		got = append(got, s)
	}
	if want := []string{"00", "01", "02", "1"}; !cmp.Equal(got, want) {
		t.Errorf("combinations %q, want %q", got, want)
	}
	n := 0
	for pick := range Every(5) {
		pick(9)
		n++
	}
	if n != 5 {
		t.Errorf("%d combinations, want the limit of 5", n)
	}
}

// TestPicksAreOrdered cuts the same disk twice with one seed.
func TestPicksAreOrdered(t *testing.T) {
	m := NewMem()
	for i := range 8 {
		f := must[File](t)(m.Create(fmt.Sprintf("/%d", i)))
		must[int](t)(f.WriteAt(fill('x', 4), 0))
	}
	cut := func() []string {
		return state(t, m.Cut(Cut{Pick: Random(rand.New(rand.NewPCG(1, 2)), 0.3), Stale: true}), "/")
	}
	if a, b := cut(), cut(); !cmp.Equal(a, b) {
		t.Errorf("one seed, two disks: %q and %q", a, b)
	}
}

// TestWriteFile cuts the power after each operation of replacing a file: the
// name means the old bytes or the new, or nothing when there were none.
func TestWriteFile(t *testing.T) {
	for _, old := range []bool{false, true} {
		m := NewMem()
		if old {
			check(t, WriteFile(m, "/f", fill('o', 2)))
		}
		n := 0
		m.After = func(op Op) {
			if !op.Kind.Changes() {
				return
			}
			for pick := range Every(1 << 10) {
				n++
				c := m.Cut(Cut{Pick: pick})
				f, err := c.Open("/f")
				if errors.Is(err, fs.ErrNotExist) {
					continue // a disk that loses both names; stores never replace a live file
				}
				check(t, err)
				if got := sketch(must[[]byte](t)(ReadFile(f))); got != "nn" && !(old && got == "oo") {
					t.Fatalf("after %v: %q", op, got)
				}
			}
		}
		check(t, WriteFile(m, "/f", fill('n', 2)))
		m.After = nil
		if got := states(t, m, Cut{}); !cmp.Equal(got, []string{"f nn"}) {
			t.Errorf("in the end %q", got)
		}
		if n < 10 {
			t.Errorf("only %d states", n)
		}
	}
}
