// Package seq holds the elements of an array with their position keys.
//
// A [List] answers index to element, key to index, and inserts and removes
// anywhere, for a million elements and for three. Elements sit in chunks of at
// most 256, each with its key beside it, and inserting or removing one moves
// those on the side of its chunk where there are fewer; an index over the lengths of the
// chunks (a Fenwick tree) finds a chunk by element number and the number of
// elements before a chunk. A list of one chunk has no index.
//
// [Room] makes the keys for new elements, and new keys for a neighbourhood
// when that is what it takes.
//
// # Caveats
//
// A List is not safe for concurrent use, also not for reading, because it
// remembers the chunk found last: the lock of its document guards it.
// It does not check that keys ascend, which its callers get from package pos
// or check when they read them. The zero List is empty; a List must not be
// copied once it has elements.
package seq
