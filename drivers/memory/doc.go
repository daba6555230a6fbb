// Package memory is a storage driver that keeps documents in memory, in their
// stored form: what is not in use costs its bytes and little more, and the live
// objects above can be collected. Nothing survives the process: Stats do not
// say Durable, and Sync has nothing to do.
//
// It keeps all history unless [Options] bound it, finds documents by an index
// over the terms of their query sections, and answers from several goroutines
// at once. It shares no storage code with other drivers and is what they are
// compared with.
//
// Purge erases at once.
package memory
