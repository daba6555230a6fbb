package drivertest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

type newest struct{ driver.Driver }

func (d newest) Load(ctx context.Context, table string, id driver.ID, _ uint64) (driver.State, error) {
	return d.Driver.Load(ctx, table, id, 0)
}

// repainter takes the last checkpoint of a sequence instead of the first, or one
// beyond the head.
type repainter struct {
	driver.Driver
	beyond  bool
	content map[uint64][]byte
}

func (d *repainter) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	h, err := d.Head(ctx, table, id)
	if d.content == nil {
		d.content = make(map[uint64][]byte)
	}
	if err == nil && (!d.beyond || seq > h.Seq) {
		d.content[seq] = slices.Clone(content)
	}
	return d.Driver.Checkpoint(ctx, table, id, seq, content)
}

func (d *repainter) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	state, err := d.Driver.Load(ctx, table, id, at)
	if content := d.content[state.CheckpointSeq]; content != nil && !d.beyond {
		state.Checkpoint = slices.Clone(content)
	}
	if n := len(state.Commits); n > 0 && d.beyond {
		if last := state.Commits[n-1].Seq; d.content[last] != nil {
			state.CheckpointSeq, state.Checkpoint, state.Commits = last, slices.Clone(d.content[last]), nil
		}
	}
	return state, err
}

type counter struct{ driver.Driver }

func (d counter) Count(ctx context.Context, table string, _ []driver.Term) (int, error) {
	return d.Driver.Count(ctx, table, nil)
}

// before returns the id before an id.
func before(id driver.ID) driver.ID {
	for i := len(id) - 1; i >= 0 && !id.IsZero(); i-- {
		if id[i]--; id[i] != 0xff {
			break
		}
	}
	return id
}

type descending struct{ driver.Driver }

func (d descending) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		var heads []driver.Head
		for h, err := range d.Driver.Find(ctx, table, q) {
			if err != nil {
				yield(h, err)
				return
			}
			heads = append(heads, h)
		}
		for _, h := range slices.Backward(heads) {
			if !yield(h, nil) {
				return
			}
		}
	}
}

// nostalgic finds documents by the first section that they had.
type nostalgic struct {
	driver.Driver
	first map[driver.ID][]driver.Term
}

func (d *nostalgic) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	for _, c := range batch {
		if section, err := driver.DecodeValue(c.Section); c.Seq == 1 && err == nil {
			if d.first == nil {
				d.first = make(map[driver.ID][]driver.Term)
			}
			d.first[c.ID] = driver.Terms(section)
		}
	}
	return d.Driver.Append(ctx, batch)
}

func (d *nostalgic) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		for h, err := range d.Driver.Find(ctx, table, driver.Query{After: q.After}) {
			has := !slices.ContainsFunc(q.Terms, func(term driver.Term) bool { return !slices.Contains(d.first[h.ID], term) })
			if has && !yield(h, err) {
				return
			}
		}
	}
}

// lossy finds nothing by terms of the elements of arrays in arrays.
type lossy struct{ driver.Driver }

func (d lossy) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	for _, term := range q.Terms {
		if strings.HasSuffix(term.Path(), "[].[]") {
			q.Terms = []driver.Term{"nobody"}
		}
	}
	return d.Driver.Find(ctx, table, q)
}

// peeker shows those who peek the section that it showed of a document first, or
// all sections in one piece of memory.
type peeker struct {
	driver.Driver
	first bool
	shown map[driver.ID][]byte
	room  []byte
}

func (d *peeker) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	heads := d.Driver.Find(ctx, table, q)
	if !q.Peek {
		return heads
	}
	return func(yield func(driver.Head, error) bool) {
		for h, err := range heads {
			if d.room = append(d.room[:0], h.Section...); !d.first {
				h.Section = d.room
			} else if shown := d.shown[h.ID]; shown != nil {
				h.Section = shown
			} else {
				d.shown = map[driver.ID][]byte{h.ID: h.Section}
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

type locked struct {
	driver.Driver
	mu sync.Mutex
}

func (d *locked) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Driver.Append(ctx, batch)
}

func (d *locked) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.Driver.Find(ctx, table, q)(yield)
	}
}

type unsorted struct{ driver.Driver }

func (d unsorted) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return func(yield func(driver.Schema, error) bool) {
		var schemas []driver.Schema
		for schema := range d.Driver.Tables(ctx) {
			schemas = append(schemas, schema)
		}
		for _, schema := range slices.Backward(schemas) {
			if !yield(schema, nil) {
				return
			}
		}
	}
}

// selective lists no documents of a life.
type selective struct {
	driver.Driver
	without driver.Life
}

