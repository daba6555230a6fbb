// Package mongodb keeps documents in a MongoDB database that several processes
// may write: standalone, replica set or sharded cluster.
//
// Each table has four collections:
//
//	notes              a row for each document: its query section as plain BSON
//	                   (q), for people and native queries, and its terms (x)
//	notes.log          a row for each commit; _id is document/sequence
//	notes.checkpoints  contents of documents as of a sequence
//	notes.claims       who claimed a unique value
//
// and the collection _destam knows the format and the tables.
//
// # What decides
//
// The insert of a log row decides, and nothing else: its _id is unique, so of
// several writers that want one sequence of one document exactly one succeeds.
// An insert is atomic on every server and topology; no transaction is needed,
// and no update is trusted. The row in the table's own collection is derived
// from the log, written in the background and healed when it lags; until it is
// confirmed, this process answers queries about the document from memory.
//
// A unique value is claimed by an insert before the row that takes it. A claim
// names one sequence of one document and is judged by that document's newest
// row, which says what the document holds; claims are never changed or removed.
//
// Log rows are never removed. Purge empties them: what is left is the sequence
// and the attempt, so that neither a late writer nor a lost answer can bring
// back or deny what was.
//
// # Commits of others
//
// On a replica set or a sharded cluster [Store.Feed] reads a change stream; it
// goes on where it was after the connection broke, and when the server does not
// know any more where that is, the logs are read from then on. On a standalone
// server, and where change streams are refused, the logs are asked every 200 ms
// ([Options]). Either way they are looked through once a minute, by the server's
// clock: no other has to be right.
//
// # Durability
//
// Writes wait for a majority of the replica set and its journals, so what
// Append accepted is durable, and Sync has nothing to wait for. An outcome that
// is not known, because the connection broke or the primary changed, is
// resolved by inserting the same row again; when time is up before that,
// Append says [driver.ErrUnknown].
package mongodb
