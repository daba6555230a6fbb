package elsewhere

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"testing"
)

// variable is what tells a process that it is the other one.
const variable = "DESTAM_TEST_ELSEWHERE"

// Process is the other process, for the one that started it.
type Process struct {
	to, from *os.File
}

// Start runs a test of this binary, which calls [Serve], in a process of its
// own until t ends.
func Start(t testing.TB, test string) *Process {
	t.Helper()
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	child := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	child.Env = append(os.Environ(), variable+"="+test)
	child.ExtraFiles = []*os.File{in, out}
	child.Stdout, child.Stderr = &said, &said
	err = child.Start()
	_, _ = in.Close(), out.Close()
	t.Cleanup(func() {
		_, _ = to.Close(), from.Close()
		if child.Process == nil {
			return
		}
		if err := child.Wait(); err != nil {
			t.Errorf("the other process: %v\n%s", err, said.Bytes())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Process{to, from}
}

// Ask sends a question of some kind and waits for the answer.
func (p *Process) Ask(t testing.TB, kind byte, question []byte) []byte {
	t.Helper()
	err := write(p.to, kind, question)
	var answer []byte
	if err == nil {
		_, answer, err = read(p.from)
	}
	if err != nil {
		t.Fatalf("the other process does not answer: %v", err)
	}
	return answer
}

// Parent is who started this process.
type Parent struct {
	t   testing.TB
	in  *bufio.Reader
	out *os.File
}

// Serve gives who started this process with this test, and skips the test when
// nobody did.
func Serve(t testing.TB) *Parent {
	if os.Getenv(variable) != t.Name() {
		t.Skip("it is the other half of a test that runs it in a process of its own")
	}
	return &Parent{t, bufio.NewReader(os.NewFile(3, "in")), os.NewFile(4, "out")}
}

// Answer answers questions until answer says that there is no more to come; it
// gives false when the other side is gone.
func (p *Parent) Answer(answer func(kind byte, question []byte) (b []byte, more bool)) bool {
	p.t.Helper()
	for more := true; more; {
		kind, b, err := read(p.in)
		if err == io.EOF {
			return false
		}
		if err != nil {
			p.t.Fatal(err)
		}
		b, more = answer(kind, b)
		if err := write(p.out, kind, b); err != nil {
			p.t.Fatal(err)
		}
	}
	return true
}

// write writes a frame: its kind, the length of what follows, and that.
func write(w io.Writer, kind byte, b []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(b)))
	_, err := w.Write(append(head, b...))
	return err
}

func read(r io.Reader) (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	b = make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err = io.ReadFull(r, b)
	return head[0], b, err
}
