package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected files of the scripts")

func TestMain(m *testing.M) {
	os.Setenv("DESTAMGENCACHE", "off") // scripts have one of their own
	testscript.Main(m, map[string]func(){"destamgen": main})
}

// TestScripts runs the command as a user does. Each script of testdata/script is
// named after the idea that it shows.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "../../testdata/script",
		RequireUniqueNames: true,
		UpdateScripts:      *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DESTAMGENCACHE", filepath.Join(env.WorkDir, ".facts"))
			return nil
		},
	})
}

// TestFixes holds of all that the scripts expect to be said that it has a place
// and says what to do. What the parser says of Go that is none has no fix.
func TestFixes(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !regexp.MustCompile(`(^|\.)(errors|warnings|wrong)$`).MatchString(f.Name) || filepath.Base(script) == "syntax_error.txtar" || bytes.HasPrefix(f.Data, []byte("{")) {
				continue
			}
			for line := range strings.Lines(string(f.Data)) {
				said++
				if !regexp.MustCompile(`^[^ :]+:[0-9]+(:[0-9]+)?: .+ \(fix: .+\)\n$`).MatchString(line) {
					t.Errorf("%s: %s", filepath.Base(script), line)
				}
			}
		}
	}
	if said < 200 {
		t.Errorf("only %d messages", said)
	}
}

// TestUsage holds the exit status of a command line that is wrong, which a
// script cannot tell from that of wrong input.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"an unknown flag", []string{"-chekc"}, exitUsage},
		{"help", []string{"-h"}, exitGood},
		{"a folder that is not there", []string{"nowhere"}, exitWrong},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := os.Create(t.TempDir() + "/out")
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			if got := command(c.args, out, out); got != c.want {
				t.Errorf("exit status %d, want %d", got, c.want)
			}
			if info, err := out.Stat(); err != nil || info.Size() == 0 {
				t.Errorf("nothing was said: %v, %v", info, err)
			}
		})
	}
}
