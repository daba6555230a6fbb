// Package driver is the contract between a database of documents and the
// store that keeps them.
//
// # The model
//
// A document is a sequence of commits, numbered from 1 without gaps. What a
// commit changes is in its body, which a driver never reads. What a driver does
// read is the query section, a small tree of plain values that a commit carries
// whole whenever it changes it ([Value]), and the unique values that the
// document holds after the commit ([Held]). A query section is found by its
// scalars, each with its place: [Term]. Whatever a [Predicate] asks, [Needs]
// says which terms must be there, and [Predicate.Holds] decides.
//
// # The life of a commit
//
// A commit that is given to Append is
//
//   - accepted: it is the next one of its document, its unique values are its
//     own, every method shows it. It survives this process or not, see Stats;
//   - durable, later: Sync returns when it survives whatever the driver
//     promises to survive;
//   - or refused, for ever: the error says why, nothing of it is stored, and a
//     corrected commit is another one, with a Try of its own;
//   - or its outcome is unknown ([ErrUnknown]): the same commit with the same
//     Try is sent again until the answer is one of the others. That is why a
//     commit which is stored already is accepted again, silently.
//
// # Ownership
//
// A driver copies what it is given, or encodes it, before a call returns; the
// caller may then write over every slice and map. What a driver returns or
// yields belongs to the caller, who may write over that too.
//
// # Caveats
//
// An iterator of a driver holds no lock while its consumer runs, so it is no
// snapshot: what is appended meanwhile may be in it or not. It yields each
// document or commit at most once and in order all the same.
//
// The rules that decide about a commit are functions here ([Commit.Check],
// [Standing.Judge], [Schema.Merge]), so that drivers cannot differ in them.
// How a driver stores what it accepted is its own.
package driver
