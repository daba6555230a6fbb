package driver

import (
	"context"
	"iter"
	"time"
)

// Driver keeps documents as sequences of commits. A driver knows nothing of
// what a commit's body says; it orders commits, checks unique values, finds
// documents by their query section, and says when something is durable.
//
// All methods are safe for concurrent use. A driver keeps no slice that it was
// given and hands out none that it will change; what it hands out belongs to
// the caller, unless that said [Query.Peek]. Errors of a driver are bare
// causes: [ErrNotFound] and the others of this package, or what the operating
// system said; the database above wraps them once.
//
// Package drivertest holds the tests that every driver passes.
type Driver interface {
	// Attach takes the store over for one database: two databases on one
	// store would be two truths about every document. It is called once,
	// before anything else; a second call gives [ErrAttached].
	Attach(ctx context.Context) error

	// Declare makes a table known, or its schema newer. It is idempotent. A
	// schema that lacks a unique field gives a [*SchemaError]. A field that
	// becomes unique is so for the documents that are there: each holds its
	// value from then on, by a void commit, and two that have one value give a
	// [*SchemaError] that names them, and nothing changes. Commits by a schema
	// without the field are refused from then on, as far as others than the
	// caller can make some. An older revision is no contradiction, it changes
	// nothing. Operations on a table that was not declared give a
	// [*SchemaError] too.
	Declare(ctx context.Context, s Schema) error

	// Append adds commits, each at the end of its document, and gives one
	// result for each, in the order given. Commits of one document in one
	// batch are taken in that order; a refusal of one does not refuse the
	// others, except that later commits of the same document then find
	// another head.
	//
	// An accepted commit is ordered and visible to every other method, also
	// when it is not durable yet: see Sync.
	Append(ctx context.Context, batch []Commit) []Result

	// Sync returns when every commit of these documents that was accepted
	// before the call is durable; no documents means all of the store's.
	Sync(ctx context.Context, docs ...Doc) error

	// Head gives the state of a document without its content. A document
	// that was never created, holds only voids, or was purged gives
	// [ErrNotFound]; a deleted one gives its head with Deleted set.
	Head(ctx context.Context, table string, id ID) (Head, error)

	// Load gives what is needed to build the document as of sequence at: the
	// newest checkpoint whose Seq is at most at, if there is any, and the
	// commits after it up to at. At 0 means the newest. An at beyond the head
	// means the head. The Head in it is the document's newest, whatever at.
	// [ErrNotFound] is as for Head; a deleted document is loaded like others.
	Load(ctx context.Context, table string, id ID, at uint64) (State, error)

	// Log yields the commits of a document in the range, void ones included.
	// An error is the last pair. A purged document yields the purge only, one
	// without commits nothing.
	Log(ctx context.Context, table string, id ID, r Range) iter.Seq2[Commit, error]

	// Checkpoint stores the content of the document as of seq, so that Load
	// need not give the commits before it. Checkpoints are never needed for
	// correctness: a driver may drop them, but not change them. Storing one
	// for a sequence that has one already, or beyond the head, does nothing.
	Checkpoint(ctx context.Context, table string, id ID, seq uint64, content []byte) error

	// Find yields the heads of the documents that are not deleted and whose
	// newest section has all of q's terms, ascending by id. No terms means
	// every document. An error is the last pair.
	Find(ctx context.Context, table string, q Query) iter.Seq2[Head, error]

	// Count counts what Find would yield for the terms.
	Count(ctx context.Context, table string, terms []Term) (int, error)

	// Purge erases a document, deleted or not, and its history, and frees its
	// unique values: it adds a commit of [KindPurge], the document's last, for
	// an id is never used again. It hides the document at once and returns
	// when that is durable; when the bytes are gone is said by the driver's
	// documentation. Of the erased commits the driver remembers Seq and Try,
	// so that a retry after a lost answer still finds itself. [ErrNotFound] if
	// there is nothing to purge.
	Purge(ctx context.Context, table string, id ID) error

	// Tables yields the newest schemas of the tables that were ever declared,
	// ascending by name. An error is the last pair.
	Tables(ctx context.Context) iter.Seq2[Schema, error]

	// Documents yields every document after an id that has any commit,
	// ascending: also those that Find does not show because they are deleted,
	// purged or hold nothing but voids. An error is the last pair.
	Documents(ctx context.Context, table string, after ID) iter.Seq2[Entry, error]

	// Limits tells what the store takes. It does not change.
	Limits() Limits

	// Stats tells how the store is doing.
	Stats() Stats

	// Close makes everything that was accepted durable and lets the store
	// go. Every later call gives [ErrClosed]; a second Close gives nil.
	Close(ctx context.Context) error
}

// Feed is implemented by drivers whose store has other writers.
type Feed interface {
	// Feed yields the commits of all tables after the token: each at least
	// once, those of one document in order. It ends with ctx or an error.
	// Without a token it is those that are accepted after this call, not after
	// whoever called begins to range: a database calls it before it reads.
	Feed(ctx context.Context, since Token) iter.Seq2[FeedItem, error]
}

// Token is a place in a feed, opaque to all but its driver. Nil is the moment of
// the call.
type Token []byte

// FeedItem is one commit of a feed and the place after it.
type FeedItem struct {
	Commit Commit
	Token  Token
}

