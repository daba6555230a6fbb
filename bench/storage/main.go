// Storage measures stores of documents that are logs of small changes: the fs
// driver, bare and with typed documents on it, beside bbolt, Pebble, Badger and
// SQLite (in Go and in C), and beside a bare file that is appended to.
//
//	cd bench/storage && go run . [-dir folder] [-mode commit,load,million] [-only names] [-rounds n]
//
// It needs Linux and a C compiler. All stores are open at the same time and take short turns, so that whatever
// else the machine does hits all alike: what counts are the ratios. The folder
// must be on the disk that is to be measured, and has room for a few gigabytes;
// it is made anew in it and removed at the end.
//
// Every store does its best: those without a group commit of their own get one
// here for the 64 goroutines, SQLite runs with a write-ahead log, a large cache
// and a map of its file. Everything is durable where it says so: what is
// acknowledged survives a power failure (synchronous=FULL, Sync, SyncWrites).
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kind is one way to store documents.
type kind struct {
	name    string
	open    func(dir string) (store, error)
	grouped bool // has no group commit of its own
	raw     bool // appends, and no more
	typed   bool // is destam's public interface
}

var kinds = []kind{
	{name: "raw", open: openRaw, raw: true},
	{name: "fs", open: openFS},
	{name: "typed", open: openTyped, typed: true},
	{name: "bbolt", open: openBolt, grouped: true},
	{name: "pebble", open: openPebble},
	{name: "badger", open: openBadger},
	{name: "sqlite-go", open: openSQLite("sqlite"), grouped: true},
	{name: "sqlite-c", open: openSQLite("sqlite3"), grouped: true},
}

// options are what the command line says.
type options struct {
	dir       string
	rounds    int
	documents int
	kinds     []kind
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("storage: ")
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		child(os.Args[2:])
		return
	}
	var o options
	dir := flag.String("dir", os.TempDir(), "where the stores are written")
	modes := flag.String("mode", "commit,load,million", "what is measured")
	only := flag.String("only", "", "stores that take part, all by default")
	flag.IntVar(&o.rounds, "rounds", 8, "turns of each store")
	flag.IntVar(&o.documents, "documents", 1_000_000, "documents of mode million")
	flag.Parse()
	for _, k := range kinds {
		if *only == "" || slices.Contains(strings.Split(*only, ","), k.name) {
			o.kinds = append(o.kinds, k)
		}
	}
	var err error
	o.dir, err = os.MkdirTemp(*dir, "storage-bench")
	check(err)
	defer os.RemoveAll(o.dir)
	for _, mode := range strings.Split(*modes, ",") {
		switch mode {
		case "commit":
			o.commits()
		case "load":
			o.loads()
		case "million":
			o.million()
		default:
			log.Fatalf("mode %q: there are commit, load and million", mode)
		}
	}
}

// contender is a store that takes part.
type contender struct {
	kind
	dir string
	store
	figures map[string][]float64
}

func (c *contender) note(name string, v float64) { c.figures[name] = append(c.figures[name], v) }

// contenders opens the stores that are wanted, each in a folder of its own.
func (o *options) contenders(part string, wanted func(kind) bool) []*contender {
	var all []*contender
	for _, k := range o.kinds {
		if !wanted(k) {
			continue
		}
		c := &contender{kind: k, dir: filepath.Join(o.dir, part, k.name), figures: make(map[string][]float64)}
		check(os.MkdirAll(c.dir, 0o700))
		var err error
		c.store, err = k.open(c.dir)
		check(err)
		all = append(all, c)
	}
	return all
}

// table prints a row for each store: the median of each figure, in the given
// format; a dash for what it has not.
func table(title string, all []*contender, columns ...column) {
	fmt.Printf("\n%s\n| store |", title)
	for _, c := range columns {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(columns)))
	for _, row := range all {
		fmt.Printf("| %s |", row.name)
		for _, c := range columns {
			if v := row.figures[c.name]; len(v) > 0 {
				fmt.Printf(" "+c.format+" |", median(v))
			} else {
				fmt.Print(" – |")
			}
		}
		fmt.Println()
	}
}

// column is a figure and how it is printed.
type column struct{ name, format string }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}
