// Package fs keeps documents in one folder of plain files: the embedded store,
// for one process at a time.
//
// # What is guaranteed
//
//   - Append returns when its commits are written into the journal's file, in
//     order: the end of the process, a kill -9 included, cannot take them away
//     any more. A power failure still can.
//   - Sync returns when they are on the disk. Many callers share one sync.
//   - A store that was not closed opens by itself, without options. What the
//     power failure left of batches that nobody was told are durable is put
//     into lost+found, and Stats tells of it.
//   - When a disk does not have what it promised to keep, Open says which file
//     is damaged and where, and changes nothing.
//
// The first write or sync that fails ends all writing with
// [driver.ErrPoisoned]: nobody knows what is on the disk then, and trying again
// would hide it. Reading goes on and shows what was accepted, which may be less
// after the store was opened again. A full disk is no such failure: the
// commits that have no room are refused, and taken again when there is.
//
// # The folder
//
//	LOCK        held by the process that has the store open; says who it is
//	STORE       what this is: format and identity of the store
//	journal/    every commit, in the order in which they were accepted
//	lost+found/ bytes that a power failure left behind; yours to delete
//
// Files are for their owner only. Names of tables and fields never become names
// of files.
//
// # Limits
//
// Documents are found in memory: Open reads the whole journal, and each
// document takes memory for its query section, its index entries and 24 bytes a
// commit; commits older than the newest 32 MiB are read from the files, which
// stay open. Purge hides a document at once and for ever; its bytes stay in the
// journal, and in copies of the folder.
//
// A bit that flips in the last batch before anything vouches for it (a later
// batch, a mark that is written within 10 ms, a close) looks like the tail that
// a power failure leaves.
package fs
