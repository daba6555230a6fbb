// Package vet finds what the compiler cannot find in packages that have
// documents or use them. Its passes are analyzers for any driver of go/analysis.
//
//   - destamtag: what destamgen would refuse. It is the generator that judges,
//     so the two cannot disagree.
//   - destamstale: generated files that are not what a run would write.
//   - destamstop: a subscription whose stop function is thrown away.
//   - destamouter: inside a function given to Update or View, a handle that the
//     function was not given. It waits for a lock, its own one most often.
//   - destamquery: a path of a dynamic query that no query section has.
//
// A package that has nothing to do with documents costs a look at its tags and
// its imports, and nothing is kept between packages. Generated files are not
// looked at, but for whether they are stale.
package vet