// Holder is implemented by drivers that keep live documents in memory for as
// long as they are open.
type Holder interface {
	// Hold keeps live until the document is purged or the store is closed. A
	// document has one live object; another takes its place.
	Hold(doc Doc, live any)
}

// Entry is a document in the list of all that a store knows of.
type Entry struct {
	ID ID
	Standing
}

// Doc names a document: ids are unique within a table.
type Doc struct {
	Table string
	ID    ID
}

// Schema declares a table.
type Schema struct {
	Table    string
	Unique   []string // dotted paths of unique values (see [JoinPath]), ascending; never one fewer than before
	Revision uint32   // of the user's model; grows with it
}

// Kind says what a commit is.
type Kind uint8

// The kinds of commits. Their numbers are stored.
const (
	KindChange   Kind = 1 // deltas; the first of a document is its creation
	KindDelete   Kind = 2 // hides the document and frees its unique values
	KindRestore  Kind = 3 // shows it again and takes its unique values back
	KindPurge    Kind = 4 // everything before is erased; made by Purge alone
	KindVoid     Kind = 5 // nothing: fills a sequence that nobody else may have
	KindRenumber Kind = 6 // renumbered array positions and no other change
)

// Commit is one stored version of a document. See docs/FORMAT.md for its bytes.
type Commit struct {
	Table   string
	ID      ID
	Seq     uint64   // head + 1; the first is 1
	Try     [16]byte // the same for every retry of the same bytes: makes Append idempotent
	Kind    Kind
	Time    time.Time         // UTC, no monotonic reading
	Schema  uint32            // Revision of the schema that wrote it
	By      string            // who; may be empty
	Because string            // why; may be empty
	Ext     map[string][]byte // extensions; nil for none, kept as it is

	// Body is the change itself, opaque to drivers.
	Body []byte

	// Section is the whole query section after this commit as a msgpack map
	// (see [DecodeValue]), nil when the commit left it unchanged. The first
	// commit and a restore always have it.
	Section []byte

	// Held are all unique values that the document holds after this commit,
	// ascending; always whole. A delete, a purge and a void at sequence 1
	// hold none. A value that the commit before did not hold is taken by this
	// one: accepting it while another document holds that value is what
	// [*DuplicateError] refuses.
	Held []Term
}

// Result tells what became of one appended commit.
type Result struct {
	// Err is nil when the commit was accepted, now or by an earlier call
	// with the same Try. Otherwise one of
	//   - [*SeqError]: another commit has its sequence, or the sequence is
	//     not the next one;
	//   - [*DuplicateError]: another document holds a unique value;
	//   - [ErrDeleted]: anything but a restore or a void of a deleted document;
	//   - [ErrNotFound]: any commit of a purged document, and one that is not
	//     at sequence 1 or creates nothing, of a document without any but voids;
	//   - [*LimitError], [*InvalidError], [*SchemaError], [ErrPoisoned],
	//     [ErrReadOnly], [ErrClosed];
	//   - [ErrUnknown]: it may be stored or not; append the same commit
	//     again, with the same Try, to learn which;
	//   - anything else: certainly not stored.
	Err error
}

// Head is the state of a document without its content.
type Head struct {
	ID      ID
	Seq     uint64
	Section []byte // of the newest commit that had one
	Held    []Term
	Deleted bool
}

// State is what a document is built from.
type State struct {
	Head
	Checkpoint    []byte   // nil: build from the first commit on
	CheckpointSeq uint64   // 0 without a checkpoint
	Commits       []Commit // after CheckpointSeq, ascending, void ones included
}

// Range bounds Log. The zero Range is everything, oldest first.
type Range struct {
	From     uint64 // first sequence, 0 for the oldest
	To       uint64 // last sequence, 0 for the newest
	Backward bool   // newest first
}

// Query asks for documents by terms.
type Query struct {
	Terms []Term // all of them must be there
	After ID     // only ids greater than this
	Limit int    // at most so many, 0 for all

	// Peek says that the caller wants no more than to look at ID, Seq and
	// Section of the heads: it may keep them, but writes into none. So a driver
	// may give a section that is its own and that it will never change, and
	// leave out what the documents hold.
	Peek bool
}

// Limits is what a store takes.
type Limits struct {
	Commit int  // largest encoded commit in bytes, 0 for no limit
	Shared bool // other processes may write the same documents

	// Forgets says that the store was told to keep less than all history. It
	// keeps the newest commit always, and a checkpoint of what came before the
	// first commit that Log yields; Load of what is older gives [ErrForgotten].
	Forgets bool
}

// Stats is how a store is doing. What a driver does not know is zero.
type Stats struct {
	Durable   bool   // what Sync waits for survives the process
	Documents uint64 // that are not deleted
	Commits   uint64 // ever accepted and not purged
	Bytes     uint64 // that they take in the store
	Unsynced  uint64 // bytes accepted and not durable yet
	Lost      []Lost // what recovery set aside when the store was opened

	// Failing is what goes wrong in the background, nil if nothing does. It is
	// tried again, and nothing is lost by it so far.
	Failing error
}

// Lost is something that recovery could not use and put aside.
type Lost struct {
	Where string // file and offset, in the driver's words
	Why   string
	Bytes int64
}
