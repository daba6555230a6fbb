// Package orders is a model whose query section has an array of objects and an
// optional field: what the examples of package destam about queries ask for.
//
// The types in order_destam.go are written by destamgen from the structs here.
package orders

//go:generate go tool destamgen

// Order is one document of the table "orders".
type Order struct {
	_     struct{}   `destam:"table=orders"`
	Query OrderQuery `destam:"query"`
	Notes string     `destam:"notes"`
}

// OrderQuery is what orders can be found by.
type OrderQuery struct {
	Number   int     `destam:"number,unique"`
	Customer string  `destam:"customer"`
	Items    []Item  `destam:"items"`
	Coupon   *string `destam:"coupon"` // absent when there is none
}

// Item is so many of one thing.
type Item struct {
	SKU   string `destam:"sku"`
	Count int    `destam:"count"`
}
