package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

var testStore = [16]byte{1, 2, 3}

// TestHash compares with the test vectors of SipHash's authors.
func TestHash(t *testing.T) {
	var k seed
	var text []byte
	for i := range k {
		k[i] = byte(i)
	}
	want := map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5}
	for n := range 16 {
		if h, ok := want[n]; ok && k.hash(string(text)) != h {
			t.Errorf("%d bytes: %x, want %x", n, k.hash(string(text)), h)
		}
		text = append(text, byte(n))
	}
}

// documents makes documents of every life and shape, ascending by id.
func documents(rng *rand.Rand, n int) []*Document {
	docs := make([]*Document, n)
	for i := range docs {
		d := &Document{Head: Head{First: 1 + rng.Uint64N(3)}}
		binary.BigEndian.PutUint64(d.ID[:], uint64(i/3)+1) // ids that begin alike
		d.ID[15] = byte(i % 3)
		next := d.First
		if i%11 == 5 {
			d.Standing.Life = driver.Purged
			n := rng.Uint64N(4)
			d.Records = append(d.Records, Record{Tries, next, make([]byte, 16*n)})
			d.Records = append(d.Records, Record{Commit, next + n, []byte("purge")})
			d.Standing.Seq = next + n
			docs[i] = d
			continue
		}
		for range 1 + rng.IntN(5) {
			d.Records = append(d.Records, Record{Commit, next, fmt.Appendf(nil, "commit %d of %d", next, i)})
			if rng.IntN(4) == 0 {
				d.Records = append(d.Records, Record{Checkpoint, next, make([]byte, rng.IntN(100))})
			}
			next++
		}
		d.Standing.Seq = next - 1
		section := driver.Object{
			{Name: "owner", Value: fmt.Sprint("owner ", i%7)},
			{Name: "slug", Value: fmt.Sprint("slug ", i)},
		}
		d.Section, _ = driver.AppendValue(nil, section)
		d.Standing.Life = driver.Deleted
		if i%5 != 3 {
			d.Standing.Life = driver.Alive
			d.Standing.Held = driver.Held(section, []string{"slug"})
		}
		docs[i] = d
	}
	return docs
}

