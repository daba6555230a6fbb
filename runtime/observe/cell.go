package observe

// Cell is a value that is set. The zero Cell is absent. A cell must not be
// copied.
type Cell[T any] struct {
	hub hub[T] // its lock guards all
	v   T
	ok  bool
	n   uint64 // how often it was changed
}

// Mutable makes a cell.
func Mutable[T any](v T) *Cell[T] { return &Cell[T]{v: v, ok: true} }

// Get gives the value; ok is false when it is absent.
func (c *Cell[T]) Get() (v T, ok bool) {
	if count, free := c.hub.line.mu.Peek(); free {
		if v, ok = c.v, c.ok; c.hub.line.mu.Peeked(count) {
			return v, ok
		}
	}
	return c.locked()
}

func (c *Cell[T]) locked() (v T, ok bool) {
	c.hub.line.mu.Lock()
	v, ok = c.v, c.ok
	c.hub.line.mu.Unlock()
	return v, ok
}

// Set sets the value, and tells whoever watches when it is another one. It
// always gives true.
func (c *Cell[T]) Set(v T) bool {
	c.hub.line.mu.Lock()
	c.change(v, true)
	return true
}

// Clear makes the value absent. It always gives true.
func (c *Cell[T]) Clear() bool {
	var none T
	c.hub.line.mu.Lock()
	c.change(none, false)
	return true
}

// change ends the lock.
func (c *Cell[T]) change(v T, ok bool) {
	h := &c.hub
	if h.same(c.v, c.ok, v, ok) {
		h.line.mu.Unlock()
		return
	}
	old, had := c.v, c.ok
	c.v, c.ok = v, ok
	c.n++
	mine := h.tell(old, had, v, ok)
	h.line.mu.Unlock()
	if mine {
		h.line.work()
	}
}

// Update sets the value to what f makes of it. No lock is held meanwhile: when
// somebody else changed the value, f is called again.
func (c *Cell[T]) Update(f func(v T, ok bool) T) {
	mu := &c.hub.line.mu
	for {
		mu.Lock()
		v, ok, n := c.v, c.ok, c.n
		mu.Unlock()
		v = f(v, ok)
		mu.Lock()
		if c.n == n {
			c.change(v, true)
			return
		}
		mu.Unlock()
	}
}

// Follow gives the value and calls fn with every change of it from there, see
// [Source]. Watch is the same for people.
func (c *Cell[T]) Follow(fn func(old T, had bool, now T, has bool)) (v T, ok bool, stop func()) {
	listening(fn != nil)
	return c.listen(place[T]{fn: fn})
}

// Watch calls fn with every change from now on, until stop is called.
func (c *Cell[T]) Watch(fn func(Change[T])) (stop func()) {
	listening(fn != nil)
	_, _, stop = c.listen(place[T]{watch: fn})
	return stop
}

func (c *Cell[T]) listen(p place[T]) (v T, ok bool, stop func()) {
	mu := &c.hub.line.mu
	mu.Lock()
	l := c.hub.add(p)
	v, ok = c.v, c.ok
	mu.Unlock()
	return v, ok, func() {
		c.hub.line.mu.Lock()
		c.hub.remove(l)
		c.hub.line.mu.Unlock()
	}
}
