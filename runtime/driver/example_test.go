package driver_test

import (
	"fmt"

	"github.com/destam-go/destamgen/runtime/driver"
)

func ExamplePredicate() {
	section := driver.Object{
		{Name: "owner", Value: "ann"},
		{Name: "labels", Value: driver.Array{"home", "urgent"}},
		{Name: "items", Value: driver.Array{
			driver.Object{{Name: "sku", Value: "a"}, {Name: "count", Value: int64(1)}},
			driver.Object{{Name: "sku", Value: "b"}, {Name: "count", Value: int64(2)}},
		}},
	}
	preds := []driver.Predicate{
		{Path: []string{"labels"}, Op: driver.OpHas, Value: "home"},
		{Path: []string{"items"}, Op: driver.OpMatch, All: []driver.Predicate{
			{Path: []string{"sku"}, Op: driver.OpIs, Value: "a"},
			{Path: []string{"count"}, Op: driver.OpIs, Value: int64(2)},
		}},
	}
	for _, p := range preds {
		fmt.Println(p.Path, p.Holds(section), p.Exact())
	}
	for _, term := range driver.Needs(preds) {
		fmt.Println(term.Path())
	}
	// Output:
	// [labels] true true
	// [items] false false
	// items.[].count
	// items.[].sku
	// labels.[]
}

func ExampleHeld() {
	section := driver.Object{
		{Name: "slug", Value: "inbox"},
		{Name: "profile", Value: driver.Object{{Name: "email", Value: "a@b.c"}}},
	}
	for _, term := range driver.Held(section, []string{"nickname", "profile.email", "slug"}) {
		fmt.Printf("%q\n", term)
	}
	// Output:
	// "profile.email\x00sa@b.c"
	// "slug\x00sinbox"
}
