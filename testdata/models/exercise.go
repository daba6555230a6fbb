// Package exercise takes generated documents through everything that a document
// does, on every driver that runs everywhere. The test of random models copies
// it into a user's module, beside the models.
package exercise

import (
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
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

// Run exercises a model, given by what gives its table, on all drivers.
func Run[O Handle[P], P, Q any](name string, seed uint64, table func(*destam.DB) *destam.Table[O, P, Q]) {
	dir, err := os.MkdirTemp("", "models")
	must(err)
	defer os.RemoveAll(dir)
	for store, open := range map[string]func() (driver.Driver, error){
		"memory": func() (driver.Driver, error) { return memory.Open(nil), nil },
		"dummy":  func() (driver.Driver, error) { return dummy.Open(), nil },
		"fs":     func() (driver.Driver, error) { return fs.Open(dir, nil) },
	} {
		r := run[O, P, Q]{
			table: table, name: name + " on " + store, filler: filler{r: rand.New(rand.NewPCG(seed, 1))},
			versions: map[destam.ID]map[uint64]string{}, plain: map[destam.ID]P{},
		}
		r.with(open, r.write)
		if store == "fs" {
			r.with(open, r.read)
		}
	}
}

type run[O Handle[P], P, Q any] struct {
	filler
	table    func(*destam.DB) *destam.Table[O, P, Q]
	name     string
	versions map[destam.ID]map[uint64]string
	plain    map[destam.ID]P
}

func (r *run[O, P, Q]) with(open func() (driver.Driver, error), do func(context.Context, *destam.Table[O, P, Q])) {
	ctx := context.Background()
	store, err := open()
	must(err)
	db, err := destam.Open(ctx, store, &destam.Options{OnError: func(err error) { panic(fmt.Sprint(r.name, ": ", err)) }})
	must(err)
	do(ctx, r.table(db))
	must(db.Close(ctx))
}

// write makes documents and changes them. A copy of each, in a database of its
// own, is led by digests.
func (r *run[O, P, Q]) write(ctx context.Context, table *destam.Table[O, P, Q]) {
	r.with(func() (driver.Driver, error) { return memory.Open(nil), nil }, func(_ context.Context, copies *destam.Table[O, P, Q]) {
		for range 4 {
			o, err := table.Create(ctx, r.random())
			must(err)
			r.change(ctx, table, copies, o)
		}
	})
	r.read(ctx, table)
}

func (r *run[O, P, Q]) change(ctx context.Context, table, copies *destam.Table[O, P, Q], o O) {
	d := document(o)
	must(d.Flush(ctx))
	r.versions[d.ID()] = map[uint64]string{d.Version(): text(o.Snapshot())}
	digest, start, err := destam.NewDigest(d)
	must(err)
	defer digest.Stop()
	copied, err := destam.Adopt(ctx, copies, start)
	must(err)
	r.same("adopted", text(copied.Snapshot()), text(o.Snapshot()))
	for range 3 {
		// What is assigned is what a new document with it has.
		p := r.random()
		other, err := table.Create(ctx, p)
		must(err)
		want := text(other.Snapshot())
		must(document(other).Delete(ctx))
		o.Assign(p)
		r.same("assigned", text(o.Snapshot()), want)
		if commit := digest.Flush(); commit != nil {
			must(destam.Apply(document(copied), commit))
		}
		r.same("applied", text(copied.Snapshot()), want)
		must(d.Flush(ctx))
		r.versions[d.ID()][d.Version()] = want
	}
	o.Assign(o.Snapshot())
	if d.Pending() {
		panic(r.name + ": assigning what is there changes something")
	}
	r.plain[d.ID()] = o.Snapshot()
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
		r.same("hit", text(hit.Query), text(section(r.plain[hit.ID])))
		count++
		r.ask(ctx, table, "", reflect.ValueOf(hit.Query))
	}
	if count != len(r.plain) {
		panic(fmt.Sprintf("%s: %d hits, want %d", r.name, count, len(r.plain)))
	}
}

// ask asks for each field of a section alone, and compares with looking at all.
func (r *run[O, P, Q]) ask(ctx context.Context, table *destam.Table[O, P, Q], path string, v reflect.Value) {
	for i := range v.NumField() {
		name, in, ok := field(v, i)
		if !ok {
			continue
		}
		if name == "" { // the fields of an embedded struct are those of the one around it
			r.ask(ctx, table, path, in)
			continue
		}
		at := path + name
		if in.Kind() == reflect.Pointer && in.IsNil() {
			r.count(ctx, table, at, nil)
			continue
		}
		if in = reflect.Indirect(in); in.Kind() == reflect.Struct {
			r.ask(ctx, table, at+".", in)
		}
		r.count(ctx, table, at, in.Interface())
	}
}

