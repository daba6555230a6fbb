package driver_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
)

// headOf is what HeadIn shall read.
func headOf(c *driver.Commit) driver.Head {
	return driver.Head{ID: c.ID, Seq: c.Seq, Section: c.Section, Held: c.Held, Deleted: c.Kind == driver.KindDelete}
}

func TestHeadIn(t *testing.T) {
	for name, c := range golden() {
		b := driver.AppendCommit(nil, &c)
		h, err := driver.HeadIn(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := driver.DecodeCommit(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(headOf(&want), h); diff != "" {
			t.Errorf("%s (-DecodeCommit +HeadIn)\n%s", name, diff)
		}
		if section, err := driver.SectionIn(b); err != nil || !bytes.Equal(section, h.Section) {
			t.Errorf("%s: SectionIn gave %x, %v", name, section, err)
		}
		_ = append(h.Section, 0xc1) // must not reach into b
		if again, _ := driver.DecodeCommit(b); !bytes.Equal(driver.AppendCommit(nil, &again), b) {
			t.Errorf("%s: the commit changed", name)
		}
		for n := range b {
			if _, err := driver.HeadIn(b[:n]); err == nil {
				t.Errorf("%s: cut at %d it is a head", name, n)
			}
		}
		if _, err := driver.HeadIn(append(b, 0)); err == nil {
			t.Errorf("%s: a byte too many is no error", name)
		}
	}
}

// FuzzHeadIn holds that what DecodeCommit reads is read alike, and what it
// refuses as damaged in the parts that HeadIn reads is no panic.
func FuzzHeadIn(f *testing.F) {
	for _, c := range golden() {
		f.Add(driver.AppendCommit(nil, &c))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := driver.HeadIn(b)
		if section, err2 := driver.SectionIn(b); err == nil && (err2 != nil || !bytes.Equal(section, h.Section)) {
			t.Fatalf("SectionIn gave %x, %v", section, err2)
		}
		c, wrong := driver.DecodeCommit(b)
		if wrong != nil {
			return // HeadIn looks at less
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(headOf(&c), h); diff != "" {
			t.Fatalf("(-DecodeCommit +HeadIn)\n%s", diff)
		}
	})
}
