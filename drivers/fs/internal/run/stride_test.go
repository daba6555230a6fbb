package run

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// longs makes documents with long histories: with checkpoints and without, one
// of an older sequence than anything else, and one that was purged.
func longs(rng *rand.Rand) []*Document {
	docs := make([]*Document, 6)
	for i := range docs {
		d := &Document{Head: Head{First: 1 + uint64(100*(i%3)), Standing: driver.Standing{Life: driver.Deleted}}}
		d.ID[0] = byte(i + 1)
		next := d.First
		if d.First > 1 {
			d.Records = append(d.Records, Record{Checkpoint, d.First - 50, []byte("late")})
		}
		if i == 5 {
			d.Standing.Life = driver.Purged
			for range 3 {
				d.Records = append(d.Records, Record{Tries, next, make([]byte, 16*1500)})
				next += 1500
			}
			d.Records = append(d.Records, Record{Commit, next, []byte("purge")}, Record{Checkpoint, next, []byte("that nobody needs")})
			next++
		}
		for range []int{5, 900, 2000, 1200, 700, 0}[i] {
			d.Records = append(d.Records, Record{Commit, next, fmt.Appendf(nil, "commit %d %s", next, make([]byte, rng.IntN(200)))})
			if i > 1 && rng.IntN(100) == 0 {
				d.Records = append(d.Records, Record{Checkpoint, next, make([]byte, rng.IntN(30_000))})
			}
			next++
		}
		d.Standing.Seq = next - 1
		docs[i] = d
	}
	return docs
}

func (r Record) equal(o Record) bool {
	return r.Kind == o.Kind && r.Seq == o.Seq && bytes.Equal(r.Body, o.Body)
}

// between gives the records of a range of sequences.
func between(records []Record, from, to uint64) (some []Record) {
	for _, r := range records {
		last := r.Seq
		if r.Kind == Tries {
			last += uint64(len(r.Body)/16) - 1
		}
		if r.Seq <= to && last >= from {
			some = append(some, r)
		}
	}
	return some
}

// readPart gives what Part does, in memory of its own, and how many bytes it read.
func readPart(r *Run, id driver.ID, from, to uint64) (records []Record, n int, err error) {
	_, err = r.Part(id, from, to, func(f *Frame) error {
		n = f.Size()
		return f.Records(func(r Record) error {
			r.Body = slices.Clone(r.Body)
			records = append(records, r)
			return nil
		})
	})
	return records, n, err
}

// TestPart reads parts of long histories, of any range, and no more than these.
func TestPart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	docs := longs(rng)
	disk := vfs.NewMem()
	ref := write(t, disk, "run", docs)
	for _, mayMap := range []bool{false, true} {
		r, err := Open(disk, "run", ref, testStore, mayMap)
		must(t, err)
		i := 0
		must(t, r.each(func(d *Document) error {
			if !slices.EqualFunc(docs[i].Records, d.Records, Record.equal) {
				t.Fatalf("document %d is not what was written", i)
			}
			i++
			return nil
		}))
		for range 400 {
			d := docs[rng.IntN(len(docs))]
			from := 1 + rng.Uint64N(d.Standing.Seq+10)
			to := from + rng.Uint64N(40)
			got, n, err := readPart(r, d.ID, from, to)
			must(t, err)
			want := between(d.Records, from, to)
			if !slices.EqualFunc(want, between(got, from, to), Record.equal) {
				t.Fatalf("%v from %d to %d: %d records are not what was written", d.ID, from, to, len(want))
			}
			most := 3 * strideSize
			for _, r := range slices.Concat(want, d.Records[d.split():]) {
				most += 2 * r.size() // a stride may end with what is large
			}
			if n > most+60_000 {
				t.Fatalf("%v from %d to %d: %d bytes were read", d.ID, from, to, n)
			}
		}
		must(t, r.Close())
	}
}

// TestPartFlips changes bytes of a long history: what is read of it is right, or
// an error, and what does not concern the range does not concern its reader.
func TestPartFlips(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	docs := longs(rng)[2:3]
	disk := vfs.NewMem()
	ref := write(t, disk, "run", docs)
	file, err := disk.Open("run")
	must(t, err)
	whole, err := vfs.ReadFile(file)
	must(t, err)
	d, right, refused, hidden, bare := docs[0], 0, 0, 0, 0
	for range 400 {
		b := slices.Clone(whole)
		b[headerSize+rng.IntN(int(ref.Data)-headerSize)] ^= 1 << rng.IntN(8)
		r, err := Open(put(t, "run", b), "run", ref, testStore, true)
		must(t, err)
		from := d.First + rng.Uint64N(d.Standing.Seq-d.First)
		got, _, err := readPart(r, d.ID, from, from+20)
		damage := (*DamageError)(nil)
		switch {
		case errors.As(err, &damage):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			right++
			if !slices.EqualFunc(between(d.Records, from, from+20), between(got, from, from+20), Record.equal) {
				t.Fatalf("from %d: the records are not what was written", from)
			}
		}
		must(t, r.Close())
		_, pieces := Salvage(b, ref.Data, ref.ID)
		if len(pieces) != 1 {
			t.Fatalf("%d documents are left of one", len(pieces))
		}
		saved := len(pieces[0].Records)
		all := d.Records
		for _, r := range pieces[0].Records {
			i := slices.IndexFunc(all, func(o Record) bool { return o.Kind == r.Kind && bytes.Equal(o.Body, r.Body) })
			if i < 0 {
				t.Fatal("something was saved that was not there")
			}
			all = all[i+1:]
		}
		if pieces[0].Head == nil {
			hidden++
		} else if saved < len(d.Records)*9/10 {
			bare++
		}
	}
	if hidden > 20 || bare > 20 { // the front, and the record of the strides
		t.Errorf("of %d little was saved, and of %d no more than the older records", bare, hidden)
	}
	if right < 200 || refused < 20 {
		t.Errorf("%d were right, %d were refused", right, refused)
	}
}

// TestStrideBytes holds the bytes of strides, which later versions must read: see
// docs/FORMAT.md.
func TestStrideBytes(t *testing.T) {
	d := &Document{Head: Head{First: 3}}
	for seq := range uint64(40) {
		d.Records = append(d.Records, Record{Commit, 3 + seq, bytes.Repeat([]byte{byte(seq)}, 1000)})
	}
	d.Records = append(d.Records, Record{Checkpoint, 42, []byte("content")})
	d.Standing.Seq = 42
	b := d.append(nil, salt(7))
	front := binary.LittleEndian.Uint64(b[8:])
	want := "" +
		"49 04 " + // 73 bytes: kind, three strides, the end
		"0300000000000000 9b42000000000000 31354c6a " + // from commit 3 on, 17,051 bytes, crc
		"1400000000000000 3685000000000000 da9ec0c3 " +
		"2500000000000000 b89c000000000000 ec0ea71d " +
		"2b00000000000000 417fbe48 " + // the front goes on with commit 43
		"e907 01 00 00" // the first commit
	got := fmt.Sprintf("%x", b[front:front+2+72+5])
	if want = strings.ReplaceAll(want, " ", ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