// count asks for a value and compares with looking at all.
func (r *run[O, P, Q]) count(ctx context.Context, table *destam.Table[O, P, Q], path string, value any) {
	want, wanted := 0, ""
	if value != nil {
		wanted = text(value)
	}
	for _, p := range r.plain {
		if v, ok := follow(reflect.ValueOf(section(p)), path); value == nil && !ok || value != nil && ok && text(v.Interface()) == wanted {
			want++
		}
	}
	got, err := destam.Count(ctx, table, destam.Dynamic(table, map[string]any{path: value})...)
	must(err)
	if got != want {
		panic(fmt.Sprintf("%s: %d documents with %s %v, want %d", r.name, got, path, value, want))
	}
}

// follow goes along the fields of a dotted path; it is not ok where one is
// absent.
func follow(v reflect.Value, path string) (reflect.Value, bool) {
	for name := range strings.SplitSeq(path, ".") {
		if v = member(v, name); v.Kind() == reflect.Pointer && v.IsNil() {
			return v, false
		}
		v = reflect.Indirect(v)
	}
	return v, true
}

func member(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		called, in, ok := field(v, i)
		if ok && called == name {
			return in
		}
		if ok && called == "" {
			if in = member(in, name); in.IsValid() {
				return in
			}
		}
	}
	return reflect.Value{}
}

// document gives what a handle embeds: a field may have taken any other name.
func document(handle any) *destam.ODocument {
	return reflect.ValueOf(handle).Elem().FieldByName("ODocument").Addr().Interface().(*destam.ODocument)
}

// section gives the query section of a plain document.
func section(p any) any {
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if name, in, ok := field(v, i); ok && name == "query" && in.Kind() == reflect.Struct {
			return in.Interface()
		}
	}
	return struct{}{}
}

// field gives a stored field of a struct by its name in the tag, which is empty
// for a struct that lends its fields.
func field(v reflect.Value, i int) (name string, in reflect.Value, ok bool) {
	f := v.Type().Field(i)
	name, options, _ := strings.Cut(f.Tag.Get("destam"), ",")
	if name == "" && !f.Anonymous || name == "-" || f.Name == "_" || strings.Contains(","+options+",", ",local,") {
		return "", in, false
	}
	return name, v.Field(i), true
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

// text gives what is stored of a plain value in a form that can be compared.
func text(p any) string {
	var b strings.Builder
	v := reflect.New(reflect.TypeOf(p)).Elem()
	v.Set(reflect.ValueOf(p))
	dump(&b, v)
	return b.String()
}

func dump(b *strings.Builder, v reflect.Value) {
	tagged := false
	for i := 0; v.Kind() == reflect.Struct && i < v.NumField(); i++ {
		_, has := v.Type().Field(i).Tag.Lookup("destam")
		tagged = tagged || has
	}
	switch {
	case tagged:
		b.WriteString("{")
		for i := range v.NumField() {
			if name, in, ok := field(v, i); ok {
				b.WriteString(name + ":")
				dump(b, in)
				b.WriteString(" ")
			}
		}
		b.WriteString("}")
	case v.Kind() == reflect.Pointer && v.IsNil():
		b.WriteString("absent")
	case v.Kind() == reflect.Pointer:
		dump(b, v.Elem())
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		b.WriteString("[")
		for i := range v.Len() {
			dump(b, v.Index(i))
			b.WriteString(" ")
		}
		b.WriteString("]")
	case v.Kind() == reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		b.WriteString("map[")
		for _, k := range keys {
			fmt.Fprintf(b, "%v:", k)
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			dump(b, e)
			b.WriteString(" ")
		}
		b.WriteString("]")
	case v.Kind() == reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	case v.Kind() == reflect.Struct:
		var encoded []byte
		var err error
		switch e := v.Addr().Interface().(type) {
		case encoding.BinaryMarshaler:
			encoded, err = e.MarshalBinary()
		case encoding.TextMarshaler:
			encoded, err = e.MarshalText()
		default:
			encoded = fmt.Append(nil, v.Interface())
		}
		must(err)
		fmt.Fprintf(b, "%q", encoded)
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// random makes a plain document.
func (r *run[O, P, Q]) random() P {
	var p P
	r.fill(reflect.ValueOf(&p).Elem(), 4)
	return p
}

// Filler is a type with fields that are not exported.
type Filler interface{ Fill(n int) }

// filler fills plain values.
type filler struct {
	r      *rand.Rand
	unique int // the last value that no other document has
}

func (f *filler) fill(v reflect.Value, depth int) {
	r := f.r
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
	case *net.IP:
		*p = net.IPv4(10, 0, 0, byte(r.Uint64()))
		return
	case *json.RawMessage:
		*p = fmt.Append(nil, r.IntN(100))
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
			f.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		for range min(r.IntN(4), depth) {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			f.fill(v.Index(v.Len()-1), depth-1)
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		for range min(r.IntN(4), depth) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(k, depth-1)
			f.fill(e, depth-1)
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(k, e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case field.Name == "_" || !field.IsExported():
			case strings.Contains(field.Tag.Get("destam"), ",unique"):
				f.fillUnique(v.Field(i))
			default:
				f.fill(v.Field(i), depth)
			}
		}
	}
}

// fillUnique gives a value that no other document has.
func (f *filler) fillUnique(v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	f.unique++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("unique ", f.unique))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.unique % 128))
	default:
		v.SetUint(uint64(f.unique % 256))
	}
}
