// Package load reads a folder of Go source and finds its tagged structs.
//
// It works on what is there while a package is being edited: code that does not
// compile because it calls what is still to be generated, output that is stale,
// broken or missing. Nothing is compiled and no go command is run:
//
//   - The files that belong to the build are parsed, without destamgen's own
//     output, which its first line tells.
//   - The package is type-checked without function bodies and without its
//     imports: each name that it uses of another package stands for a type that
//     nothing is known about, but its path and name. Errors are ignored, since a
//     field whose type matters and could not be found has an invalid type.
//
// So far time.Time and time.Duration are the only types of other packages that
// can be in the model.
package load
