// Generate measures how long generators take, in one run on one machine:
// destamgen, msgp, stringer and ent, each for its own form of the same structs.
// It prints the medians, wall and CPU time, of
//
//	cold       with an empty build cache, and nothing generated yet
//	full       with nothing generated yet
//	unchanged  with everything generated
//	edited     after a field was added, beside output that is stale
//
// and how many lines came of it. The generators are built before; the go
// command's own start is in the times of those that run it.
//
//	cd bench && go run ./generate [-n runs] [-structs 100] [-entities 20]
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/destam-go/destamgen/bench/models"
)

// generator is one column of what is compared.
// A cold run is measured at most twice, as it compiles the standard library.
type generator struct {
	name string
	args []string          // the tool and its arguments
	in   map[string]string // the files of its package, by name
	edit [2]string         // in all of them, once: this becomes that
	out  func(name string) bool
	runs int
}

func main() {
	log.SetFlags(0)
	runs := flag.Int("n", 5, "how often each step is measured; of ent every other")
	structs := flag.Int("structs", 100, "how many structs there are")
	entities := flag.Int("entities", 20, "how many entities there are for ent, 0 for none; a hundred take minutes")
	flag.Parse()
	dir, err := os.MkdirTemp("", "generate")
	check(err)
	defer os.RemoveAll(dir)
	tools := filepath.Join(dir, "tools")
	for tool, path := range map[string]string{
		"msgp": "github.com/tinylib/msgp", "stringer": "golang.org/x/tools/cmd/stringer", "ent": "entgo.io/ent/cmd/ent",
	} {
		run(".", nil, "go", "build", "-o", filepath.Join(tools, tool), path)
	}
	run("..", nil, "go", "build", "-o", filepath.Join(tools, "destamgen"), "./cmd/destamgen")
	module := filepath.Join(dir, "m")
	mod, err := os.ReadFile("go.mod")
	check(err)
	sum, err := os.ReadFile("go.sum")
	check(err)
	write(filepath.Join(module, "go.mod"), string(bytes.Replace(mod, []byte("module github.com/destam-go/destamgen/bench"), []byte("module example.com/generate"), 1)))
	write(filepath.Join(module, "go.sum"), string(sum))

	fmt.Printf("%-34s %15s %15s %15s %15s %8s\n", "seconds, wall / CPU", "cold", "full", "unchanged", "edited", "lines")
	for _, g := range generators(*runs, *structs, *entities) {
		g.measure(module, tools)
	}
}

// generators gives what is compared.
func generators(runs, structs, entities int) []generator {
	field := [2]string{"Age int `", "More int `destam:\"more\" msg:\"more\"`\n\tAge int `"}
	gs := []generator{}
	for _, tables := range []bool{false, true} {
		with := ""
		if tables {
			with = ", with tables"
		}
		gs = append(gs,
			generator{
				name: fmt.Sprintf("destamgen, %d structs%s", structs, with), args: []string{"destamgen"}, runs: runs,
				in: map[string]string{"docs.go": models.Structs(structs, "destam", tables)}, edit: field,
				out: func(name string) bool { return strings.HasSuffix(name, "_destam.go") || name == "destam.lock" },
			},
			generator{
				name: fmt.Sprintf("msgp, %d structs%s", structs, with), args: []string{"msgp", "-file", "docs.go", "-tests=false"}, runs: runs,
				in: map[string]string{"docs.go": models.Structs(structs, "msg", tables)}, edit: field,
				out: func(name string) bool { return name == "docs_gen.go" },
			})
	}
	gs = append(gs, generator{
		name: fmt.Sprintf("stringer, %d constants", structs), args: []string{"stringer", "-type=Kind"}, runs: runs,
		in:   map[string]string{"kind.go": models.Constants(structs), "docs.go": models.Structs(structs, "msg", false)},
		edit: [2]string{"\tKind001\n", "\tKindMore\n\tKind001\n"},
		out:  func(name string) bool { return name == "kind_string.go" },
	})
	if entities > 0 {
		in := map[string]string{}
		for i := range entities {
			in[fmt.Sprintf("ent/schema/doc%03d.go", i)] = models.Entity(i, entities)
		}
		gs = append(gs, generator{
			name: fmt.Sprintf("ent, %d entities", entities), args: []string{"ent", "generate", "./ent/schema"}, runs: (runs + 1) / 2,
			in: in, edit: [2]string{"\t\tfield.Int(\"age\"),\n", "\t\tfield.Int(\"age\"),\n\t\tfield.Int(\"more\"),\n"},
			out: func(name string) bool {
				return strings.HasPrefix(name, "ent/") && !strings.HasPrefix(name, "ent/schema/")
			},
		})
	}
	return gs
}

// measure takes the times of one generator and prints its line.
func (g generator) measure(module, tools string) {
	dir := filepath.Join(module, strings.NewReplacer(" ", "", ",", "").Replace(g.name))
	args := slices.Concat([]string{filepath.Join(tools, g.args[0])}, g.args[1:])
	env := append(os.Environ(), "GOFLAGS=-mod=mod")
	var cold, full, unchanged, edited []took
	for range g.runs {
		g.clear(dir)
		g.write(dir)
		if len(cold) < 2 { // the dearest by far, and the steadiest
			cache, err := os.MkdirTemp("", "cache")
			check(err)
			cold = append(cold, run(dir, append(env, "GOCACHE="+cache), args...))
			check(os.RemoveAll(cache))
			g.clear(dir)
		}
		full = append(full, run(dir, env, args...))
		unchanged = append(unchanged, run(dir, env, args...))
		g.edited().write(dir)
		edited = append(edited, run(dir, env, args...))
	}
	fmt.Printf("%-34s %15v %15v %15v %15v %8d\n", g.name, median(cold), median(full), median(unchanged), median(edited), g.lines(dir))
}

func (g generator) write(dir string) {
	for name, text := range g.in {
		write(filepath.Join(dir, name), text)
	}
}

// edited gives the generator with one edit of its input.
func (g generator) edited() generator {
	in := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.in)) {
		after := strings.Replace(g.in[name], g.edit[0], g.edit[1], 1)
		if in[name] = after; after != g.in[name] {
			break
		}
	}
	g.in = in
	return g
}

// outputs gives the generated files below dir.
func (g generator) outputs(dir string) (paths []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name, err := filepath.Rel(dir, path); err == nil && g.out(filepath.ToSlash(name)) {
			paths = append(paths, path)
		}
		return nil
	})
	if !os.IsNotExist(err) {
		check(err)
	}
	return paths
}

// clear takes away what was generated.
func (g generator) clear(dir string) {
	for _, path := range g.outputs(dir) {
		check(os.Remove(path))
	}
}

// lines counts those of Go.
func (g generator) lines(dir string) (n int) {
	for _, path := range g.outputs(dir) {
		if filepath.Ext(path) != ".go" {
			continue
		}
		text, err := os.ReadFile(path)
		check(err)
		n += bytes.Count(text, []byte("\n"))
	}
	return n
}

// took is how long a command took.
type took struct{ wall, cpu time.Duration }

func (t took) String() string { return fmt.Sprintf("%.3f / %.3f", t.wall.Seconds(), t.cpu.Seconds()) }

func run(dir string, env []string, args ...string) took {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return took{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// median gives that of the wall times and that of the CPU times.
func median(ts []took) took {
	var wall, cpu []time.Duration
	for _, t := range ts {
		wall, cpu = append(wall, t.wall), append(cpu, t.cpu)
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	return took{wall[len(wall)/2], cpu[len(cpu)/2]}
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
