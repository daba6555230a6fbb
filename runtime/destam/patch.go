package destam

import (
	"context"
	"iter"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Patch is a stored version as a JSON Patch (RFC 6902): operations that lead
// from the document's JSON before the version to that after it, one after the
// other, indexes of arrays as they are at each step. The first version's patch
// adds the whole document. The JSON has the names of the tags; optional fields
// that are absent are not in it, arrays and maps always are.
//
// JSON has no word for some values: a float that is no number is "NaN",
// "Infinity" or "-Infinity", bytes are in base64, and a string that is no UTF-8
// is {"$bytes": base64}.
type Patch struct {
	Version Version
	Ops     []PatchOp
}

// PatchOp is one operation of a [Patch]: add, remove or replace.
type PatchOp = doc.PatchOp

// Patches exports the history of a document, as [History] gives it.
//
//go:noinline
func Patches[O, P, Q any](ctx context.Context, t *Table[O, P, Q], id ID, opts ...HistoryOption) iter.Seq2[Patch, error] {
	return t.t.patches(ctx, id, opts)
}

func (t *table) patches(ctx context.Context, id ID, opts []HistoryOption) iter.Seq2[Patch, error] {
	return func(yield func(Patch, error) bool) {
		for v, err := range t.traces(ctx, id, opts, true) {
			if err != nil {
				yield(Patch{}, t.err("export", id, err))
				return
			}
			if !yield(Patch{v.version(), v.trace.Ops}, nil) {
				return
			}
		}
	}
}
