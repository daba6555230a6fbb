package destam

//lint:file-ignore U1000 the runtime finds the fields of state by their offset

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Coin has one leaf of each sort that has a codec, and arrays.
type Coin struct {
	_      struct{}              `destam:"table=coins"`
	Addr   netip.Addr            `destam:"addr"`
	Link   *url.URL              `destam:"link"`
	Sum    big.Int               `destam:"sum"`
	Ratio  *big.Float            `destam:"ratio"`
	Sign   [16]byte              `destam:"sign"`
	Grid   [2][2]int             `destam:"grid"`
	Hosts  [2]netip.Addr         `destam:"hosts"`
	Keys   [][16]byte            `destam:"keys"`
	Pairs  [][2]int              `destam:"pairs"`
	Addrs  []netip.Addr          `destam:"addrs"`
	Nets   map[string]netip.Addr `destam:"nets"`
	Deep   [][]netip.Addr        `destam:"deep"`
	Picky  picky                 `destam:"picky"`
	Packed packed                `destam:"packed"`
	Amount amount                `destam:"amount"`
	Faces  []Face                `destam:"faces"`
}

type Face struct {
	Addr netip.Addr `destam:"addr"`
}

type OCoin struct {
	ODocument
	v *oCoin
}

type OFace struct {
	OObject
	v *oFace
}

type oCoin struct {
	node   Node
	handle OCoin
	addr   Coded
	link   Optional[Coded]
	sum    Coded
	ratio  Optional[Coded]
	sign   [16]byte
	grid   [2][2]int
	hosts  Coded
	keys   Leaves
	pairs  Leaves
	addrs  Leaves
	nets   Leaves
	deep   Leaves
	picky  Coded
	packed Coded
	amount Coded
	faces  Objects[*oFace]
}

type oFace struct {
	node   Node
	handle OFace
	addr   Coded
}

// picky is a text that is refused when it says so, by its encoder or decoder.
type picky struct{ text string }

func (p picky) MarshalText() ([]byte, error) {
	if p.text == "panic" {
		panic("picky")
	}
	if p.text == "encode" {
		return nil, errors.New("not this")
	}
	return []byte(p.text), nil
}

func (p *picky) UnmarshalText(b []byte) error {
	if p.text = string(b); p.text == "decode" {
		return errors.New("not that")
	}
	return nil
}

// packed writes its own msgpack.
type packed struct {
	Words []string
	Ext   bool // of a type that is ours
}

func (p *packed) EncodeMsgpack(e *msgpack.Encoder) error {
	if p.Ext {
		return e.EncodeExtHeader(2, 0)
	}
	return e.Encode(p.Words)
}

func (p *packed) DecodeMsgpack(d *msgpack.Decoder) error { return d.Decode(&p.Words) }

// amount has no codec of its own.
type amount struct{ cents int64 }

var _ = RegisterLeaf(
	func(a amount) ([]byte, error) { return fmt.Appendf(nil, "%d", a.cents), nil },
	func(b []byte) (a amount, err error) { _, err = fmt.Sscan(string(b), &a.cents); return a, err })

const (
	coinAddr = iota
	coinLink
	coinSum
	coinRatio
	coinSign
	coinGrid
	coinHosts
	coinKeys
	coinPairs
	coinAddrs
	coinNets
	coinDeep
	coinPicky
	coinPacked
	coinAmount
	coinFaces
)

type coins = Table[*OCoin, Coin, struct{}]

func openCoins(t *testing.T, store *memory.Store, report func(error)) (*DB, *coins) {
	t.Helper()
	db, err := Open(t.Context(), store, &Options{OnError: report})
	if err != nil {
		t.Fatal(err)
	}
	return db, tableOf[*Table[*OCoin, Coin, struct{}]](db)
}

func fullCoin(t *testing.T) Coin {
	link, err := url.Parse("https://ann:secret@example.com/a%2fb?c=d#e")
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%eth0")
	return Coin{
		Addr: b, Link: link, Sum: *new(big.Int).Lsh(big.NewInt(-7), 200),
		Ratio: new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3)),
		Sign:  [16]byte{1, 15: 2}, Grid: [2][2]int{{1, 2}, {3, 4}}, Hosts: [2]netip.Addr{a, b},
		Keys: [][16]byte{{3}, {4}}, Pairs: [][2]int{{5, 6}}, Addrs: []netip.Addr{a, {}, b},
		Nets: map[string]netip.Addr{"x": a, "none": {}}, Deep: [][]netip.Addr{{a, b}, {b}},
		Picky: picky{"good"}, Packed: packed{Words: []string{"a", "b"}}, Amount: amount{250},
		Faces: []Face{{Addr: a}, {}},
	}
}

