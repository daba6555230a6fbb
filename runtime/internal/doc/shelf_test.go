package doc

import (
	"reflect"
)

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// Shelf has maps and required objects below objects that come and go.

type Shelf struct {
	_     struct{} `destam:"table=shelves"`
	Boxes []Box    `destam:"boxes"`
}

type Box struct {
	Notes  map[string]string `destam:"notes"`
	Things map[string]Thing  `destam:"things"`
	Lid    Lid               `destam:"lid"`
}

type Thing struct {
	Text string `destam:"text"`
}

type Lid struct {
	Colour *string `destam:"colour"`
}

type oShelf struct {
	node   Node
	handle hShelf
	boxes  Objects[*oBox]
}

type hShelf struct {
	Object
	v *oShelf
}

type oBox struct {
	node   Node
	handle hBox
	notes  Leaves
	things Objects[*oThing]
	lid    oLid
}

type hBox struct {
	Object
	v *oBox
}

type oThing struct {
	node   Node
	handle hThing
	text   string
}

type hThing struct {
	Object
	v *oThing
}

type oLid struct {
	node   Node
	handle hLid
	colour Optional[string]
}

type hLid struct {
	Object
	v *oLid
}

var shelfType = TypeOf(reflect.TypeFor[hShelf](), reflect.TypeFor[Shelf]())