func (d selective) Documents(ctx context.Context, table string, after driver.ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		for e, err := range d.Driver.Documents(ctx, table, after) {
			if e.Life == d.without && err == nil {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

type welcoming struct{ driver.Driver }

func (d welcoming) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	for _, c := range batch {
		if strings.HasPrefix(c.Table, "un") {
			d.Declare(ctx, driver.Schema{Table: c.Table})
		}
	}
	return d.Driver.Append(ctx, batch)
}

// paper says that a field has become unique, and leaves all as it was.
type paper struct{ driver.Driver }

func (d paper) Declare(ctx context.Context, s driver.Schema) error {
	if s.Revision == 2 && len(s.Unique) == 3 {
		return nil
	}
	return d.Driver.Declare(ctx, s)
}

type lenient struct{ driver.Driver }

func (d lenient) Declare(ctx context.Context, s driver.Schema) error {
	err := d.Driver.Declare(ctx, s)
	if wrong := (*driver.SchemaError)(nil); errors.As(err, &wrong) && strings.Contains(wrong.Why, "is unique in the store") {
		return nil
	}
	return err
}

// aliasing keeps the commits that it was given, or gives those that it keeps.
type aliasing struct {
	driver.Driver
	given bool
	kept  map[driver.ID][]driver.Commit
}

func (d *aliasing) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(ctx, batch)
	for i, c := range batch {
		if results[i].Err != nil {
			continue
		}
		if d.kept == nil {
			d.kept = make(map[driver.ID][]driver.Commit)
		}
		if !d.given {
			c.Body, c.Section, c.Held = slices.Clone(c.Body), slices.Clone(c.Section), slices.Clone(c.Held)
		}
		d.kept[c.ID] = append(d.kept[c.ID], c)
	}
	return results
}

func (d *aliasing) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		for c, err := range d.Driver.Log(ctx, table, id, r) {
			c.Body = d.kept[id][c.Seq-1].Body
			if !yield(c, err) {
				return
			}
		}
	}
}

// racy tells a writer that it won although another one did.
type racy struct {
	driver.Driver
	mu   sync.Mutex
	lies int
}

func (d *racy) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(ctx, batch)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range results {
		if late := (*driver.SeqError)(nil); errors.As(results[i].Err, &late) && late.Want == 2 && d.lies == 0 {
			results[i].Err = nil
			d.lies++
		}
	}
	return results
}

type torn struct{ driver.Driver }

func (d torn) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	state, err := d.Driver.Load(ctx, table, id, at)
	if n := len(state.Commits); n > 0 {
		state.Commits = state.Commits[:n-1]
	}
	return state, err
}

type deaf struct{ driver.Driver }

func (d deaf) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(context.WithoutCancel(ctx), batch)
	for i := range results {
		if ctx.Err() != nil {
			results[i].Err = ctx.Err()
		}
	}
	return results
}

type patientReader struct{ driver.Driver }

func (d patientReader) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		c.By = c.By[:min(len(c.By), driver.MaxBy)]
		return one(ctx, d.Driver, c)
	})
}

type boaster struct {
	driver.Driver
	documents uint64
	durable   bool
}

func (d boaster) Stats() driver.Stats {
	stats := d.Driver.Stats()
	stats.Documents += d.documents
	stats.Durable = d.durable
	return stats
}

type promiscuous struct{ driver.Driver }

func (d promiscuous) Attach(ctx context.Context) error {
	if err := d.Driver.Attach(ctx); !errors.Is(err, driver.ErrAttached) {
		return err
	}
	return nil
}

type open struct{ driver.Driver }

func (open) Close(context.Context) error { return nil }

// revolving refuses the first commit after Close and takes the next.
type revolving struct {
	driver.Driver
	mu      sync.Mutex
	refused map[driver.ID]int
}

func (d *revolving) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(ctx, batch)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused == nil {
		d.refused = make(map[driver.ID]int)
	}
	for i := range results {
		if errors.Is(results[i].Err, driver.ErrClosed) {
			if d.refused[batch[i].ID]++; d.refused[batch[i].ID] == 2 {
				results[i].Err = nil
			}
		}
	}
	return results
}

// gossip is a shared store whose feed leaves something out.
type gossip struct {
	*memory.Store
	deletions, first, end bool
}

func common() *memory.Store { return memory.Open(&memory.Options{Shared: true}) }

func (d gossip) Feed(ctx context.Context, since driver.Token) iter.Seq2[driver.FeedItem, error] {
	return func(yield func(driver.FeedItem, error) bool) {
		skip := d.first && since != nil
		for item, err := range d.Store.Feed(ctx, since) {
			switch {
			case err != nil && d.end:
				return
			case skip, d.deletions && item.Commit.Kind == driver.KindDelete:
				skip = false
			case !yield(item, err):
				return
			}
		}
	}
}

type careless struct{ driver.Driver }

func (careless) Hold(driver.Doc, any) {}

// truncated has lost the last commit of every document.
type truncated struct{ driver.Driver }

func (d truncated) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	h, err := d.Driver.Head(ctx, table, id)
	if err == nil {
		h.Seq--
	}
	return h, err
}
