// Package wire appends and reads msgpack values. It knows bytes, not documents.
//
// Everything is standard msgpack: what is appended here any msgpack library
// reads, and what a library writes is read here. The package exists because
// the frames of commits and checkpoints are on the hot path, where appending
// bytes costs a tenth of what reflection costs; off that path the library does.
//
// The Append functions write the shortest form of a value, so equal values
// have equal bytes. A [Reader] takes every form, and trusts nothing: a length
// is compared with the bytes that are left before anything is allocated for
// it, nesting is bounded by [MaxDepth], and no input makes it panic.
//
// # Caveats
//
// msgpack counts with 32 bits. Appending a string, a byte slice, an array or a
// map of 4 GiB or more panics, because a wrong length would make everything
// after it unreadable; callers bound what they store far below.
package wire
