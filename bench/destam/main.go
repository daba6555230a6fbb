// Destam measures the workloads of destam, the JavaScript library that this
// toolkit succeeds, on both: documents through their public API with a memory
// store (internal/acceptance/destam_bench_test.go), destam in node
// (destam.mjs). It runs them in turns and prints a table: of each the median
// of all samples and the shortest, in nanoseconds an operation, and how many
// times as long destam takes.
//
//	cd bench && DESTAM=path/to/destam go run ./destam [-n rounds] [-only observe]
//
// DESTAM is a checkout of github.com/Equator-Studios/destam, the folder with
// index.js: what is on npm lacks the helpers of its tests. Without one, or
// without node, the figures of reference.json stand in, which were measured on
// another machine, and the table says so. With -save those of what was run are
// replaced.
//
// Both collect garbage when 16 MiB are new (GOGC=400), which is what node does.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

//go:embed reference.json
var reference []byte

// figures are the median and the shortest sample of each workload.
type figures map[string][2]float64

func main() {
	log.SetFlags(0)
	rounds := flag.Int("n", 1, "how often each side is run")
	save := flag.Bool("save", false, "write destam's figures of what was run to reference.json")
	only := flag.String("only", "", "the beginning, up to a slash, of the names of the workloads that are run; all by default")
	flag.Parse()
	var ours, theirs []figures
	measured := os.Getenv("DESTAM") != ""
	if _, err := exec.LookPath("node"); err != nil {
		measured = false
	}
	for range *rounds {
		ours = append(ours, runOurs(*only))
		if measured {
			theirs = append(theirs, runTheirs(*only))
		}
	}
	before := figures{}
	check(json.Unmarshal(reference, &before))
	if !measured {
		theirs = append(theirs, before)
	}
	a, b := joined(ours), joined(theirs)
	if *save && measured {
		maps.Copy(before, b)
		out, err := json.MarshalIndent(before, "", "\t")
		check(err)
		check(os.WriteFile("destam/reference.json", append(out, '\n'), 0o644))
	}
	report(a, b, measured)
}

// runOurs runs the Go benchmarks.
func runOurs(only string) figures {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^BenchmarkDestam$/^"+only, "-benchtime", "200ms", "./internal/acceptance")
	cmd.Dir, cmd.Stderr = "..", os.Stderr
	cmd.Env = append(os.Environ(), "GOGC=400")
	out, err := cmd.Output()
	if err != nil {
		log.Fatalf("go test: %v\n%s", err, out)
	}
	f := figures{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		name, ok := strings.CutPrefix(lines.Text(), "BenchmarkDestam/")
		if !ok {
			continue
		}
		name = strings.Fields(name)[0]
		if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of processors
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		var x [2]float64
		for i, unit := range []string{"ns/op", "min-ns/op"} {
			at := slices.Index(words, unit)
			if at < 1 {
				log.Fatalf("no %s in %q", unit, lines.Text())
			}
			x[i], err = strconv.ParseFloat(words[at-1], 64)
			check(err)
		}
		f[name] = x
	}
	return f
}

// runTheirs runs destam.
func runTheirs(only string) figures {
	cmd := exec.Command("node", "--expose-gc", "destam/destam.mjs", only)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	check(err)
	f := figures{}
	check(json.Unmarshal(out, &f))
	return f
}

// joined takes the median of the medians of several runs, and the shortest of
// the shortest.
func joined(runs []figures) figures {
	f := figures{}
	for name := range runs[0] {
		var medians, shortest []float64
		for _, r := range runs {
			medians, shortest = append(medians, r[name][0]), append(shortest, r[name][1])
		}
		slices.Sort(medians)
		f[name] = [2]float64{medians[len(medians)/2], slices.Min(shortest)}
	}
	return f
}

func report(ours, theirs figures, measured bool) {
	by := "destam"
	if !measured {
		by = "destam, elsewhere"
		fmt.Println("destam did not run here: its figures are those of reference.json, from another machine.")
	}
	fmt.Printf("| workload | here, median | %s | times | here, best | %s | times |\n|---|---|---|---|---|---|---|\n", by, by)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		a, b := ours[name], theirs[name]
		fmt.Printf("| %s | %.4g | %.4g | %.1f | %.4g | %.4g | %.1f |\n", name, a[0], b[0], b[0]/a[0], a[1], b[1], b[1]/a[1])
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
