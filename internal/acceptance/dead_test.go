package acceptance

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// mutator is one call that changes something of a document.
type mutator struct {
	name string
	call func() error // its error, if it has one to give
}

// mutators lists every mutating method that can be reached from a handle:
// setters of the objects and methods of the arrays and maps in them. They are
// found by reflection, so that a method that is added later is tried as well.
func mutators(t testing.TB, handle any) []mutator {
	var ms []mutator
	seen := map[any]bool{}
	var visit func(path string, v reflect.Value)
	visit = func(path string, v reflect.Value) {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() || seen[v.Interface()] {
				return
			}
			seen[v.Interface()] = true
		}
		if n := v.MethodByName("Len"); v.MethodByName("Swap").IsValid() && n.Call(nil)[0].Int() < 2 {
			return // an array that is too short for all of its methods
		}
		for i := range v.NumMethod() {
			name, m := v.Type().Method(i).Name, v.Method(i)
			full := path + "." + name
			switch {
			case strings.HasPrefix(name, "Clear") && absent(v, strings.TrimPrefix(name, "Clear")):
			case mutates(name, m.Type()):
				ms = append(ms, mutator{full, func() error { return outcome(m.Call(arguments(name, m.Type()))) }})
			case m.Type().NumIn() == 0 && m.Type().NumOut() == 1 && isView(m.Type().Out(0)):
				visit(full+"()", m.Call(nil)[0])
			case name == "At" && m.Type().NumIn() == 1 && m.Type().Out(0).Kind() == reflect.Pointer:
				visit(full+"(0)", m.Call([]reflect.Value{reflect.ValueOf(0)})[0])
			}
		}
	}
	visit(strings.TrimPrefix(fmt.Sprintf("%T", handle), "*acceptance."), reflect.ValueOf(handle))
	least := 120
	if _, nested := handle.(*OPart); nested {
		least = 15
	}
	if len(ms) < least {
		t.Fatalf("only %d mutating methods found: the search is broken", len(ms))
	}
	return ms
}

// absent tells whether a getter says that there is nothing to clear.
func absent(v reflect.Value, getter string) bool {
	m := v.MethodByName(getter)
	if !m.IsValid() {
		return false
	}
	out := m.Call(nil)
	last := out[len(out)-1]
	return last.Kind() == reflect.Pointer && last.IsNil() || len(out) == 2 && !last.Bool()
}

// isView tells types of handles, arrays and maps from all others.
func isView(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return strings.HasPrefix(t.Elem().Name(), "O") && t.Elem().PkgPath() == reflect.TypeFor[Thing]().PkgPath()
	}
	return t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[destam.OObject]().PkgPath()
}

func mutates(name string, t reflect.Type) bool {
	for _, prefix := range []string{"Set", "Clear", "Assign", "Append", "Insert", "Remove", "Move", "Swap"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "Delete" && t.NumIn() == 1 && t.In(0).Kind() != reflect.Interface // a map's, not the document's
}

// arguments makes arguments that change something in a full Thing.
func arguments(name string, t reflect.Type) []reflect.Value {
	var args []reflect.Value
	for i := range t.NumIn() {
		in := t.In(i)
		if t.IsVariadic() && i == t.NumIn()-1 {
			in = in.Elem()
		}
		switch {
		case in.Kind() == reflect.Int && t.NumIn() > 1:
			n := 0 // an index: the first, then the second
			if i == 1 {
				n = 1
			}
			args = append(args, reflect.ValueOf(n).Convert(in))
		default:
			args = append(args, changed(in))
		}
	}
	return args
}

// changed makes a value that no full Thing has.
func changed(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("changed")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(77)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(77)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(77)
	case reflect.Slice:
		v.Set(reflect.Append(v, changed(t.Elem())))
	case reflect.Array:
		v.Index(0).Set(changed(t.Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(changed(t.Key()), changed(t.Elem()))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(77, 0).UTC()))
		} else if t.Field(0).Type.Kind() == reflect.String {
			v.Field(0).SetString("changed")
		}
	}
	return v
}

// outcome is the error among results.
func outcome(out []reflect.Value) error {
	for _, v := range out {
		if err, ok := v.Interface().(error); ok {
			return err
		}
	}
	return nil
}

