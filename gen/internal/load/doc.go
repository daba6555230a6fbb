// Package load reads a folder of Go source and finds its tagged structs.
//
// It works on what is there while a package is being edited: code that does not
// compile because it calls what is still to be generated, output that is stale,
// broken or missing. Nothing is compiled, and the first tier that knows a
// field's type ends the search:
//
//   - The files that belong to the build are parsed, without destamgen's own
//     output, which its first line tells.
//   - The package is type-checked without function bodies and without its
//     imports: each name that it uses of another package stands for a type that
//     nothing is known about, but its path and name. Errors are ignored, since a
//     field whose type matters and could not be found has an invalid type. Types
//     that many programs use are known by name.
//   - What is still unknown is looked up in the source of its package, and only
//     of that one, which is read the same way. Where it is follows from go.mod,
//     go.work, vendor and the module cache; the go command is asked for what is
//     nowhere there. What is found out of packages that cannot change, those of
//     the standard library and of the module cache, is remembered from run to
//     run ([CacheVariable]). So an empty build cache, export data of another Go release
//     and packages that do not compile are no obstacles.
//
// [FromPackages] asks golang.org/x/tools/go/packages instead of the last two.
package load
