package driver

import "context"

// Lender is implemented by drivers that can load a document into memory that
// they use again. A database has no use for what it was given once the document
// is built, and most of what loading costs is making that memory and collecting
// it.
type Lender interface {
	// Lend is [Driver.Load] for as long as use runs, which is called once, with
	// no lock held, unless there is an error. Then every slice in the state ends,
	// and so does the memory behind it; texts do not. Nobody may change any of
	// it. An error of use is given back as it is.
	Lend(ctx context.Context, table string, id ID, at uint64, use func(*State) error) error
}

// Lend lends the state of a document if the driver can, and loads it if not:
// see [Lender].
func Lend(ctx context.Context, d Driver, table string, id ID, at uint64, use func(*State) error) error {
	if l, ok := d.(Lender); ok {
		return l.Lend(ctx, table, id, at, use)
	}
	s, err := d.Load(ctx, table, id, at)
	if err != nil {
		return err
	}
	return use(&s)
}