// full makes a Thing that every mutator can change.
func full(name string) Thing {
	p := Part{Name: "p", Count: 1, At: Place{"c", 1}, Sub: []Part{{Name: "s"}, {Name: "t"}}, Next: &Part{Name: "n"}}
	one, due, st, ratio := 1, time.Unix(1, 0).UTC(), Status("s"), 1.0
	serial := int64(len(name))
	return Thing{
		Query: ThingQuery{Name: name, Owner: "o", Year: &one, Labels: []string{"a", "b"}, Items: []Item{{"a", 1}, {"b", 2}},
			Grid: [][]int{{1}, {2}}, Home: Place{"c", 1}, Serial: &serial},
		Text: "t", MaybeInt: &one, Due: &due, Maybe: &st, Ratio: &ratio, Place: Place{"c", 1}, Boss: &p,
		Tags: []string{"a", "b"}, Times: []time.Time{due, {}}, Blobs: [][]byte{{1}, {2}}, Grid: [][]int{{1}, {2}},
		Parts: []Part{p, {Name: "q"}}, Meta: map[string]string{"changed": "v"}, ByNum: map[int64]float64{77: 1},
		ByStatus: map[Status]Part{"changed": p}, Rooms: map[uint16]Place{77: {"r", 1}}, Draft: []Part{p, {Name: "q"}},
		Links: map[destam.ID]Part{{77}: p}, Votes: map[destam.ID]bool{{77}: false},
	}
}

// TestAlive is the other half of the tests below: on a living document every
// mutator changes something, so that not changing anything means something.
func TestAlive(t *testing.T) {
	db := open(t, "memory")
	table := ThingTable(db.DB)
	for i, count := 0, 1; i < count; i++ {
		o, err := table.Create(t.Context(), full(fmt.Sprint("alive ", i)))
		if err != nil {
			t.Fatal(err)
		}
		o.Draft().Append(full("").Draft...)
		all := mutators(t, o)
		count = len(all)
		before := o.Snapshot()
		if err := all[i].call(); err != nil {
			t.Errorf("%s: %v", all[i].name, err)
		}
		if reflect.DeepEqual(before, o.Snapshot()) {
			t.Errorf("%s changes nothing", all[i].name)
		}
		if err := o.Delete(t.Context()); err != nil { // its unique values are free again
			t.Fatal(err)
		}
	}
	if err := db.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	for _, err := range db.errs.take() {
		t.Error(err)
	}
}

// poisoned lets the creation through and nothing after it.
var poisoned = drivertest.Plan{At: 2, Method: drivertest.Append, How: drivertest.Before, Sticky: true, Err: destam.ErrPoisoned}

