package fs

import "github.com/destam-go/destamgen/drivers/fs/internal/vfs"

// What the tests need that see the driver through typed documents: they are in
// package fs_test, since no package of the driver may know documents.

// OpenDisk opens the store of a disk in memory, with little in each segment and
// nothing in the background.
func OpenDisk(disk *vfs.Mem) (*Store, error) { return open(disk, storeDir, inline) }

// Racing tells whether the race detector watches.
const Racing = racing
