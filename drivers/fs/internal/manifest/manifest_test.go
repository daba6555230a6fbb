package manifest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

var store = [16]byte{1, 2}

var sample = Manifest{
	Number: 3, Sealed: 50, Next: 9,
	Tables: []Table{
		{Schema: driver.Schema{Table: "empty"}},
		{
			Schema:   driver.Schema{Table: "notes", Unique: []string{"odd \"name\"\n", "slug"}, Revision: 7},
			Existing: 4, Alive: 3, Commits: 20,
			Runs: []run.Ref{
				{Number: 4, ID: 1 << 63, Table: "notes", Data: 1000, Size: 2000, Counts: run.Counts{Documents: 3, Commits: 12, Alive: 2, Purges: 1}},
				{Number: 8, ID: 5, Table: "notes", Data: 100, Size: 200, Counts: run.Counts{Documents: 2, Commits: 8, Alive: 1}},
			},
		},
	},
	Gone: []Gone{{"journal/0000000001.log", 1795388530}, {"runs/0000000001.run", 1795388530}},
}

func TestManifest(t *testing.T) {
	for _, want := range []Manifest{sample, {Number: 1}} {
		b := want.Encode(store)
		got, err := Decode(b, "file", store)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		for i := range b {
			flipped := slices.Clone(b)
			flipped[i] ^= 1
			if _, err := Decode(flipped, "file", store); err == nil {
				t.Errorf("byte %d changed, and nobody saw it", i)
			}
			if _, err := Decode(b[:i], "file", store); err == nil {
				t.Errorf("%d bytes of it are whole", i)
			}
		}
		if _, err := Decode(b, "file", [16]byte{9}); err == nil {
			t.Error("the manifest of another store is taken")
		}
	}
}

func all(run.Ref) bool { return true }

// TestLoad takes the highest manifest that is whole and complete.
func TestLoad(t *testing.T) {
	disk := vfs.NewMem()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(vfs.MkdirAll(disk, "/store"))
	if m, numbers, err := Load(disk, "/store", store, all); err != nil || m.Number != 0 || len(numbers) > 0 {
		t.Errorf("of nothing: %+v, %v, %v", m, numbers, err)
	}
	for n := uint64(1); n <= 3; n++ {
		m := sample
		m.Number = n
		must(m.Write(disk, "/store", store))
	}
	want := func(number uint64, disk *vfs.Mem) {
		t.Helper()
		m, numbers, err := Load(disk, "/store", store, all)
		if err != nil || m.Number != number || !slices.Equal(numbers, []uint64{1, 2, 3}) {
			t.Errorf("number %d of %v, %v, want %d", m.Number, numbers, err, number)
		}
	}
	want(3, disk.Cut(vfs.Cut{Pick: vfs.Drop}))
	calls := 0
	first := func(run.Ref) bool { calls++; return calls > 1 }
	if m, _, err := Load(disk, "/store", store, first); err != nil || m.Number != 2 {
		t.Errorf("without a run of the highest: %d, %v", m.Number, err)
	}
	none := func(run.Ref) bool { return false }
	if m, _, err := Load(disk, "/store", store, none); err != nil || m.Number != 3 {
		t.Errorf("without runs: %d, %v", m.Number, err)
	}
	spoil := func(n uint64) {
		f, err := disk.Open("/store/" + FileName(n))
		must(err)
		_, err = f.WriteAt([]byte("x"), 30)
		must(errors.Join(err, f.Close()))
	}
	spoil(3)
	want(2, disk)
	spoil(1)
	spoil(2)
	var damage *run.DamageError
	if _, _, err := Load(disk, "/store", store, all); !errors.As(err, &damage) {
		t.Errorf("of damaged ones: %v", err)
	}
}

// TestNewer refuses the manifest of a newer version by name.
func TestNewer(t *testing.T) {
	b := []byte("destam manifest\nformat 2\nwhat\never\nit\nsays\n")
	b = append(b, "check "...)
	b = append(b[:len(b)-6], []byte("check ")...)
	sum := checksum(b[:len(b)-6])
	const hex = "0123456789abcdef"
	for i := 7; i >= 0; i-- {
		b = append(b, hex[sum>>(4*i)&15])
	}
	b = append(b, '\n')
	var newer *FormatError
	if _, err := Decode(b, "file", store); !errors.As(err, &newer) || newer.Version != 2 {
		t.Errorf("%v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample.Encode(store), true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			m := Manifest{}
			_ = m.line(string(b))
			return
		}
		m, err := Decode(b, "file", store)
		if err == nil && string(m.Encode(store)) != string(b) {
			t.Error("it says something else")
		}
	})
}
