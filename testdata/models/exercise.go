// Package exercise takes generated documents through everything that a document
// does, on every driver that runs everywhere. The test of random models copies
// it into a user's module, beside the models.
package exercise

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/destam-go/destamgen/drivers/dummy"
	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Handle is what is used of generated handles.
type Handle[P any] interface {
	Snapshot() P
	Assign(P)
}

// Model is one generated document type.
type Model[O Handle[P], P, Q any] struct {
	Table    func(*destam.DB) *destam.Table[O, P, Q]
	Document func(O) *destam.ODocument // a field may have taken any other name
	Query    func(P) Q
}

// Run exercises a model on all drivers.
func Run[O Handle[P], P, Q any](name string, seed uint64, m Model[O, P, Q]) {
	dir, err := os.MkdirTemp("", "models")
	must(err)
	defer os.RemoveAll(dir)
	for store, open := range map[string]func() (driver.Driver, error){
		"memory": func() (driver.Driver, error) { return memory.Open(nil), nil },
		"dummy":  func() (driver.Driver, error) { return dummy.Open(), nil },
		"fs":     func() (driver.Driver, error) { return fs.Open(dir, nil) },
	} {
		r := run[O, P, Q]{Model: m, name: name + " on " + store, r: rand.New(rand.NewPCG(seed, 1)), versions: map[destam.ID]map[uint64]string{}}
		r.with(open, r.write)
		if store == "fs" {
			r.with(open, r.read)
		}
	}
}

type run[O Handle[P], P, Q any] struct {
	Model[O, P, Q]
	name     string
	r        *rand.Rand
	versions map[destam.ID]map[uint64]string
	plain    map[destam.ID]P
}

func (r *run[O, P, Q]) with(open func() (driver.Driver, error), do func(context.Context, *destam.Table[O, P, Q])) {
	ctx := context.Background()
	store, err := open()
	must(err)
	db, err := destam.Open(ctx, store, &destam.Options{OnError: func(err error) { panic(fmt.Sprint(r.name, ": ", err)) }})
	must(err)
	do(ctx, r.Table(db))
	must(db.Close(ctx))
}

// write makes documents and changes them.
func (r *run[O, P, Q]) write(ctx context.Context, table *destam.Table[O, P, Q]) {
	r.plain = map[destam.ID]P{}
	for range 4 {
		o, err := table.Create(ctx, r.random())
		must(err)
		d := r.Document(o)
		r.versions[d.ID()] = map[uint64]string{1: text(o.Snapshot())}
		for range 3 {
			// What is assigned is what a new document with it has.
			p := r.random()
			o.Assign(p)
			other, err := table.Create(ctx, p)
			must(err)
			r.same("assigned", text(o.Snapshot()), text(other.Snapshot()))
			must(r.Document(other).Delete(ctx))
			must(d.Flush(ctx))
			r.versions[d.ID()][d.Version()] = text(o.Snapshot())
		}
		o.Assign(o.Snapshot())
		if d.Pending() {
			panic(r.name + ": assigning what is there changes something")
		}
		r.plain[d.ID()] = o.Snapshot()
	}
	r.read(ctx, table)
}

// read reads everything back, and asks.
func (r *run[O, P, Q]) read(ctx context.Context, table *destam.Table[O, P, Q]) {
	for id, versions := range r.versions {
		for version, want := range versions {
			p, err := table.At(ctx, id, version)
			must(err)
			r.same(fmt.Sprintf("version %d", version), text(p), want)
		}
		o, err := table.Get(ctx, id)
		must(err)
		r.same("loaded", text(o.Snapshot()), text(r.plain[id]))
	}
	count := 0
	for hit, err := range table.QueryAll(ctx) {
		must(err)
		r.same("hit", text(hit.Query), text(r.Query(r.plain[hit.ID])))
		count++
		r.ask(ctx, table, hit.Query)
	}
	if count != len(r.plain) {
		panic(fmt.Sprintf("%s: %d hits, want %d", r.name, count, len(r.plain)))
	}
}

// ask asks for each field of a section alone, and compares with looking at all.
func (r *run[O, P, Q]) ask(ctx context.Context, table *destam.Table[O, P, Q], section Q) {
	v := reflect.ValueOf(section)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("destam"), ",")
		switch v.Field(i).Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int64, reflect.Uint8, reflect.Uint32:
		default:
			continue
		}
		want := 0
		for _, p := range r.plain {
			if reflect.ValueOf(r.Query(p)).Field(i).Equal(v.Field(i)) {
				want++
			}
		}
		got, err := destam.Count(ctx, table, destam.Dynamic(table, map[string]any{name: v.Field(i).Interface()})...)
		must(err)
		if got != want {
			panic(fmt.Sprintf("%s: %d documents with %s %v, want %d", r.name, got, name, v.Field(i), want))
		}
	}
}

func (r *run[O, P, Q]) same(what, got, want string) {
	if got != want {
		panic(fmt.Sprintf("%s: %s:\n got %s\nwant %s", r.name, what, got, want))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// text gives a plain value in a form that can be compared.
func text[P any](p P) string {
	b, err := json.Marshal(&p)
	must(err)
	return string(b)
}

// random makes a plain document.
func (r *run[O, P, Q]) random() P {
	var p P
	fill(r.r, reflect.ValueOf(&p).Elem(), 4)
	return p
}

// Filler is a type with fields that are not exported.
type Filler interface{ Fill(n int) }

func fill(r *rand.Rand, v reflect.Value, depth int) {
	if r.IntN(6) == 0 && depth < 4 {
		return // zero
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).UTC()
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{10, byte(r.Uint64())})
		return
	case *big.Int:
		p.Lsh(big.NewInt(r.Int64()), uint(r.IntN(80)))
		return
	case *url.URL:
		p.Scheme, p.Host, p.Path = "https", "example.com", fmt.Sprint("/", r.IntN(9))
		return
	case Filler:
		p.Fill(r.IntN(100))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "b", "ü", "long enough to be no short text at all, as texts may be"}[r.IntN(5)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int64N(200) - 100)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64N(200))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(r.IntN(100)) / 4)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth-1)
		}
	case reflect.Slice:
		for range min(r.IntN(4), depth) {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			fill(r, v.Index(v.Len()-1), depth-1)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth-1)
		}
	case reflect.Map:
		for range min(r.IntN(4), depth) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, k, depth-1)
			fill(r, e, depth-1)
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(k, e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name != "_" && f.IsExported() {
				fill(r, v.Field(i), depth)
			}
		}
	}
}
