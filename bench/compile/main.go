// Compile measures what generated code costs the compiler, beside msgp's for
// the same structs: 100 structs of ten fields, without and with a table and a
// query section each. It writes both packages to a temporary folder, builds
// them in turns after touching them, and prints the medians of the CPU time of
// go build, and how long the generators took. What a table costs is what the
// package takes more than without the types and functions of its tables, with
// the same documents.
//
//	cd bench && go run ./compile [-n runs]
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/destam-go/destamgen/bench/models"
)

const structs = 100

func main() {
	log.SetFlags(0)
	runs := flag.Int("n", 5, "how often each package is built")
	flag.Parse()
	dir, err := os.MkdirTemp("", "compile")
	check(err)
	defer os.RemoveAll(dir)
	repo, err := filepath.Abs("..")
	check(err)
	generator, peer := filepath.Join(dir, "destamgen"), filepath.Join(dir, "msgp")
	run("..", "go", "build", "-o", generator, "./cmd/destamgen")
	run(".", "go", "build", "-o", peer, "github.com/tinylib/msgp")

	// Each module requires what this one does, so that nothing is resolved
	// while it is built.
	gomod := "module example.com/compile\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/destam-go/destamgen v0.0.0\n" +
		"\tgithub.com/tinylib/msgp v1.6.5\n)\n\nreplace github.com/destam-go/destamgen => " + repo + "\n"
	write(filepath.Join(dir, "m", "go.mod"), gomod)
	for _, tables := range []bool{false, true} {
		name := fmt.Sprintf("tables=%v", tables)
		ours, theirs := filepath.Join(dir, "m", "ours"+name[7:]), filepath.Join(dir, "m", "theirs"+name[7:])
		write(filepath.Join(ours, "docs.go"), models.Structs(structs, "destam", tables))
		write(filepath.Join(theirs, "docs.go"), models.Structs(structs, "msg", tables))
		full := timed(ours, generator)
		same := timed(ours, generator)
		peers := timed(theirs, peer, "-file", "docs.go", "-tests=false")
		run(filepath.Join(dir, "m"), "go", "mod", "tidy")
		fmt.Printf("Generate/%s/by=destamgen: %v full, %v unchanged, %d lines\n", name, full, same, lines(ours, "docs_destam.go"))
		fmt.Printf("Generate/%s/by=msgp: %v full, %d lines\n", name, peers, lines(theirs, "docs_gen.go"))
		bare := filepath.Join(dir, "m", "bare"+name[7:])
		if tables {
			leaveTablesOut(ours, bare)
		}
		var a, b, c []time.Duration
		for range *runs + 1 { // the first builds what they import
			a, b = append(a, build(ours)), append(b, build(theirs))
			if tables {
				c = append(c, build(bare))
			}
		}
		x, y := median(a[1:]), median(b[1:])
		fmt.Printf("Compile/%s/by=destamgen: %v CPU\nCompile/%s/by=msgp: %v CPU\nratio %.2f\n", name, x, name, y, float64(x)/float64(y))
		if tables {
			fmt.Printf("Compile/a-table: %v CPU\n", (x-median(c[1:]))/structs)
		}
	}
}

// leaveTablesOut copies a package without the types of its tables and the
// functions that give them.
func leaveTablesOut(from, to string) {
	tables := regexp.MustCompile(`(?s)// ODoc\d+Table is the type.*?(// Doc\d+Where is)`)
	for _, name := range []string{"docs.go", "docs_destam.go"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		check(err)
		found := len(tables.FindAll(text, -1))
		if name == "docs_destam.go" && found != structs {
			log.Fatalf("%d tables were found in %s, and there are %d", found, name, structs)
		}
		write(filepath.Join(to, name), string(tables.ReplaceAll(text, []byte("$1"))))
	}
}

// build touches a package and gives the CPU time of building it.
func build(dir string) time.Duration {
	f, err := os.OpenFile(filepath.Join(dir, "docs.go"), os.O_APPEND|os.O_WRONLY, 0)
	check(err)
	fmt.Fprintf(f, "\n// %d\n", time.Now().UnixNano())
	check(f.Close())
	return timed(dir, "go", "build", ".")
}

// timed runs a command and gives its CPU time, that of its children included.
func timed(dir string, args ...string) time.Duration {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Millisecond)
}

func run(dir string, args ...string) { timed(dir, args...) }

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func lines(dir, name string) int {
	data, err := os.ReadFile(filepath.Join(dir, name))
	check(err)
	return bytes.Count(data, []byte("\n"))
}

func write(path, text string) {
	check(os.MkdirAll(filepath.Dir(path), 0o755))
	check(os.WriteFile(path, []byte(text), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
