package cache

import (
	"hash/maphash"
	"runtime"
	"sync"
	"weak"
)

// shards is how many locks the keys are spread over. Two cores rarely meet on 64;
// more would only cost memory for each table.
const (
	shardBits = 6
	shards    = 1 << shardBits
)

// Cache is a set of values by key. The zero Cache is empty and ready; it must
// not be copied. Its locks are leaves: nothing is called while one is held.
type Cache[K comparable, V any] struct {
	// Spread gives a number whose upper bits say which lock guards a key. A
	// hash takes its place if it is nil. It is set before the cache is used.
	Spread func(K) uint64

	once   sync.Once
	seed   maphash.Seed
	shards [shards]shard[K, V]
}

type shard[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]entry[V] // guarded by mu
	hits    uint64         // guarded by mu
	_       [32]byte       // a cache line each: locks of neighbours do not slow each other
}

// entry is what is known of one key: a value, or that somebody loads it.
type entry[V any] struct {
	value  weak.Pointer[V]
	pinned *V         // value, while it is held strongly
	flight *flight[V] // while it is loaded; then there is no value
}

func (c *Cache[K, V]) shard(k K) *shard[K, V] {
	if c.Spread != nil {
		return &c.shards[c.Spread(k)>>(64-shardBits)]
	}
	c.once.Do(func() { c.seed = maphash.MakeSeed() })
	return &c.shards[maphash.Comparable(c.seed, k)%shards]
}

// Get gives the value of a key, nil when nobody has it.
func (c *Cache[K, V]) Get(k K) *V {
	s := c.shard(k)
	s.mu.Lock()
	v := s.entries[k].value.Value()
	if v != nil {
		s.hits++
	}
	s.mu.Unlock()
	return v
}

// Peek is Get that does not count as a hit.
func (c *Cache[K, V]) Peek(k K) *V {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[k].value.Value()
}

// Hits tells how often Get had what it was asked for.
func (c *Cache[K, V]) Hits() (n uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.hits
		s.mu.Unlock()
	}
	return n
}

// Add makes v the value of a key that has none. It gives false, and changes
// nothing, if the key has one or somebody loads it.
func (c *Cache[K, V]) Add(k K, v *V) bool {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[k]; e.flight != nil || e.value.Value() != nil {
		return false
	}
	c.put(s, k, v)
	return true
}

// put makes v the value of k; s is locked.
func (c *Cache[K, V]) put(s *shard[K, V], k K, v *V) {
	if s.entries == nil {
		s.entries = make(map[K]entry[V])
	}
	w := weak.Make(v)
	s.entries[k] = entry[V]{value: w}
	runtime.AddCleanup(v, c.collected, key[K, V]{k, w})
}

// key names one value that a key has had.
type key[K comparable, V any] struct {
	k K
	w weak.Pointer[V]
}

// collected forgets a value that is gone. Cleanups run late: by then the key
// often has another value, which stays.
func (c *Cache[K, V]) collected(gone key[K, V]) {
	s := c.shard(gone.k)
	s.mu.Lock()
	if s.entries[gone.k].value == gone.w {
		delete(s.entries, gone.k)
	}
	s.mu.Unlock()
}

// Remove forgets v, pinned or not, if it is the value of k.
func (c *Cache[K, V]) Remove(k K, v *V) {
	s := c.shard(k)
	s.mu.Lock()
	if s.entries[k].value == weak.Make(v) {
		delete(s.entries, k)
	}
	s.mu.Unlock()
}

// Pin holds v strongly, if it is the value of k, until Unpin. It does not
// count: one Unpin is enough.
func (c *Cache[K, V]) Pin(k K, v *V) { c.pin(k, v, v) }

// Unpin undoes Pin.
func (c *Cache[K, V]) Unpin(k K, v *V) { c.pin(k, v, nil) }

func (c *Cache[K, V]) pin(k K, v, strong *V) {
	s := c.shard(k)
	s.mu.Lock()
	if e := s.entries[k]; e.value == weak.Make(v) {
		e.pinned = strong
		s.entries[k] = e
	}
	s.mu.Unlock()
}

// All gives every value that somebody has, in no order.
func (c *Cache[K, V]) All() []*V {
	var all []*V
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, e := range s.entries {
			if v := e.value.Value(); v != nil {
				all = append(all, v)
			}
		}
		s.mu.Unlock()
	}
	return all
}