func sameCoin(t *testing.T, what string, got, want Coin) {
	t.Helper()
	show := func(c Coin) string {
		return fmt.Sprintf("%v %v %v %v %v %v %v %v %v %v %v %v %v %v %v %v", c.Addr, c.Link, c.Sum.String(), c.Ratio.Text('p', 0),
			c.Sign, c.Grid, c.Hosts, c.Keys, c.Pairs, c.Addrs, c.Nets, c.Deep, c.Picky, c.Packed, c.Amount, c.Faces)
	}
	if g, w := show(got), show(want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// TestCodecs takes values with codecs through everything that a document does.
func TestCodecs(t *testing.T) {
	ctx := t.Context()
	store := memory.Open(nil)
	var reports []error
	db, table := openCoins(t, store, func(err error) { reports = append(reports, err) })
	want := fullCoin(t)
	coin, err := table.Create(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	snapshot := func(c *OCoin) Coin { return *(*Coin)(Snapshot(&c.OObject)) }
	sameCoin(t, "created", snapshot(coin), want)

	// What a getter gives is a copy.
	sum := GetCoded[big.Int](&coin.OObject, coinSum)
	sum.Neg(&sum).Bits()[0] = 99
	sameCoin(t, "after a copy was changed", snapshot(coin), want)

	var heard []Change[netip.Addr]
	lens := LensAt[netip.Addr](&ObjectLens{lens{&coin.OObject, (*ObjectLens)(Observe(&coin.OObject)).l}}, coinAddr)
	stop := lens.Watch(func(c Change[netip.Addr]) { heard = append(heard, c) })
	var told []string
	stopTold := coin.Watch(func(c *Commit) { told = append(told, fmt.Sprint(c.Deltas)) })
	next := netip.MustParseAddr("10.9.9.9")
	for range 2 { // the second changes nothing
		if err := SetCoded(&coin.OObject, coinAddr, next); err != nil {
			t.Fatal(err)
		}
	}
	if len(heard) != 1 || heard[0].Old != want.Addr || heard[0].New != next {
		t.Errorf("heard %v, want one change from %v to %v", heard, want.Addr, next)
	}
	if len(told) != 1 || !strings.Contains(told[0], next.String()) {
		t.Errorf("told %q, want one commit with %v", told, next)
	}
	stop()
	stopTold()
	want.Addr = next

	addrs := ArrayOf[netip.Addr](&coin.OObject, coinAddrs)
	addrs.Append(next)
	addrs.Set(1, next)
	addrs.Move(0, 3)
	want.Addrs = []netip.Addr{next, want.Addrs[2], next, want.Addrs[0]}
	if got := addrs.At(3); got != want.Addrs[3] {
		t.Errorf("the last is %v, want %v", got, want.Addrs[3])
	}
	MapOf[string, netip.Addr](&coin.OObject, coinNets).Set("y", next)
	want.Nets["y"] = next
	pairs := ArrayOf[[2]int](&coin.OObject, coinPairs)
	pairs.Insert(0, [2]int{8, 9})
	want.Pairs = [][2]int{{8, 9}, {5, 6}}
	SetArray(&coin.OObject, coinGrid, [2][2]int{{9, 9}})
	want.Grid = [2][2]int{{9, 9}}
	sameCoin(t, "changed", snapshot(coin), want)

	// An Update that fails takes values with codecs back.
	failed := errors.New("failed")
	err = Update(&coin.OObject, func(o *OCoin) error {
		if err := SetCoded(&o.OObject, coinPicky, picky{"other"}); err != nil {
			return err
		}
		ArrayOf[netip.Addr](&o.OObject, coinAddrs).Clear()
		return failed
	}, nil)
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	sameCoin(t, "rolled back", snapshot(coin), want)

	other := want
	other.Addrs = slices.Delete(slices.Clone(want.Addrs), 0, 1)
	other.Faces = []Face{{Addr: next}}
	Assign(&coin.OObject, &other)
	sameCoin(t, "assigned", snapshot(coin), other)
	if err := coin.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	id := coin.ID()
	state, err := store.Load(ctx, "coins", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	var again *live
	_, err = table.t.build(ctx, &state, func() *doc.Document {
		again = table.t.newLive(id)
		return again.doc
	})
	if err != nil {
		t.Fatal(err)
	}
	sameCoin(t, "loaded", snapshot(as[*OCoin](again.handle())), other)
	if len(reports) > 0 {
		t.Error(reports)
	}
	if err := db.Close(context.WithoutCancel(ctx)); err != nil {
		t.Error(err)
	}
}

// TestCodecsRefuse holds that a value which cannot be encoded, or decoded again,
// changes nothing: setters say so, what has no error to return reports it.
func TestCodecsRefuse(t *testing.T) {
	ctx := t.Context()
	var reports []error
	db, table := openCoins(t, memory.Open(nil), func(err error) { reports = append(reports, err) })
	defer db.Close(ctx)
	for _, bad := range []string{"encode", "decode", "panic"} {
		if _, err := table.Create(ctx, Coin{Picky: picky{bad}}); !errors.Is(err, ErrCodec) {
			t.Errorf("Create with %s: %v, want ErrCodec", bad, err)
		}
	}
	coin, err := table.Create(ctx, Coin{Picky: picky{"good"}})
	if err != nil {
		t.Fatal(err)
	}
	o := &coin.OObject
	if err := SetCoded(o, coinPicky, picky{"decode"}); !errors.Is(err, ErrCodec) {
		t.Errorf("SetCoded: %v, want ErrCodec", err)
	}
	if err := SetCoded(o, coinPacked, packed{Ext: true}); !errors.Is(err, ErrCodec) {
		t.Errorf("SetCoded of an extension of ours: %v, want ErrCodec", err)
	}
	if len(reports) > 0 {
		t.Errorf("reported: %v", reports)
	}
	Assign(o, &Coin{Picky: picky{"panic"}, Amount: amount{1}})
	if len(reports) != 1 || !errors.Is(reports[0], ErrCodec) {
		t.Errorf("Assign reported %v, want ErrCodec", reports)
	}
	if err := Update(o, func(o *OCoin) error {
		Assign(&o.OObject, &Coin{Picky: picky{"encode"}})
		return nil
	}, nil); err != nil || len(reports) != 2 {
		t.Errorf("Assign in an Update: %v, reported %v", err, reports)
	}
	if got := *(*Coin)(Snapshot(o)); got.Picky.text != "good" || got.Amount.cents != 0 {
		t.Errorf("something was changed: %v", got)
	}
}

// TestRegisterTwice holds that a type has one codec.
func TestRegisterTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("amount was registered twice")
		}
	}()
	RegisterLeaf(func(amount) ([]byte, error) { return nil, nil }, func([]byte) (amount, error) { return amount{}, nil })
}
