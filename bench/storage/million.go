package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// childCommand makes this program one that does one thing with one store.
const childCommand = "child"

// owned is how many documents have one owner.
const owned = 100

// opened is what a child tells.
type opened struct{ Open, First, Resident, Own float64 }

// million measures stores of many documents of one record each, that are found
// by a value of their own and by one that a hundred share: how long a new
// process takes to open them, after a close and after a kill, what it needs,
// and how long a look-up takes.
func (o *options) million() {
	var all []*contender
	for _, k := range o.kinds {
		if k.raw || k.typed {
			continue
		}
		c := &contender{kind: k, dir: filepath.Join(o.dir, "million", k.name), figures: make(map[string][]float64)}
		o.build(c)
		all = append(all, c)
	}
	for range max(o.rounds/4, 1) {
		for _, c := range all {
			o.reopen(c)
		}
	}
	all = o.finds(all)
	table(fmt.Sprintf("%d documents of one record, found by two fields", o.documents), all,
		column{"closed ms", "%.2f"}, column{"killed ms", "%.0f"}, column{"first load µs", "%.0f"},
		column{"resident MiB", "%.0f"}, column{"of its own MiB", "%.0f"},
		column{"1 hit µs", "%.2f"}, column{"100 hits µs", "%.0f"}, column{"load µs", "%.2f"},
		column{"bytes a document", "%.0f"}, column{"build s", "%.0f"})
}

func killed(dir string) string { return dir + "-killed" }

// build makes a store in a process that ends without a close, and closes a
// copy of it.
func (o *options) build(c *contender) {
	start := time.Now()
	o.run(c.name, killed(c.dir), "build")
	check(os.CopyFS(c.dir, os.DirFS(killed(c.dir))))
	o.run(c.name, c.dir, "close")
	c.note("build s", time.Since(start).Seconds())
	c.note("bytes a document", float64(diskBytes(c.dir))/float64(o.documents))
}

// reopen opens a store in new processes.
func (o *options) reopen(c *contender) {
	var closed, dead opened
	check(json.Unmarshal(o.run(c.name, c.dir, "open"), &closed))
	c.note("closed ms", closed.Open)
	c.note("first load µs", closed.First)
	c.note("resident MiB", closed.Resident)
	c.note("of its own MiB", closed.Own)
	again := c.dir + "-again" // as opening changes it
	check(os.CopyFS(again, os.DirFS(killed(c.dir))))
	check(json.Unmarshal(o.run(c.name, again, "open"), &dead))
	c.note("killed ms", dead.Open)
	check(os.RemoveAll(again))
}

func (o *options) run(name, dir, what string) []byte {
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self, childCommand, name, dir, what, strconv.Itoa(o.documents))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	check(err)
	return out
}

// child does what it is told with a store, and ends without closing it unless
// that is what it is told.
func child(args []string) {
	name, dir, what := args[0], args[1], args[2]
	documents, err := strconv.Atoi(args[3])
	check(err)
	check(os.MkdirAll(dir, 0o700))
	var k kind
	for _, each := range kinds {
		if each.name == name {
			k = each
		}
	}
	start := time.Now()
	s, err := k.open(dir)
	check(err)
	var o opened
	o.Open = float64(time.Since(start).Nanoseconds()) / 1e6
	switch what {
	case "build":
		for from := 0; from < documents; from += together {
			check(s.Put(batch(from, min(from+together, documents), documents)))
		}
	case "close":
		check(s.Close())
	case "open":
		get := func() {
			_, err := s.Load(rand.Uint64N(uint64(documents)), func([]byte) {})
			check(err)
		}
		start = time.Now()
		get()
		o.First = float64(time.Since(start).Nanoseconds()) / 1e3
		for range 100 {
			get()
			_, err := s.Find("slug", slug(rand.IntN(documents)), func([]byte) {})
			check(err)
		}
		o.Resident, o.Own = memory("VmRSS:"), memory("RssAnon:")
		check(json.NewEncoder(os.Stdout).Encode(o))
	}
	os.Exit(0)
}

func slug(i int) string {
	return fmt.Sprintf("user%07d@example.com with a name as long as they are, at last", i)
}

func owner(i int) string { return fmt.Sprintf("group%06d", i) }

// batch is documents from one to before another; neighbours in time are none
// in value.
func batch(from, to, documents int) []found {
	ds := make([]found, 0, to-from)
	for i := from; i < to; i++ {
		at := i * 7919 % documents
		ds = append(ds, found{doc: uint64(i), slug: slug(at), owner: owner(at % max(documents/owned, 1)), body: body()})
	}
	return ds
}

// finds looks for documents in turns. Typed documents are looked for in a copy
// of what fs has, and are one more row.
func (o *options) finds(all []*contender) []*contender {
	for _, k := range o.kinds {
		for _, c := range all {
			if k.typed && c.name == "fs" {
				t := &contender{kind: k, dir: c.dir + "-typed", figures: make(map[string][]float64)}
				check(os.CopyFS(t.dir, os.DirFS(c.dir)))
				all = append(all, t)
			}
		}
	}
	for _, c := range all {
		var err error
		c.store, err = c.open(c.dir)
		check(err)
	}
	for range o.rounds {
		for _, i := range rand.Perm(len(all)) {
			c := all[i]
			find := func(field string, n, hits int, value func() string) float64 {
				start := time.Now()
				for range n {
					got, err := c.Find(field, value(), func([]byte) {})
					check(err)
					if got != hits {
						check(fmt.Errorf("%s found %d documents, not %d", c.name, got, hits))
					}
				}
				return float64(time.Since(start).Nanoseconds()) / 1000 / float64(n)
			}
			one := func() string { return slug(rand.IntN(o.documents)) }
			many := func() string { return owner(rand.IntN(max(o.documents/owned, 1))) }
			find("slug", 500, 1, one)
			c.note("1 hit µs", find("slug", 2000, 1, one))
			c.note("100 hits µs", find("owner", 200, min(owned, o.documents), many))
			if c.typed {
				continue
			}
			start := time.Now()
			for range 2000 {
				_, err := c.Load(rand.Uint64N(uint64(o.documents)), func([]byte) {})
				check(err)
			}
			c.note("load µs", float64(time.Since(start).Nanoseconds())/1000/2000)
		}
	}
	for _, c := range all {
		check(c.Close())
	}
	return all
}
