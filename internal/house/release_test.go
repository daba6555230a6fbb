package house

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	modules "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// release is the work tree as a published version of the module: what users
// get, and no more. That it can be made at all is a test too, since the zip
// refuses names and sizes that could not be published.
type release struct {
	version modules.Version
	zip     string // file
}

func newRelease(t *testing.T) release {
	t.Helper()
	r := release{modules.Version{Path: module, Version: "v0.1.0"}, filepath.Join(t.TempDir(), "v0.1.0.zip")}
	file, err := os.Create(r.zip)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := zip.CreateFromDir(file, r.version, root); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// unpack puts the release into a folder of its own.
func (r release) unpack(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "destamgen")
	if err := zip.Unzip(dir, r.version, r.zip); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve makes the release the newest version of the module for the go command:
// it returns the environment in which modules come from a folder that has the
// release, else from the caller's module cache, else from where the caller
// gets them. The release goes into a module cache of its own: in the caller's
// it would stay and hide the next one.
func (r release) serve(t *testing.T) []string {
	t.Helper()
	proxy, cache := t.TempDir(), t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(r.version.Path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"list":                      []byte(r.version.Version + "\n"),
		r.version.Version + ".info": []byte(`{"Version":"` + r.version.Version + `","Time":"2026-01-01T00:00:00Z"}`),
		r.version.Version + ".mod":  read(t, filepath.Join(root, "go.mod")),
		r.version.Version + ".zip":  read(t, r.zip),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	caller := goSettings(t)
	// Without direct: nobody's version control is asked for what a release
	// that exists only here might be.
	elsewhere := strings.TrimSuffix(caller["GOPROXY"], ",direct")
	return []string{
		"GOPROXY=" + strings.Join([]string{fileURL(proxy), fileURL(filepath.Join(caller["GOMODCACHE"], "cache", "download")), elsewhere}, ","),
		"GONOSUMDB=" + strings.Trim(caller["GONOSUMDB"]+","+module, ","),
		"GOMODCACHE=" + cache,
		"GOFLAGS=" + strings.TrimSpace(caller["GOFLAGS"]+" -modcacherw"), // or TempDir cannot remove it
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func fileURL(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
}

// settings decide where the go command gets modules and how it reaches them.
var settings = []string{
	"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOAUTH", "GOFLAGS", "GOTOOLCHAIN", "GOMODCACHE",
}

// network is the same for what the go command's own settings do not say.
var network = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}

func goSettings(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"env", "-json"}, settings...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	if err := json.Unmarshal(out, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// moduleEnv is the part of the caller's environment that blocks of README.md
// are run with, so that modules come from where the machine gets them.
func moduleEnv(t *testing.T) []string {
	t.Helper()
	var env []string
	for name, value := range goSettings(t) {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range network {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
