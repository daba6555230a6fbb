package memory_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestHeap weighs documents that were created, with and without fields to be
// found by: they take at most 100 bytes more than their stored form. With
// DESTAM_LONG=1 there are a million.
func TestHeap(t *testing.T) {
	n := 50_000
	if os.Getenv("DESTAM_LONG") != "" {
		n = 1_000_000
	}
	for _, test := range []struct {
		name    string
		section func(i int) driver.Object
	}{
		{"nothing", func(i int) driver.Object { return nil }},
		{"owner", func(i int) driver.Object {
			return driver.Object{{Name: "owner", Value: fmt.Sprint("owner ", i%100)}}
		}},
		{"name", func(i int) driver.Object { return driver.Object{{Name: "name", Value: fmt.Sprint("name ", i)}} }},
		{"slug", func(i int) driver.Object { return driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", i)}} }},
		{"slug,owner,done", func(i int) driver.Object {
			return driver.Object{
				{Name: "slug", Value: fmt.Sprint("slug ", i)}, {Name: "owner", Value: fmt.Sprint("owner ", i%100)},
				{Name: "done", Value: i%2 == 0},
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := inUse()
			s := memory.Open(nil)
			if err := s.Declare(t.Context(), driver.Schema{Table: "notes", Unique: []string{"slug"}}); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				section := test.section(i)
				b, err := driver.AppendValue(nil, section)
				if err != nil {
					t.Fatal(err)
				}
				c := change(number(i), 1, b)
				c.Body = make([]byte, 20+i*7%90)
				c.Held = driver.Held(section, []string{"slug"})
				if r := s.Append(t.Context(), []driver.Commit{c}); r[0].Err != nil {
					t.Fatal(r[0].Err)
				}
			}
			over := float64(inUse()-before-int64(s.Stats().Bytes)) / float64(n)
			t.Logf("%.1f bytes over the stored form a document", over)
			if over > 100 {
				t.Errorf("%.1f bytes over the stored form a document", over)
			}
			runtime.KeepAlive(s)
		})
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
