package run

import "github.com/destam-go/destamgen/runtime/driver"

// List gives the first n ids of documents in the run from an id on, in any
// life.
func (r *Run) List(from driver.ID, n int) (ids []driver.ID, err error) {
	err = r.use(func(x *finder) error {
		ids = nil
		doc, err := x.from(from)
		for ; err == nil && doc < x.documents && len(ids) < n; doc++ {
			var id driver.ID
			if id, err = x.id(doc); err == nil {
				ids = append(ids, id)
			}
		}
		return err
	})
	return ids, err
}
