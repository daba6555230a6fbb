// Package editing reads a recording of somebody who writes a paper, 259,778
// edits, for tests and benchmarks of arrays. It is the trace of a paper by
// Martin Kleppmann (automerge-perf, from josephg/editing-traces, CC BY 4.0) and
// is not in this repository.
package editing
