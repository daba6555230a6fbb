// Package emit writes the Go source that belongs to a file of tagged structs.
//
// What it writes is normal Go that a person could have written, in this order:
// the guards, which stop compiling when a struct has changed, so that theirs are
// the first errors that a user reads; then, struct by struct, the table, the
// live struct with its getters and setters, its lens and the paths of its
// query section; at the end the structs that hold the state.
//
// Every body is one statement, a call of the runtime. What the statements look
// like decides how long users wait for their compiler, so they keep to a few
// forms: type arguments are leaf types and pointers, lenses and paths are reached
// by converting pointers, and no struct of another package is written as a
// literal.
//
// One function emits one kind of declaration; its comment shows the Go.
package emit
