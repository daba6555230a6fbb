package mongodb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// The tests need a server: that of DESTAM_MONGODB_URI, or else the embedded one
// of the module in testserver, which is built when DESTAM_TEST_MONGODB is set
// or all that it consists of is in the module cache.
const (
	uriVariable   = "DESTAM_MONGODB_URI"
	buildVariable = "DESTAM_TEST_MONGODB"
)

var server struct {
	once sync.Once
	uri  string
	why  string // there is none
	stop func()
}

func TestMain(m *testing.M) {
	if uri := os.Getenv(processVariable); uri != "" {
		if err := work(uri); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if server.stop != nil {
		server.stop()
	}
	os.Exit(code)
}

// serverURI gives the server's URI, or skips the test.
func serverURI(t testing.TB) string {
	t.Helper()
	server.once.Do(func() {
		if server.uri = os.Getenv(uriVariable); server.uri != "" {
			return
		}
		var err error
		if server.uri, server.stop, err = startServer(); err != nil {
			server.why = err.Error()
		}
	})
	switch {
	case server.why == "":
		return server.uri
	case os.Getenv(buildVariable) != "":
		t.Fatal(server.why)
	}
	t.Skipf("no MongoDB server: set %s to a URI, or %s=1 to build the embedded one (it downloads 130 MB): %s", uriVariable, buildVariable, server.why)
	return ""
}

// startServer builds the embedded server and starts it in a process of its own,
// which ends with its standard input, whatever becomes of this process.
func startServer() (uri string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "destam-mongodb-")
	if err != nil {
		return "", nil, err
	}
	remove := func() { os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	program := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-tags", "ferretdb_no_postgresql", "-o", program, ".")
	build.Dir = "testserver"
	if os.Getenv(buildVariable) == "" {
		build.Env = append(os.Environ(), "GOPROXY=off") // only from the cache
	}
	if out, err := build.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return "", nil, fmt.Errorf("building the embedded server: %w: %s", err, first)
	}
	run := exec.Command(program, "-dir", filepath.Join(dir, "data"))
	run.Stderr = os.Stderr
	in, err := run.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := run.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := run.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		in.Close()
		io.Copy(io.Discard, out)
		run.Wait()
		remove()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the embedded server did not start: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

var databases atomic.Int64

// freshDatabase gives the name of a database that nobody has used.
func freshDatabase() string {
	return fmt.Sprintf("destam_test_%d_%d_%d", os.Getpid(), time.Now().Unix(), databases.Add(1))
}

// connect gives a client that the test's end disconnects, and drops the
// database then.
func connect(t testing.TB, database string, opts ...*options.ClientOptions) *mongo.Client {
	t.Helper()
	all := append([]*options.ClientOptions{options.Client().ApplyURI(serverURI(t))}, opts...)
	client, err := mongo.Connect(all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := client.Database(database).Drop(ctx); err != nil {
			t.Log(err)
		}
		client.Disconnect(ctx)
	})
	return client
}
