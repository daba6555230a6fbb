package run

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestFilter asks filters for what is not there: hardly ever may it be there.
// That they never miss what is there is what every other test sees.
func TestFilter(t *testing.T) {
	const n = 10_000
	disk := vfs.NewMem()
	docs := documents(rand.New(rand.NewPCG(4, 4)), n)
	ref := write(t, disk, "run", docs)
	r, err := Open(disk, "run", ref, testStore, true)
	must(t, err)
	ids, terms := 0, 0
	must(t, r.use(func(x *finder) error {
		for i, d := range docs {
			d.ID[14] = 1 // none has that
			may, err := x.mayHave(d.ID)
			must(t, err)
			if may {
				ids++
			}
			may, err = x.may(x.layout.termFilter, x.termWords, x.seed.hash(fmt.Sprint("slug\x00snobody's ", i)))
			must(t, err)
			if may {
				terms++
			}
		}
		return nil
	}))
	if ids > n/50 || terms > n/50 {
		t.Errorf("of %d ids and as many terms that are not there %d and %d may be", n, ids, terms)
	}
	must(t, r.Close())
}

// TestHeadAlone damages what is behind the head of a long document: its head is
// read without it, and its front is not.
func TestHeadAlone(t *testing.T) {
	section, err := driver.AppendValue(nil, driver.Object{{Name: "owner", Value: "ann"}})
	must(t, err)
	d := &Document{Head: Head{ID: driver.ID{1}, First: 1, Section: section, Standing: driver.Standing{Seq: 1, Life: driver.Alive}}}
	d.Records = []Record{{Commit, 1, []byte("first")}, {Checkpoint, 1, make([]byte, 100_000)}}
	disk := vfs.NewMem()
	ref := write(t, disk, "run", []*Document{d})
	f, err := disk.Open("run")
	must(t, err)
	_, err = f.WriteAt([]byte{1}, 50_000)
	must(t, errors.Join(err, f.Close()))
	for _, mayMap := range []bool{false, true} {
		r, err := Open(disk, "run", ref, testStore, mayMap)
		must(t, err)
		heads, err := r.Find(nil, &Wanted{Terms: []driver.Term{"owner\x00sann"}}, driver.ID{}, 2, false)
		if err != nil || len(heads) != 1 || string(heads[0].Section) != string(section) {
			t.Errorf("map=%v: found %v, %v", mayMap, heads, err)
		}
		var damage *DamageError
		if _, err = r.View(d.ID, false, func(*Frame) error { return nil }); !errors.As(err, &damage) {
			t.Errorf("map=%v: the front is read: %v", mayMap, err)
		}
		must(t, r.Close())
	}
}
