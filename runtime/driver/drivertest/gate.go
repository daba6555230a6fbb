package drivertest

import (
	"context"
	"slices"
	"sync"
)

// Gate holds calls of a [Faulty] driver up before they do anything.
type Gate struct {
	method   Method
	arrive   sync.Once
	arrived  chan struct{}
	open     sync.Once
	released chan struct{}
	remove   func()
}

// Hang closes a gate in front of a method: its calls wait until [Gate.Release]
// or until their context ends, which then is their error.
func (f *Faulty) Hang(m Method) *Gate {
	g := &Gate{method: m, arrived: make(chan struct{}), released: make(chan struct{})}
	g.remove = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.gates = slices.DeleteFunc(f.gates, func(other *Gate) bool { return other == g })
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gates = append(f.gates, g)
	return g
}

// Arrived is closed when the first call waits at the gate.
func (g *Gate) Arrived() <-chan struct{} { return g.arrived }

// Release lets all calls go that wait, and all that come. It may be called
// again.
func (g *Gate) Release() {
	g.open.Do(func() {
		g.remove()
		close(g.released)
	})
}

// pass waits at the gates of a method.
func (f *Faulty) pass(ctx context.Context, m Method) error {
	f.mu.Lock()
	gates := slices.Clone(f.gates)
	f.mu.Unlock()
	for _, g := range gates {
		if g.method != Any && g.method != m {
			continue
		}
		g.arrive.Do(func() { close(g.arrived) })
		select {
		case <-g.released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
