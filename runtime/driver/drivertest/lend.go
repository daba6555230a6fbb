package drivertest

import (
	"errors"

	"github.com/destam-go/destamgen/runtime/driver"
)

// load is the driver's Load. One that lends must lend the same, also to somebody
// who has borrowed something already, and must give an error of the borrower
// back.
func (s *store) load(id driver.ID, at uint64) (driver.State, error) {
	s.t.Helper()
	state, err := s.d.Load(s.ctx, table, id, at)
	l, ok := s.d.(driver.Lender)
	if !ok {
		return state, err
	}
	over := errors.New("the borrower's")
	same := func(lent *driver.State) {
		s.t.Helper()
		s.same(state, *lent, "what is lent")
	}
	lentErr := l.Lend(s.ctx, table, id, at, func(lent *driver.State) error {
		same(lent)
		err := l.Lend(s.ctx, table, id, 0, func(again *driver.State) error {
			if at == 0 {
				same(again)
			}
			return over
		})
		s.wantError(err, over, "Lend with an error of the borrower")
		same(lent)
		return nil
	})
	if (err == nil) != (lentErr == nil) {
		s.t.Fatalf("Load gives %v, and Lend %v", err, lentErr)
	}
	return state, err
}
