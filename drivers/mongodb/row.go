package mongodb

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/destam-go/destamgen/runtime/driver"
)

// row is a row of a log. It never changes, except that Purge empties it.
type row struct {
	Key     string      `bson:"_id"`         // document/sequence, see rowKey
	Kind    string      `bson:"k"`           // for people; [gone] in an emptied row
	Try     bson.Binary `bson:"w,omitempty"` // of the commit
	Held    []string    `bson:"u,omitempty"` // keys of the unique values held after it
	Section int64       `bson:"p,omitempty"` // sequence of the newest row with a query section, this one included
	Life    string      `bson:"l,omitempty"` // [deleted] after it, or nothing
	At      time.Time   `bson:"t,omitempty"` // when it was made, by the server's clock
	Commit  bson.Binary `bson:"c,omitempty"` // the commit, see [driver.AppendCommit]
}

// gone is the kind of an emptied row.
const gone = "gone"

var kinds = map[driver.Kind]string{
	driver.KindChange:   "change",
	driver.KindDelete:   "delete",
	driver.KindRestore:  "restore",
	driver.KindPurge:    "purge",
	driver.KindVoid:     "void",
	driver.KindRenumber: "renumber",
}

// deleted is the life of a document that a restore can bring back.
const deleted = "deleted"

// newRow makes the row of a commit of a document that was known before it.
func (s *Store) newRow(c *driver.Commit, before known) *row {
	after := before.after(c)
	r := &row{
		Key: rowKey(c.ID, c.Seq), Kind: kinds[c.Kind], Try: bson.Binary{Data: c.Try[:]},
		Section: int64(after.sectionSeq), At: s.now(),
		Commit: bson.Binary{Data: driver.AppendCommit(nil, c)},
	}
	if after.Life == driver.Deleted {
		r.Life = deleted
	}
	for _, term := range c.Held {
		r.Held = append(r.Held, claimKey(term))
	}
	return r
}

// seq is the sequence in the row's key, and the error that there is none.
func (r *row) seq() (uint64, error) {
	_, text, _ := strings.Cut(r.Key, "/")
	seq, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("log row %q: its _id has no sequence", r.Key)
	}
	return seq, nil
}

// sentAs tells whether the row is the one that an attempt sent.
func (r *row) sentAs(try [16]byte) bool { return string(r.Try.Data) == string(try[:]) }

// commit reads the commit in the row. That of an emptied row is a void with
// nothing but its sequence and attempt.
func (r *row) commit(doc driver.Doc) (driver.Commit, error) {
	seq, err := r.seq()
	if err != nil {
		return driver.Commit{}, err
	}
	if r.Kind == gone {
		c := driver.Commit{Table: doc.Table, ID: doc.ID, Seq: seq, Kind: driver.KindVoid}
		copy(c.Try[:], r.Try.Data)
		return c, nil
	}
	c, err := driver.DecodeCommit(r.Commit.Data)
	switch {
	case err != nil:
		return c, fmt.Errorf("log row %q of table %q: %w", r.Key, doc.Table, err)
	case c.Table != doc.Table || c.ID != doc.ID || c.Seq != seq || !r.sentAs(c.Try):
		return c, fmt.Errorf("log row %q of table %q holds another commit: version %d of %s in %q", r.Key, doc.Table, c.Seq, c.ID, c.Table)
	}
	return c, nil
}

// rowKey is the _id of a log row. Keys of one document sort by sequence.
func rowKey(id driver.ID, seq uint64) string { return fmt.Sprintf("%s/%016x", id, seq) }

// keys bounds the _ids that begin with a text and a slash: "0" is the byte
// after "/".
func keys(prefix string) (from, to string) { return prefix + "/", prefix + "0" }

// within is a filter for the log rows of a document from one sequence to
// another, both included.
func within(id driver.ID, from, to uint64) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{
		{Key: "$gte", Value: rowKey(id, from)}, {Key: "$lte", Value: rowKey(id, to)},
	}}}
}

// byKey is a filter for one row.
func byKey(key string) bson.D { return bson.D{{Key: "_id", Value: key}} }

// claimKey is what stands for a unique value in claims and in the log: the
// field's path and a hash, which tells nobody the value after a purge that did
// not know it before.
func claimKey(term driver.Term) string {
	sum := sha256.Sum256([]byte(term))
	return escape(term.Path()) + "=" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
}

// escape takes the slash out of a path, which ends a key.
func escape(path string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(path)
}
