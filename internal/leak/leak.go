package leak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

// Main runs the tests of a package, as a [testing.M] does, and ends the process: with an error, too,
// when the tests have left goroutines behind. A run of a fuzz target has one of
// the go command's, which waits for signals, and is not looked at.
func Main(m interface{ Run() int }) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if fuzz := flag.Lookup("test.fuzz"); fuzz != nil && fuzz.Value.String() != "" {
		os.Exit(code)
	}
	if left := after(before, 10*time.Second); left != "" && code == 0 {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

// Benchmarking tells whether benchmarks are run too.
func Benchmarking() bool {
	flag.Parse()
	bench := flag.Lookup("test.bench")
	return bench != nil && bench.Value.String() != ""
}

// after waits for goroutines that are on their way out, and tells of those
// that stay.
func after(before int, wait time.Duration) string {
	for deadline := time.Now().Add(wait); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			var profile strings.Builder
			if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
				return err.Error()
			}
			return fmt.Sprintf("the tests began with %d goroutines and leave %d:\n%s", before, runtime.NumGoroutine(), profile.String())
		}
	}
	return ""
}
