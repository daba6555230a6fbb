package destam

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// The model of the tests of this package's database side, and what destamgen
// would write for it.

type Card struct {
	_     struct{}          `destam:"table=cards"`
	Query CardQuery         `destam:"query"`
	Title string            `destam:"title"`
	Count int               `destam:"count"`
	Tags  []string          `destam:"tags"`
	Lines []Line            `destam:"lines"`
	Meta  map[string]string `destam:"meta"`
}

type CardQuery struct {
	Owner  string   `destam:"owner"`
	Slug   *string  `destam:"slug,unique"`
	Labels []string `destam:"labels"`
	Year   *int     `destam:"year"`
	Items  []Item   `destam:"items"`
	Place  Address  `destam:"place"`
	Open   bool     `destam:"open"`
}

type Line struct {
	Text string `destam:"text"`
	Sub  []Line `destam:"sub"`
}

type Item struct {
	SKU   string `destam:"sku"`
	Count uint32 `destam:"count"`
}

type Address struct {
	City string `destam:"city"`
	Zip  *int32 `destam:"zip"`
}

type OCardTable = Table[*OCard, Card, CardQuery]

// tableOf is what generated code does, for types that have none.
func tableOf[T any](db *DB) (t T) { return as[T](TableOf(db, t)) }

func CardTable(db *DB) *OCardTable { return tableOf[*Table[*OCard, Card, CardQuery]](db) }

var CardWhere *CardPaths

type OCard struct {
	ODocument
	v *oCard
}

type oCard struct {
	node   Node
	handle OCard
	query  oCardQuery
	title  string
	count  int
	tags   Leaves
	lines  Objects[*oLine]
	meta   Leaves
}

func (o *OCard) Update(fn func(*OCard) error, opts ...CommitOption) error {
	return Update(&o.OObject, fn, opts)
}
func (o *OCard) View(fn func(*OCard) error) error { return View(&o.OObject, fn) }
func (o *OCard) Snapshot() Card                   { return *(*Card)(Snapshot(&o.OObject)) }
func (o *OCard) Assign(v Card)                    { Assign(&o.OObject, &v) }
func (o *OCard) Query() *OCardQuery               { return (*OCardQuery)(Inner(&o.OObject, 0)) }
func (o *OCard) Title() string                    { return Get(&o.OObject, &o.v.title) }
func (o *OCard) SetTitle(v string)                { Set(&o.OObject, 1, &o.v.title, v) }
func (o *OCard) Count() int                       { return Get(&o.OObject, &o.v.count) }
func (o *OCard) SetCount(v int)                   { Set(&o.OObject, 2, &o.v.count, v) }
func (o *OCard) Tags() Array[string]              { return ArrayOf[string](&o.OObject, 3) }
func (o *OCard) Lines() ObjectArray[*OLine, Line] { return ObjectArrayOf[*OLine, Line](&o.OObject, 4) }
func (o *OCard) Meta() Map[string, string]        { return MapOf[string, string](&o.OObject, 5) }

type OCardQuery struct {
	OObject
	v *oCardQuery
}

type oCardQuery struct {
	node   Node
	handle OCardQuery
	owner  string
	slug   Optional[string]
	labels Leaves
	year   Optional[int]
	items  Objects[*oItem]
	place  oAddress
	open   bool
}

func (o *OCardQuery) Snapshot() CardQuery    { return *(*CardQuery)(Snapshot(&o.OObject)) }
func (o *OCardQuery) Assign(v CardQuery)     { Assign(&o.OObject, &v) }
func (o *OCardQuery) Owner() string          { return Get(&o.OObject, &o.v.owner) }
func (o *OCardQuery) SetOwner(v string)      { Set(&o.OObject, 0, &o.v.owner, v) }
func (o *OCardQuery) Slug() (string, bool)   { return GetOptional(&o.OObject, &o.v.slug) }
func (o *OCardQuery) SetSlug(v string) error { return SetOptionalUnique(&o.OObject, 1, v) }
func (o *OCardQuery) ClearSlug()             { ClearOptional(&o.OObject, 1) }
func (o *OCardQuery) Labels() Array[string]  { return ArrayOf[string](&o.OObject, 2) }
func (o *OCardQuery) Year() (int, bool)      { return GetOptional(&o.OObject, &o.v.year) }
func (o *OCardQuery) SetYear(v int)          { SetOptional(&o.OObject, 3, v) }
func (o *OCardQuery) ClearYear()             { ClearOptional(&o.OObject, 3) }
func (o *OCardQuery) Items() ObjectArray[*OItem, Item] {
	return ObjectArrayOf[*OItem, Item](&o.OObject, 4)
}
func (o *OCardQuery) Place() *OAddress { return (*OAddress)(Inner(&o.OObject, 5)) }
func (o *OCardQuery) Open() bool       { return Get(&o.OObject, &o.v.open) }
func (o *OCardQuery) SetOpen(v bool)   { Set(&o.OObject, 6, &o.v.open, v) }