// TestDead calls every mutator in every state in which a document cannot be
// changed: nothing changes, and the error is returned or reported, once.
func TestDead(t *testing.T) {
	for name, c := range map[string]struct {
		want error
		plan drivertest.Plan
		kill func(t *testing.T, db *opened, o *OThing)
	}{
		"closed": {destam.ErrClosed, drivertest.Plan{}, func(t *testing.T, db *opened, _ *OThing) {
			if err := db.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		"deleted": {destam.ErrDeleted, drivertest.Plan{}, func(t *testing.T, _ *opened, o *OThing) {
			if err := o.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		"poisoned": {destam.ErrPoisoned, poisoned, func(t *testing.T, _ *opened, o *OThing) {
			o.SetText("lost")
			if err := o.Flush(t.Context()); !errors.Is(err, destam.ErrPoisoned) {
				t.Fatalf("Flush gave %v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := drivertest.Faults(memory.Open(nil), c.plan)
			log := &errorLog{}
			d, err := destam.Open(t.Context(), f, &destam.Options{OnError: log.add})
			if err != nil {
				t.Fatal(err)
			}
			db := &opened{DB: d, errs: log}
			defer db.Close(context.Background())
			o, err := ThingTable(d).Create(t.Context(), full(name))
			if err != nil {
				t.Fatal(err)
			}
			o.Draft().Append(full("").Draft...)
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			all := mutators(t, o)
			c.kill(t, db, o)
			log.take()
			before := o.Snapshot()
			for _, m := range all {
				err := m.call()
				if got := log.take(); err == nil && len(got) == 1 {
					err = got[0]
				} else if len(got) > 0 {
					t.Errorf("%s: returned %v and reported %v", m.name, err, got)
				}
				if !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", m.name, err, c.want)
				}
				if diff := o.Snapshot(); !reflect.DeepEqual(diff, before) {
					t.Fatalf("%s changed something", m.name)
				}
			}
			if err := o.Update(func(*OThing) error { t.Error("Update ran"); return nil }); !errors.Is(err, c.want) {
				t.Errorf("Update: %v", err)
			}
			if o.Text() != before.Text {
				t.Error("the getter gives something else")
			}
		})
	}
}

// TestFinishedTransaction calls every mutator, and getters, on handles of a
// transaction that is over.
func TestFinishedTransaction(t *testing.T) {
	db := open(t, "memory")
	o, err := ThingTable(db.DB).Create(t.Context(), full("over"))
	if err != nil {
		t.Fatal(err)
	}
	o.Draft().Append(full("").Draft...)
	for name, run := range map[string]func(func(*OThing) error) error{
		"Update": func(f func(*OThing) error) error { return o.Update(f) },
		"View":   o.View,
	} {
		var kept *OThing
		var all []mutator
		if err := run(func(o *OThing) error { kept, all = o, mutators(t, o); return nil }); err != nil {
			t.Fatal(err)
		}
		all = append(all, mutator{"Text", func() error { kept.Text(); return nil }},
			mutator{"Snapshot", func() error { kept.Snapshot(); return nil }},
			mutator{"Update", func() error { return kept.Update(func(*OThing) error { return nil }) }})
		before := o.Snapshot()
		for _, m := range all {
			func() {
				defer func() {
					if r := recover(); !strings.Contains(fmt.Sprint(r), "handle of a finished transaction") {
						t.Errorf("%s after %s: panic %v", m.name, name, r)
					}
				}()
				m.call()
				t.Errorf("%s after %s does not panic", m.name, name)
			}()
		}
		if !reflect.DeepEqual(o.Snapshot(), before) {
			t.Fatal("something changed")
		}
	}
}

// TestDetachedMutators calls every mutator of an object that was removed: it
// changes the object, nothing of the document, and that is said.
func TestDetachedMutators(t *testing.T) {
	db := open(t, "memory")
	table := ThingTable(db.DB)
	for i, count := 0, 1; i < count; i++ {
		o, err := table.Create(t.Context(), Thing{Query: ThingQuery{Name: fmt.Sprint(i)}, Parts: full("").Parts})
		if err != nil {
			t.Fatal(err)
		}
		p := o.Parts().At(0)
		o.Parts().Remove(0, 1)
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := mutators(t, p)
		count = len(all)
		before, rest, version := p.Snapshot(), o.Snapshot(), o.Version()
		if err := all[i].call(); err != nil {
			t.Errorf("%s: %v", all[i].name, err)
		}
		if reflect.DeepEqual(before, p.Snapshot()) {
			t.Errorf("%s changes nothing", all[i].name)
		}
		if err := o.Flush(t.Context()); !errors.Is(err, destam.ErrDetached) {
			t.Errorf("%s: Flush gave %v", all[i].name, err)
		}
		errs := db.errs.take() // one for each object that was written
		if len(errs) == 0 || strings.Contains(all[i].name, ".Set") && len(errs) != 1 {
			t.Errorf("%s: reported %v", all[i].name, errs)
		}
		for _, err := range errs {
			if !errors.Is(err, destam.ErrDetached) {
				t.Errorf("%s: reported %v", all[i].name, err)
			}
		}
		if !reflect.DeepEqual(rest, o.Snapshot()) || o.Version() != version {
			t.Errorf("%s changed the document", all[i].name)
		}
	}
}

// TestDetached: an object that was removed can be changed through its handle,
// nothing of that is stored, and it is said.
func TestDetached(t *testing.T) {
	db := open(t, "fs")
	table := ThingTable(db.DB)
	o, err := table.Create(t.Context(), full("parts"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.Parts().At(0)
	o.Parts().Remove(0, 1)
	if !destam.Detached(p) {
		t.Error("a removed object is not detached")
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := o.Snapshot()
	db.errs.take()
	p.SetName("written outside")
	if p.Name() != "written outside" {
		t.Error("a detached object does not take a value")
	}
	if err := o.Flush(t.Context()); !errors.Is(err, destam.ErrDetached) {
		t.Errorf("Flush gave %v", err)
	}
	errs := db.errs.take()
	if len(errs) != 1 || !errors.Is(errs[0], destam.ErrDetached) {
		t.Errorf("reported %v", errs)
	}
	if err := o.Parts().Link(0, p); err != nil {
		t.Fatal(err)
	}
	want.Parts = append([]Part{p.Snapshot()}, want.Parts...)
	if err := db.DB.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.again(t)
	again, err := ThingTable(db.DB).Get(t.Context(), o.ID())
	if err != nil {
		t.Fatal(err)
	}
	want.Draft = nil
	equalThings(t, "linked back", again.Snapshot(), want)
}
