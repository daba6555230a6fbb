package destam

import "time"

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

// The model of the tests of lenses, with what the generator writes for it.

type Garden struct {
	_      struct{}          `destam:"table=gardens"`
	Query  GardenQuery       `destam:"query"`
	Name   string            `destam:"name"`
	Opened *time.Time        `destam:"opened"`
	Beds   []Bed             `destam:"beds"`
	Tools  []string          `destam:"tools"`
	Signs  map[string]Colour `destam:"signs"`
	Rooms  map[int]Bed       `destam:"rooms"`
	Best   *Bed              `destam:"best"`
	Rate   float64           `destam:"rate"`
	Seal   []byte            `destam:"seal"`
	Grid   [][]int           `destam:"grid"`
	Typing bool              `destam:"typing,local"`
	Plots  map[ID]Bed        `destam:"plots"`
}

type GardenQuery struct {
	Slug string `destam:"slug,unique"`
}

type Bed struct {
	Plant string `destam:"plant"`
	Wet   bool   `destam:"wet"`
	Sub   []Bed  `destam:"sub"`
}

type Colour string

type OGarden struct {
	ODocument
	v *oGarden
}

type oGarden struct {
	node   Node
	handle OGarden
	query  oGardenQuery
	name   string
	opened Optional[time.Time]
	beds   Objects[*oBed]
	tools  Leaves
	signs  Leaves
	rooms  Objects[*oBed]
	best   Child[*oBed]
	rate   float64
	seal   []byte
	grid   Leaves
	typing bool
	plots  Objects[*oBed]
}

type OGardenQuery struct {
	OObject
	v *oGardenQuery
}

type oGardenQuery struct {
	node   Node
	handle OGardenQuery
	slug   string
}

type OBed struct {
	OObject
	v *oBed
}

type oBed struct {
	node   Node
	handle OBed
	plant  string
	wet    bool
	sub    Objects[*oBed]
}

func (o *OGarden) Update(fn func(*OGarden) error, opts ...CommitOption) error {
	return Update(&o.OObject, fn, opts)
}
func (o *OGarden) View(fn func(*OGarden) error) error { return View(&o.OObject, fn) }
func (o *OGarden) Observe() *GardenLens               { return (*GardenLens)(Observe(&o.OObject)) }
func (o *OGarden) Snapshot() Garden                   { return *(*Garden)(Snapshot(&o.OObject)) }
func (o *OGarden) Query() *OGardenQuery               { return (*OGardenQuery)(Inner(&o.OObject, 0)) }
func (o *OGarden) SetName(v string)                   { Set(&o.OObject, 1, &o.v.name, v) }
func (o *OGarden) Name() string                       { return Get(&o.OObject, &o.v.name) }
func (o *OGarden) SetOpened(v time.Time)              { SetOptionalTime(&o.OObject, 2, v) }
func (o *OGarden) ClearOpened()                       { ClearOptional(&o.OObject, 2) }
func (o *OGarden) Beds() ObjectArray[*OBed, Bed] {
	return ObjectArrayOf[*OBed, Bed](&o.OObject, 3)
}
func (o *OGarden) Tools() Array[string]       { return ArrayOf[string](&o.OObject, 4) }
func (o *OGarden) Signs() Map[string, Colour] { return MapOf[string, Colour](&o.OObject, 5) }
func (o *OGarden) Rooms() ObjectMap[int, *OBed, Bed] {
	return ObjectMapOf[int, *OBed, Bed](&o.OObject, 6)
}
func (o *OGarden) Best() *OBed        { return (*OBed)(GetChild(&o.OObject, 7)) }
func (o *OGarden) SetBest(v Bed)      { SetChild(&o.OObject, 7, &v) }
func (o *OGarden) ClearBest()         { ClearChild(&o.OObject, 7) }
func (o *OGarden) SetRate(v float64)  { SetFloat(&o.OObject, 8, &o.v.rate, v) }
func (o *OGarden) SetSeal(v []byte)   { SetBytes(&o.OObject, 9, v) }
func (o *OGarden) Seal() []byte       { return GetBytes(&o.OObject, &o.v.seal) }
func (o *OGarden) Grid() Array[[]int] { return ArrayOf[[]int](&o.OObject, 10) }
func (o *OGarden) SetTyping(v bool)   { Set(&o.OObject, 11, &o.v.typing, v) }
func (o *OGarden) Plots() ObjectMap[ID, *OBed, Bed] {
	return ObjectMapOf[ID, *OBed, Bed](&o.OObject, 12)
}

