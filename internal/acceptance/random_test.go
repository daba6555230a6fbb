package acceptance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
)

// thing makes a Thing with something of everything in it, or nothing.
func thing(r *rand.Rand, name string) Thing {
	t := Thing{Query: ThingQuery{
		Name: name, Owner: pick(r, "ann", "bob", ""), Year: maybe(r, 2000+r.IntN(3)), Level: Level(r.IntN(3)),
		Labels: many(r, func() string { return pick(r, "home", "work", "", "ü\x00/.") }),
		Items:  many(r, func() Item { return Item{pick(r, "a", "b"), r.IntN(3)} }),
		Grid:   many(r, func() []int { return many(r, func() int { return r.IntN(3) }) }),
		Home:   place(r), Serial: maybe(r, int64(r.Uint64())),
	}}
	if r.IntN(8) == 0 {
		return t // all zero
	}
	t.Text, t.Flag = pick(r, "", "text", "not utf-8: \xff\xfe", "🎉"), r.IntN(2) == 0
	t.Int, t.Int8, t.Int16, t.Int32, t.Int64 = int(r.Uint64()), int8(r.Uint64()), int16(r.Uint64()), int32(r.Uint64()), int64(r.Uint64())
	t.Uint, t.Uint8, t.Uint16, t.Uint32, t.Uint64 = uint(r.Uint64()), uint8(r.Uint64()), uint16(r.Uint64()), uint32(r.Uint64()), r.Uint64()
	t.Float32, t.Float64 = float32(r.NormFloat64()), pick(r, math.NaN(), math.Inf(-1), 0.1, math.Copysign(0, -1))
	t.Status, t.Level = pick[Status](r, "open", "closed"), Level(r.IntN(256)-128)
	t.Made, t.Lasts = when(r), time.Duration(r.Int64())
	t.Blob = blob(r)
	t.MaybeInt, t.Due, t.Maybe, t.Ratio = maybe(r, 0), maybe(r, when(r)), maybe[Status](r, ""), maybe(r, math.NaN())
	t.Place = place(r)
	if r.IntN(2) == 0 {
		p := part(r, 2)
		t.Boss = &p
	}
	t.Tags = many(r, func() string { return pick(r, "a", "b", "") })
	t.Times = many(r, func() time.Time { return when(r) })
	t.Blobs = many(r, func() []byte { return blob(r) })
	t.Grid = many(r, func() []int { return many(r, func() int { return r.IntN(300) }) })
	t.Parts = many(r, func() Part { return part(r, 3) })
	t.Meta = keyed(r, func() string { return pick(r, "", "k", "ключ") }, func() string { return "v" })
	t.ByNum = keyed(r, func() int64 { return int64(r.IntN(5)) - 2 }, r.Float64)
	t.ByStatus = keyed(r, func() Status { return pick[Status](r, "x", "y") }, func() Part { return part(r, 1) })
	t.Rooms = keyed(r, func() uint16 { return uint16(r.Uint64()) }, func() Place { return place(r) })
	id := func() destam.ID { return destam.ID{0: byte(r.IntN(3)), 15: byte(r.IntN(2))} }
	t.Links = keyed(r, id, func() Part { return part(r, 1) })
	t.Votes = keyed(r, id, func() bool { return r.IntN(2) == 0 })
	return t
}

func pick[T any](r *rand.Rand, vs ...T) T { return vs[r.IntN(len(vs))] }

func maybe[T any](r *rand.Rand, v T) *T {
	if r.IntN(2) == 0 {
		return nil
	}
	return &v
}

// many makes up to four values, nil for none.
func many[T any](r *rand.Rand, next func() T) (vs []T) {
	for range r.IntN(5) {
		vs = append(vs, next())
	}
	return vs
}

func keyed[K comparable, V any](r *rand.Rand, k func() K, v func() V) map[K]V {
	var m map[K]V
	for range r.IntN(4) {
		if m == nil {
			m = map[K]V{}
		}
		m[k()] = v()
	}
	return m
}

func when(r *rand.Rand) time.Time {
	return time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()
}

func blob(r *rand.Rand) []byte {
	return many(r, func() byte { return byte(r.Uint64()) })
}

func place(r *rand.Rand) Place { return Place{pick(r, "Praha", "", "東京"), uint32(r.IntN(3))} }

func part(r *rand.Rand, depth int) Part {
	p := Part{Name: fmt.Sprint("part ", r.IntN(9)), Count: r.IntN(3), At: place(r)}
	if depth > 0 {
		p.Sub = many(r, func() Part { return part(r, depth-1) })
		if r.IntN(2) == 0 {
			next := part(r, depth-1)
			p.Next = &next
		}
	}
	return p
}