type OLine struct {
	OObject
	v *oLine
}

type oLine struct {
	node   Node
	handle OLine
	text   string
	sub    Objects[*oLine]
}

func (o *OLine) Text() string                   { return Get(&o.OObject, &o.v.text) }
func (o *OLine) SetText(v string)               { Set(&o.OObject, 0, &o.v.text, v) }
func (o *OLine) Sub() ObjectArray[*OLine, Line] { return ObjectArrayOf[*OLine, Line](&o.OObject, 1) }

type OItem struct {
	OObject
	v *oItem
}

type oItem struct {
	node   Node
	handle OItem
	sku    string
	count  uint32
}

func (o *OItem) SKU() string       { return Get(&o.OObject, &o.v.sku) }
func (o *OItem) SetSKU(v string)   { Set(&o.OObject, 0, &o.v.sku, v) }
func (o *OItem) SetCount(v uint32) { Set(&o.OObject, 1, &o.v.count, v) }

type OAddress struct {
	OObject
	v *oAddress
}

type oAddress struct {
	node   Node
	handle OAddress
	city   string
	zip    Optional[int32]
}

func (o *OAddress) City() string     { return Get(&o.OObject, &o.v.city) }
func (o *OAddress) SetCity(v string) { Set(&o.OObject, 0, &o.v.city, v) }
func (o *OAddress) SetZip(v int32)   { SetOptional(&o.OObject, 1, v) }

type CardPaths Place

func (w *CardPaths) Owner() *Where[*OCard, string] {
	return (*Where[*OCard, string])(At((*Place)(w), "owner"))
}
func (w *CardPaths) Slug() *WhereOptional[*OCard, string] {
	return (*WhereOptional[*OCard, string])(At((*Place)(w), "slug"))
}
func (w *CardPaths) Labels() *WhereArray[*OCard, string] {
	return (*WhereArray[*OCard, string])(At((*Place)(w), "labels"))
}
func (w *CardPaths) Year() *WhereOptional[*OCard, int] {
	return (*WhereOptional[*OCard, int])(At((*Place)(w), "year"))
}
func (w *CardPaths) Items() *WhereObjects[*OCard, Item, ItemPaths[*OCard]] {
	return (*WhereObjects[*OCard, Item, ItemPaths[*OCard]])(At((*Place)(w), "items"))
}
func (w *CardPaths) Place() *AddressPaths[*OCard] {
	return (*AddressPaths[*OCard])(At((*Place)(w), "place"))
}
func (w *CardPaths) Open() *Where[*OCard, bool] {
	return (*Where[*OCard, bool])(At((*Place)(w), "open"))
}

type ItemPaths[D any] Place

func (w *ItemPaths[D]) SKU() *Where[D, string] { return (*Where[D, string])(At((*Place)(w), "sku")) }
func (w *ItemPaths[D]) Count() *Where[D, uint32] {
	return (*Where[D, uint32])(At((*Place)(w), "count"))
}
func (w *ItemPaths[D]) Is(v Item) Predicate[D] { return Is[D]((*Place)(w), &v) }

type AddressPaths[D any] Place

func (w *AddressPaths[D]) City() *Where[D, string] {
	return (*Where[D, string])(At((*Place)(w), "city"))
}
func (w *AddressPaths[D]) Zip() *WhereOptional[D, int32] {
	return (*WhereOptional[D, int32])(At((*Place)(w), "zip"))
}
func (w *AddressPaths[D]) Is(v Address) Predicate[D] { return Is[D]((*Place)(w), &v) }

// Memo is a document without a query section.
type Memo struct {
	_    struct{} `destam:"table=memos"`
	Text string   `destam:"text"`
}

type OMemo struct {
	ODocument
	v *oMemo
}

type oMemo struct {
	node   Node
	handle OMemo
	text   string
}

func (o *OMemo) Text() string     { return Get(&o.OObject, &o.v.text) }
func (o *OMemo) SetText(v string) { Set(&o.OObject, 0, &o.v.text, v) }

func MemoTable(db *DB) *Table[*OMemo, Memo, struct{}] {
	return tableOf[*Table[*OMemo, Memo, struct{}]](db)
}
