// Package clean has nothing to do with documents, although it looks like it.
package clean

type note struct {
	Title string `json:"title,lokal"`
}

func (n *note) Watch(fn func()) (stop func()) { return fn }

func (n *note) Update(fn func(*note) error) error { return fn(n) }

func use(n *note) error {
	n.Watch(nil)
	return n.Update(func(*note) error {
		n.Title = "x"
		n.Watch(nil)
		return nil
	})
}
