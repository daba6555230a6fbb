// Package dummy is a storage driver that keeps everything as Go values: the
// commits as they are and, since it is a [driver.Holder], the live documents
// themselves, for as long as the process runs.
//
// It is for programs that want the database's documents, history and queries
// but no storage, and for tests of what is above a driver. History, versions
// and reverting work. Nothing survives the process: Stats do not say Durable,
// and Sync has nothing to do. Queries look at every document of a table; drivers
// for more documents than a few thousand are memory and fs.
//
// Purge erases at once.
package dummy
