package destam

import (
	"context"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// lender is the memory driver as one that lends, and writes over all that it has
// lent: nobody may have kept any of it.
type lender struct{ *memory.Store }

func (l lender) Lend(ctx context.Context, table string, id ID, at uint64, use func(*driver.State) error) error {
	s, err := l.Load(ctx, table, id, at)
	if err != nil {
		return err
	}
	err = use(&s)
	spoil(s.Checkpoint)
	spoil(s.Section)
	clear(s.Held)
	for i := range s.Commits {
		c := &s.Commits[i]
		spoil(c.Body)
		spoil(c.Section)
		clear(c.Held)
		*c = driver.Commit{}
	}
	s = driver.State{}
	return err
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xc1 // which msgpack never uses
	}
}
