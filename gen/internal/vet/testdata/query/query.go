// Package query asks dynamic queries by constant paths, right and wrong.
package query

import (
	"github.com/destam-go/destamgen/examples/orders"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

const email = "profile.emial"

func ask(db *destam.DB, where map[string]any, key string) {
	table := notes.NoteTable(db)
	destam.Dynamic(table, map[string]any{
		"owner":     "ann",
		"labels":    "home",
		"labels.[]": "home",
		"profile":   map[string]any{"emial": "the value is not looked at"},
		key:         1,

		"slgu":           1, // want `the query section has no field "slgu", so this matches nothing \(fix: "slug"\)`
		"ownr":           1, // want `\(fix: "owner"\)`
		email:            1, // want `the query section has no field "profile.emial", so this matches nothing \(fix: "profile.email"\)`
		"prfile.email":   1, // want `\(fix: "profile.email"\)`
		`profile.adminn`: 1, // want `\(fix: "profile.admin"\)`
		"query.owner":    1, // want `\(fix: one of owner, slug, labels, profile\)`
		"owner.name":     1, // want `the query section has no field "owner.name", so this matches nothing$`
		"labels.0":       1, // want `no field "labels.0"`
		"":               1, // want `no field ""`
		"title":          1, // want `no field "title"`
		"owner.[]":       1, // want `no field "owner.\[\]"`
	})
	destam.Dynamic(table, where)

	query := map[string]any{"slugg": "inbox"} // want `\(fix: "slug"\)`
	query["onwer"] = "ann"                    // want `\(fix: "owner"\)`
	query[key] = 1
	destam.Dynamic(table, query)

	other := map[string]any{"anything": 1}
	other["else"] = 2

	var again = map[string]any{"Owner": 1} // want `\(fix: "owner"\)`
	destam.Dynamic(table, again)

	destam.Dynamic(orders.OrderTable(db), map[string]any{"owner": 1}) // want `no field "owner"`
}

func generic[O, P, Q any](table *destam.Table[O, P, Q]) {
	destam.Dynamic(table, map[string]any{"anything": 1})
}

// section has fields that an embedded struct lends.
type section struct {
	lent
	Own int `destam:"own"`
}

type lent struct {
	Lender string `destam:"lender"`
}

func embedded(table *destam.Table[*notes.ONote, notes.Note, section]) {
	destam.Dynamic(table, map[string]any{
		"own":   1,
		"lendr": 1, // want `no field "lendr", so this matches nothing \(fix: "lender"\)`
		"query": 1, // want `\(fix: one of lender, own\)`
	})
}