// write makes a run of documents.
func write(t testing.TB, f vfs.FS, name string, docs []*Document) Ref {
	t.Helper()
	w, err := Create(f, name, 7, testStore, "notes")
	must(t, err)
	for _, d := range docs {
		must(t, w.Add(d))
	}
	ref, err := w.Finish()
	must(t, err)
	return ref
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each yields all documents, each in memory of its own.
func (r *Run) each(yield func(*Document) error) error {
	for place := int64(First); ; {
		var s Scratch
		next, more, err := r.Next(&s, place)
		if err != nil || !more {
			return err
		}
		if err := yield(&s.Document); err != nil {
			return err
		}
		place = next
	}
}

// check compares everything that a run says with the documents in it.
func check(t testing.TB, r *Run, docs []*Document) {
	t.Helper()
	i := 0
	must(t, r.each(func(d *Document) error {
		if diff := cmp.Diff(docs[i], d); diff != "" {
			t.Fatalf("document %d (-want +got):\n%s", i, diff)
		}
		i++
		return nil
	}))
	if i != len(docs) {
		t.Fatalf("%d documents, want %d", i, len(docs))
	}
	for _, d := range docs {
		h, ok, err := r.Head(d.ID)
		must(t, err)
		if diff := cmp.Diff(d.Head, h); !ok || diff != "" {
			t.Fatalf("head %v %v (-want +got):\n%s", d.ID, ok, diff)
		}
		var front []Record
		_, err = r.View(d.ID, false, func(f *Frame) error {
			return f.Records(func(r Record) error {
				front = append(front, r)
				return nil
			})
		})
		must(t, err)
		if want := len(d.Records) - d.split(); len(front) != want {
			t.Fatalf("%v: %d records in front, want %d", d.ID, len(front), want)
		}
		d.ID[14] = 1
		if ok, err := r.Has(d.ID); ok || err != nil {
			t.Fatalf("%v, which is not there: %v %v", d.ID, ok, err)
		}
		d.ID[14] = 0
	}
	checkFind(t, r, docs)
}

func checkFind(t testing.TB, r *Run, docs []*Document) {
	t.Helper()
	queries := [][]driver.Term{nil, {"owner\x00sowner 3"}, {"nothing\x00b1"}, {"slug\x00sslug 4", "owner\x00sowner 4"}, {"slug\x00sslug 4", "owner\x00sowner 5"}}
	for i := range 10 {
		queries = append(queries, []driver.Term{driver.Term(fmt.Sprint("slug\x00sslug ", i))})
	}
	for _, terms := range queries {
		var want []driver.ID
		for _, d := range docs {
			own := d.Terms()
			if d.Standing.Life == driver.Alive && !slices.ContainsFunc(terms, func(t driver.Term) bool { return !slices.Contains(own, t) }) {
				want = append(want, d.ID)
			}
		}
		for _, page := range []int{1, 3, 1000} {
			var got []driver.ID
			var from driver.ID
			for {
				heads, err := r.Find(nil, &Wanted{Terms: terms}, from, page, false)
				must(t, err)
				for _, h := range heads {
					got = append(got, h.ID)
				}
				if len(heads) < page {
					break
				}
				from = heads[len(heads)-1].ID
				from[15]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q by %d (-want +got):\n%s", terms, page, diff)
			}
		}
	}
	for _, d := range docs {
		for _, term := range d.Standing.Held {
			ids, err := r.Holders(&Wanted{Terms: []driver.Term{term}})
			if err != nil || len(ids) != 1 || ids[0] != d.ID {
				t.Fatalf("%q is held by %v, %v, want %v", term, ids, err, d.ID)
			}
		}
	}
	if ids, err := r.Holders(&Wanted{Terms: []driver.Term{"slug\x00sslug none"}}); len(ids) > 0 || err != nil {
		t.Fatalf("nobody's value: %v, %v", ids, err)
	}
}

// TestRun writes documents and finds them, through memory and through reads.
func TestRun(t *testing.T) {
	for _, n := range []int{0, 1, 2, 30, 1000} {
		for _, mayMap := range []bool{false, true} {
			t.Run(fmt.Sprintf("documents=%d/map=%v", n, mayMap), func(t *testing.T) {
				docs := documents(rand.New(rand.NewPCG(1, uint64(n))), n)
				name := filepath.Join(t.TempDir(), "run")
				ref := write(t, vfs.OS, name, docs)
				r, err := Open(vfs.OS, name, ref, testStore, mayMap)
				must(t, err)
				check(t, r, docs)
				if r.Healed() {
					t.Error("its index is damaged")
				}
				must(t, r.Close())
			})
		}
	}
}

// put makes a file on a disk in memory.
func put(t testing.TB, name string, b []byte) *vfs.Mem {
	disk := vfs.NewMem()
	f, err := disk.Create(name)
	must(t, err)
	_, err = f.WriteAt(b, 0)
	must(t, errors.Join(err, f.Close()))
	return disk
}

// sample is a small run.
func sample(t testing.TB, n int) ([]*Document, Ref, []byte) {
	docs := documents(rand.New(rand.NewPCG(2, 2)), n)
	disk := vfs.NewMem()
	ref := write(t, disk, "run", docs)
	f, err := disk.Open("run")
	must(t, err)
	b, err := vfs.ReadFile(f)
	must(t, errors.Join(err, f.Close()))
	return docs, ref, b
}

// TestFlips flips a bit of every byte of a run. What is behind the frames heals
// itself; before, it is said which file and where.
func TestFlips(t *testing.T) {
	docs, ref, whole := sample(t, 9)
	for off := range whole {
		b := slices.Clone(whole)
		b[off] ^= 1 << (off % 8)
		disk := put(t, "run", b)
		r, err := Open(disk, "run", ref, testStore, true)
		if int64(off) >= ref.Data {
			must(t, err)
			check(t, r, docs)
			if !r.Healed() {
				t.Fatalf("byte %d of the index: nobody saw it", off)
			}
			must(t, r.Close())
			continue
		}
		if err == nil {
			err = errors.Join(r.each(func(*Document) error { return nil }), r.Close())
		}
		var damage *DamageError
		if !errors.As(err, &damage) || damage.File != "run" {
			t.Fatalf("byte %d: %v", off, err)
		}
	}
}

// TestCut cuts a run at every length.
func TestCut(t *testing.T) {
	docs, ref, whole := sample(t, 5)
	for n := range whole {
		disk := put(t, "run", whole[:n])
		r, err := Open(disk, "run", ref, testStore, true)
		if int64(n) < ref.Data {
			if err == nil {
				t.Fatalf("%d bytes of %d: it opens", n, len(whole))
			}
			continue
		}
		must(t, err)
		check(t, r, docs)
		must(t, r.Close())
	}
}

// TestFault cuts the file under a map: reading what is gone is an error and
// not the end of the program.
func TestFault(t *testing.T) {
	docs := documents(rand.New(rand.NewPCG(3, 3)), 5000)
	name := filepath.Join(t.TempDir(), "run")
	ref := write(t, vfs.OS, name, docs)
	for _, mayMap := range []bool{true, false} {
		r, err := Open(vfs.OS, name, ref, testStore, mayMap)
		must(t, err)
		must(t, os.Truncate(name, 4096))
		if _, _, err := r.Head(docs[4000].ID); err == nil {
			t.Error("what is gone was read")
		}
		must(t, r.Close())
		must(t, os.Remove(name))
		ref = write(t, vfs.OS, name, docs)
	}
}

// TestOrder adds documents that do not follow each other.
func TestOrder(t *testing.T) {
	docs := documents(rand.New(rand.NewPCG(2, 2)), 2)
	w, err := Create(vfs.NewMem(), "run", 1, testStore, "notes")
	must(t, err)
	must(t, w.Add(docs[1]))
	if w.Add(docs[0]) == nil || w.Add(docs[1]) == nil {
		t.Error("they are taken")
	}
	must(t, w.Abort())
}

// FuzzOpen opens arbitrary bytes as a run and reads all of it. With the right
// checksums, too, as somebody may write those.
func FuzzOpen(f *testing.F) {
	_, ref, whole := sample(f, 12)
	f.Add(whole, ref.Data, uint16(3), false)
	f.Add(whole, ref.Data, uint16(300), true)
	f.Add(whole[:200], int64(128), uint16(130), true)
	f.Fuzz(func(t *testing.T, b []byte, data int64, at uint16, seal bool) {
		ref := ref
		ref.Data, ref.Size = data, int64(len(b))
		if seal && len(b) > headerSize+frameHeader {
			b = slices.Clone(b)
			b[int(at)%len(b)]++
			sealed(b, ref)
		}
		r, err := Open(put(t, "run", b), "run", ref, testStore, true)
		if err != nil {
			return
		}
		_ = r.each(func(d *Document) error {
			_, _, err := r.Head(d.ID)
			return err
		})
		_, _ = r.Find(nil, &Wanted{}, driver.ID{}, 10, false)
		_, _ = r.Find(nil, &Wanted{Terms: []driver.Term{"owner\x00sowner 3"}}, driver.ID{}, 10, false)
		_, _ = r.Holders(&Wanted{Terms: []driver.Term{"slug\x00sslug 4"}})
		must(t, r.Close())
	})
}

// sealed makes the checksums of the first frames and of the header right.
func sealed(b []byte, ref Ref) {
	le := binary.LittleEndian
	le.PutUint32(b[12:], endSum(b[:headerSize]))
	s := salt(ref.ID)
	for place := headerSize; place+frameHeader < len(b); {
		length, front, err := frameSize(b[place:], int64(len(b)-place))
		if err != nil {
			return
		}
		le.PutUint32(b[place+16:], frontSum(b[place:place+int(front)], int(front), s))
		place += int(length)
	}
}

// BenchmarkHead looks a document up in a million.
func BenchmarkHead(b *testing.B) {
	for _, mayMap := range []bool{true, false} {
		b.Run(fmt.Sprintf("map=%v", mayMap), func(b *testing.B) {
			docs := documents(rand.New(rand.NewPCG(2, 2)), 300_000)
			name := filepath.Join(b.TempDir(), "run")
			ref := write(b, vfs.OS, name, docs)
			r, err := Open(vfs.OS, name, ref, testStore, mayMap)
			must(b, err)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i = (i + 7919) % len(docs)
				if _, ok, err := r.Head(docs[i].ID); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
			must(b, r.Close())
		})
	}
}

// BenchmarkFind looks for one document of many by a unique value.
func BenchmarkFind(b *testing.B) {
	docs := documents(rand.New(rand.NewPCG(2, 2)), 300_000)
	name := filepath.Join(b.TempDir(), "run")
	ref := write(b, vfs.OS, name, docs)
	r, err := Open(vfs.OS, name, ref, testStore, true)
	must(b, err)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919*55) % len(docs) // never a purged one
		_, err := r.Find(nil, &Wanted{Terms: []driver.Term{driver.Term(fmt.Sprint("slug\x00sslug ", i))}}, driver.ID{}, 2, false)
		must(b, err)
	}
	must(b, r.Close())
}