func (o *OBed) Observe() *BedLens              { return (*BedLens)(Observe(&o.OObject)) }
func (o *OBed) Plant() string                  { return Get(&o.OObject, &o.v.plant) }
func (o *OBed) SetPlant(v string)              { Set(&o.OObject, 0, &o.v.plant, v) }
func (o *OBed) SetWet(v bool)                  { Set(&o.OObject, 1, &o.v.wet, v) }
func (o *OBed) Sub() ObjectArray[*OBed, Bed]   { return ObjectArrayOf[*OBed, Bed](&o.OObject, 2) }
func (o *OGardenQuery) SetSlug(v string) error { return SetUnique(&o.OObject, 0, v) }
func (o *OGardenQuery) Snapshot() GardenQuery  { return *(*GardenQuery)(Snapshot(&o.OObject)) }

type GardenLens struct{ ObjectLens }

func (l *GardenLens) Query() *GardenQueryLens  { return (*GardenQueryLens)(InnerLens(l, 0)) }
func (l *GardenLens) Name() *Lens[string]      { return LensAt[string](l, 1) }
func (l *GardenLens) Opened() *Lens[time.Time] { return LensAt[time.Time](l, 2) }
func (l *GardenLens) Beds() *ArrayLens[*BedLens] {
	return ArrayAt[*BedLens](l, 3)
}
func (l *GardenLens) Tools() *LeafArrayLens[string] {
	return LeavesAt[string](l, 4)
}
func (l *GardenLens) Signs() *LeafMapLens[string, Colour] {
	return LeafMapAt[string, Colour](l, 5)
}
func (l *GardenLens) Rooms() *MapLens[int, *BedLens] {
	return MapAt[int, *BedLens](l, 6)
}
func (l *GardenLens) Best() *BedLens              { return (*BedLens)(InnerLens(l, 7)) }
func (l *GardenLens) Rate() *Lens[float64]        { return LensAt[float64](l, 8) }
func (l *GardenLens) Seal() *Lens[[]byte]         { return LensAt[[]byte](l, 9) }
func (l *GardenLens) Grid() *LeafArrayLens[[]int] { return LeavesAt[[]int](l, 10) }
func (l *GardenLens) Typing() *Lens[bool]         { return LensAt[bool](l, 11) }
func (l *GardenLens) Plots() *MapLens[ID, *BedLens] {
	return MapAt[ID, *BedLens](l, 12)
}

type GardenQueryLens struct{ ObjectLens }

func (l *GardenQueryLens) Slug() *Lens[string] { return LensAt[string](l, 0) }

type BedLens struct{ ObjectLens }

func (l *BedLens) Plant() *Lens[string]      { return LensAt[string](l, 0) }
func (l *BedLens) Wet() *Lens[bool]          { return LensAt[bool](l, 1) }
func (l *BedLens) Sub() *ArrayLens[*BedLens] { return ArrayAt[*BedLens](l, 2) }

// eden is a garden with something everywhere.
func eden() Garden {
	opened := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	return Garden{
		Name: "Eden", Opened: &opened, Tools: []string{"rake", "hoe"}, Rate: 4.5,
		Query: GardenQuery{Slug: "eden"},
		Beds:  []Bed{{Plant: "rose", Sub: []Bed{{Plant: "clover"}}}, {Plant: "oak", Wet: true}},
		Signs: map[string]Colour{"gate": "green"}, Rooms: map[int]Bed{1: {Plant: "fern"}},
		Best: &Bed{Plant: "apple"}, Seal: []byte{1, 2}, Grid: [][]int{{1, 2}},
	}
}
