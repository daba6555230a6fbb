// Package vfs is the seam between the fs driver and the file system: exactly
// the operations that the driver uses, each with what it promises about a
// power failure.
//
// [OS] is the file system of the machine. [Mem] is a disk in memory that
// remembers what was not synced, so that a test can cut the power after any
// operation and see every state that a real disk may be left in: sectors of
// 512 bytes, sizes and directory entries that are old or new independently of
// each other, and stale bytes where nothing was ever synced.
//
// What a store may rely on, and no more:
//
//   - the bytes and the size of a file are on disk when Sync has returned nil;
//   - an entry of a directory (create, rename, remove, mkdir) is on disk when
//     SyncDir of that directory has returned nil;
//   - a sector that is overwritten is old or new, never a mixture, so bytes
//     that keep their value keep it through a power failure;
//   - after a Sync that failed nothing is known of what it was to write, and a
//     later Sync that succeeds says nothing about it.
package vfs
