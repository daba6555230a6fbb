package house

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReadme runs what README.md tells newcomers to type, unchanged, with an
// empty environment: no build cache, no settings, a home of its own. The block
// that runs all tests runs this one too, so it is left to the long mode, of
// which the inner run knows nothing, and to .ci/run, which runs it the same way.
func TestReadme(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the blocks of README.md are for a POSIX shell")
	}
	if testing.Short() {
		t.Skip("compiles the standard library into an empty cache, half a minute of processor time")
	}
	blocks := readBlocks(t)
	us := newRelease(t)
	home := t.TempDir()

	t.Run("quickstart", func(t *testing.T) {
		clone := us.unpack(t)
		out := runBlock(t, blocks, "quickstart", clone, home, nil)
		if strings.TrimSpace(out) == "" {
			t.Error("the quickstart printed nothing")
		}
		checkUnchanged(t, clone, us.unpack(t))
	})
	t.Run("tests", func(t *testing.T) {
		if os.Getenv("DESTAM_LONG") == "" {
			t.Skip("runs all tests; .ci/run does that with an empty environment too, DESTAM_LONG=1 does it here")
		}
		runBlock(t, blocks, "tests", us.unpack(t), home, nil)
	})
	t.Run("module from a clone", func(t *testing.T) {
		dir := t.TempDir()
		env := []string{"DESTAMGEN=" + us.unpack(t)}
		runBlock(t, blocks, "module from a clone", dir, home, env)
		runModule(t, blocks, dir, home, env)
	})
	t.Run("module from a version", func(t *testing.T) {
		dir := t.TempDir()
		env := us.serve(t)
		runBlock(t, blocks, "module from a version", dir, home, env)
		runModule(t, blocks, dir, home, env)
	})
}

// runModule runs the block that both ways into a module share.
func runModule(t *testing.T, blocks map[string]string, dir, home string, env []string) {
	t.Helper()
	out := runBlock(t, blocks, "module", dir, home, env)
	if want := "milk and bread\n"; !strings.HasSuffix(out, want) {
		t.Errorf("the program printed %q, want %q at the end", out, want)
	}
}

// marked is a block of README.md that this test knows by name.
var marked = regexp.MustCompile("(?ms)^<!-- block: ([a-z ]+) -->\n```sh\n(.*?)^```$")

func readBlocks(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := make(map[string]string)
	for _, m := range marked.FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	if got, want := len(blocks), strings.Count(string(text), "```sh\n"); got != want {
		t.Fatalf("README.md has %d shell blocks of which %d are named: nobody runs the others", want, got)
	}
	return blocks
}

// runBlock runs a block in dir with nothing but a PATH, home, what says where
// modules come from, and env. It returns what the block printed.
func runBlock(t *testing.T, blocks map[string]string, name, dir, home string, env []string) string {
	t.Helper()
	block, ok := blocks[name]
	if !ok {
		t.Fatalf("README.md has no block %q", name)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", block)
	cmd.Dir = dir
	cmd.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}, moduleEnv(t), env)
	var out, all strings.Builder
	cmd.Stdout = io.MultiWriter(&out, &all)
	cmd.Stderr = &all
	start := time.Now()
	err := cmd.Run()
	t.Logf("block %q of README.md took %.1f s", name, time.Since(start).Seconds())
	if err != nil {
		t.Fatalf("block %q: %v\n%s", name, err, all.String())
	}
	return out.String()
}

// checkUnchanged holds that a block wrote nothing into a clone but what it
// stores: what it generated stands in the tree already. It compares with
// another clone of that time, as the tree may be at work.
func checkUnchanged(t *testing.T, clone, fresh string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(clone), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || within(name, "data/...") {
			return err
		}
		got, err := os.ReadFile(filepath.Join(clone, name))
		if err != nil {
			return err
		}
		want, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the tree has: run go generate and commit it", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
