package vfs

import "fmt"

// Kind is a kind of operation on a [Mem].
type Kind uint8

// The kinds of operations.
const (
	OpCreate Kind = iota + 1
	OpOpen
	OpRename
	OpRemove
	OpMkdir
	OpList
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpSync
	OpSize
	OpClose
)

var kindNames = [...]string{
	OpCreate: "create", OpOpen: "open", OpRename: "rename", OpRemove: "remove",
	OpMkdir: "mkdir", OpList: "list", OpSyncDir: "syncdir", OpLock: "lock",
	OpRead: "read", OpWrite: "write", OpSync: "sync", OpSize: "size", OpClose: "close",
}

func (k Kind) String() string { return kindNames[k] }

// Changes tells whether operations of this kind change what is on the disk or
// may be: a crash after one that does not is the crash before it.
func (k Kind) Changes() bool {
	switch k {
	case OpOpen, OpList, OpRead, OpSize, OpClose:
		return false
	}
	return true
}

// Op is one operation.
type Op struct {
	Kind Kind
	Name string // the new one for a rename
	N    int    // counts the operations of the Mem from 1
	Off  int64  // of a read or write
	Len  int    // of a read or write
}

func (o Op) String() string {
	if o.Kind == OpRead || o.Kind == OpWrite {
		return fmt.Sprintf("%d %s %s [%d:%d]", o.N, o.Kind, o.Name, o.Off, o.Off+int64(o.Len))
	}
	return fmt.Sprintf("%d %s %s", o.N, o.Kind, o.Name)
}

// Fault makes an operation fail. The zero Fault lets it pass.
type Fault struct {
	Err error

	// Late lets the operation have its effect before it fails, as when the
	// answer of a remote disk is lost.
	Late bool

	// Short is how many bytes a write that fails has written.
	Short int
}
