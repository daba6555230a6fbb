package acceptance

import (
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
)

//go:generate go tool destamgen

// Status is a named string.
type Status string

// Level is a named integer.
type Level int8

// Thing is a document with a field of every kind.
type Thing struct {
	_     struct{}   `destam:"table=things"`
	Query ThingQuery `destam:"query"`

	Text     string        `destam:"text"`
	Flag     bool          `destam:"flag"`
	Int      int           `destam:"int"`
	Int8     int8          `destam:"int8"`
	Int16    int16         `destam:"int16"`
	Int32    int32         `destam:"int32"`
	Int64    int64         `destam:"int64"`
	Uint     uint          `destam:"uint"`
	Uint8    uint8         `destam:"uint8"`
	Uint16   uint16        `destam:"uint16"`
	Uint32   uint32        `destam:"uint32"`
	Uint64   uint64        `destam:"uint64"`
	Float32  float32       `destam:"float32"`
	Float64  float64       `destam:"float64"`
	Status   Status        `destam:"status"`
	Level    Level         `destam:"level"`
	Made     time.Time     `destam:"made"`
	Lasts    time.Duration `destam:"lasts"`
	Blob     []byte        `destam:"blob"`
	MaybeInt *int          `destam:"maybeInt"`
	Due      *time.Time    `destam:"due"`
	Maybe    *Status       `destam:"maybe"`
	Ratio    *float64      `destam:"ratio"`

	Place    Place              `destam:"place"`
	Boss     *Part              `destam:"boss"`
	Tags     []string           `destam:"tags"`
	Times    []time.Time        `destam:"times"`
	Blobs    [][]byte           `destam:"blobs"`
	Grid     [][]int            `destam:"grid"`
	Parts    []Part             `destam:"parts"`
	Meta     map[string]string  `destam:"meta"`
	ByNum    map[int64]float64  `destam:"byNum"`
	ByStatus map[Status]Part    `destam:"byStatus"`
	Rooms    map[uint16]Place   `destam:"rooms"`
	Links    map[destam.ID]Part `destam:"links"`
	Votes    map[destam.ID]bool `destam:"votes"`

	Typing bool   `destam:"typing,local"`
	Draft  []Part `destam:"draft,local"`
}

// ThingQuery is the query section of a Thing.
type ThingQuery struct {
	Name   string   `destam:"name,unique"`
	Owner  string   `destam:"owner"`
	Year   *int     `destam:"year"`
	Level  Level    `destam:"level"`
	Labels []string `destam:"labels"`
	Items  []Item   `destam:"items"`
	Grid   [][]int  `destam:"grid"`
	Home   Place    `destam:"home"`
	Serial *int64   `destam:"serial,unique"`
}

// Item is an object in a query section's array.
type Item struct {
	SKU   string `destam:"sku"`
	Count int    `destam:"count"`
}

// Place is a nested object.
type Place struct {
	City string `destam:"city"`
	Zip  uint32 `destam:"zip"`
}

// Part contains itself.
type Part struct {
	Name  string `destam:"name"`
	Count int    `destam:"count"`
	At    Place  `destam:"at"`
	Sub   []Part `destam:"sub"`
	Next  *Part  `destam:"next"`
}
