package cache

import (
	"context"
	"errors"
)

// flight is one load that is running, and who waits for it.
type flight[V any] struct {
	done  chan struct{}
	value *V // strong until everybody who waits has it
	err   error
}

// errGone is the result of a load that did not return: it panicked or ended
// its goroutine, and whoever waited for it loads again.
var errGone = errors.New("load did not return")

// Load gives the value of a key; when nobody has it, load makes it. Of those
// who ask at once only one loads, with its own ctx; the others wait, each
// until its own ctx ends. They share an error of load, unless it came because
// the loader's ctx ended, which is nobody else's business.
func (c *Cache[K, V]) Load(ctx context.Context, k K, load func(context.Context) (*V, error)) (*V, error) {
	s := c.shard(k)
	for {
		s.mu.Lock()
		e := s.entries[k]
		if v := e.value.Value(); v != nil {
			s.mu.Unlock()
			return v, nil
		}
		f := e.flight
		if f == nil {
			f = &flight[V]{done: make(chan struct{}), err: errGone}
			if s.entries == nil {
				s.entries = make(map[K]entry[V])
			}
			s.entries[k] = entry[V]{flight: f}
			s.mu.Unlock()
			return c.lead(ctx, s, k, f, load)
		}
		s.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !errors.Is(f.err, errGone) {
			return f.value, f.err
		}
	}
}

// lead loads for everybody who waits on f.
func (c *Cache[K, V]) lead(ctx context.Context, s *shard[K, V], k K, f *flight[V],
	load func(context.Context) (*V, error),
) (v *V, err error) {
	err = errGone
	defer func() {
		s.mu.Lock()
		if err == nil {
			c.put(s, k, v)
		} else {
			delete(s.entries, k)
		}
		s.mu.Unlock()
		if err == nil || ctx.Err() == nil {
			f.value, f.err = v, err
		}
		close(f.done)
	}()
	return load(ctx)
}
