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
//     is damaged and where, and changes nothing. [Salvage] makes a new store of
//     what can be read, and says exactly what is lost.
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
//	MANIFEST-N  which runs make up the store; the highest number counts
//	runs/       sealed documents and their indexes, by table; never changed
//	journal/    every commit that is not sealed, in the order of acceptance
//	lost+found/ bytes that a power failure left behind; yours to delete
//
// Files are for their owner only; on Windows for whom the folder above is. Names of tables and fields never become names
// of files.
//
// # Memory
//
// What was written lately is in memory, at most 32 MiB of commits with their
// query sections and index entries. In the background it is sealed into runs,
// which are mapped into memory, and those are merged; when that does not keep
// up, Append waits. A [*SealError] says that it cannot go on. While anything of
// this fails, on a full disk, say, Stats tells it, and it is tried again.
//
// # Purge
//
// Purge hides a document at once and for ever. Its bytes leave memory's part of
// the journal and the runs within minutes, in the background; the files that
// had them are removed after [Options.Keep]. They stay in lost+found, in copies
// of the folder and in what the disk makes of removed files.
//
// # Limits
//
// A bit that flips in the last batch before anything vouches for it (a later
// batch, a mark that is written within 10 ms, a close) looks like the tail that
// a power failure leaves.
package fs
