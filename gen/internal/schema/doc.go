// Package schema is the plain model of a package's tagged structs, and every
// rule about them.
//
// Package load fills a [Package] in from source, [Check] judges it and derives
// what follows from the tags, and package emit writes what it says. Check never
// stops at the first mistake: it gives all of them, each with its position and,
// where there is one, its cure.
//
// A [Lock] is what a package remembers of its own past: the names that were ever
// generated, and the kinds of what was stored under them.
package schema
