// Package gen is destamgen as a library: it reads the tagged structs of Go
// packages and writes the typed, observable documents that belong to them.
//
// [Run] is what the command does. A run is all or nothing: everything that is
// wrong in any of its packages is reported together, and then nothing is written.
// What is written replaces a file in one step and only if its bytes differ, so
// that build caches stay warm.
//
// gen knows the runtime by its import path only; it does not import it.
package gen
