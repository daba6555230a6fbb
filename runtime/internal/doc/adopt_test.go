package doc

import (
	"bytes"
	"testing"
	"unsafe"
)

// TestAdopt reads commits in which an object comes from, or to, a place that the
// reader does not know, and to one that it does: whatever else the commit says of
// the object, before or after that, is not lost.
func TestAdopt(t *testing.T) {
	field := func(n *Node, name string) int { return n.typ.byName[name] }
	text := func(n *Node, s string) { setText(n, field(n, "text"), s) }
	item := func(n *Node, list string) *Node { return n.List(field(n, list)).Node(0) }
	bring := func(n *Node, list string, c *Node) {
		l := n.EnsureList(field(n, list))
		l.Open(0, 1)
		l.Put(0, c)
		l.Close(0, 1)
	}
	drop := func(n *Node, list string) { n.List(field(n, list)).Remove(0, 1) }
	for _, test := range []struct {
		name           string
		writer, reader *Type
		change         func(n *Node)
	}{
		{"changed, then moved", newType, oldType, func(n *Node) {
			c := item(n, "archive")
			text(c, "changed")
			drop(n, "archive")
			bring(n, "items", c)
		}},
		{"moved, then changed", newType, oldType, func(n *Node) {
			c := item(n, "archive")
			drop(n, "archive")
			bring(n, "items", c)
			text(c, "changed")
		}},
		{"changed inside, and shown in two places", newType, oldType, func(n *Node) {
			c := item(n, "archive")
			bring(c, "sub", n.doc.Build(c.typ, unsafe.Pointer(&NewItem{Text: "new"})))
			text(item(c, "parts"), "changed")
			bring(n, "items", c)
			bring(n, "items", item(c, "parts"))
		}},
		{"new in an unknown place and in a known one", oldType, newType, func(n *Node) {
			c := n.doc.Build(oldType.Fields[field(n, "boss")].typ, unsafe.Pointer(&OldItem{Text: "new", Sub: []OldItem{{Text: "s"}}}))
			l := n.EnsureList(field(n, "legacy"))
			k := -1
			l.LinkKey(l.field().keys.at(unsafe.Pointer(&k)), c)
			n.SetChild(field(n, "boss"), c)
		}},
		{"new in two unknown places and in a known one", newType, oldType, func(n *Node) {
			c := n.doc.Build(newType.Fields[field(n, "lead")].typ, unsafe.Pointer(&NewItem{Text: "new", Parts: []NewItem{{Text: "p"}}}))
			bring(n, "archive", c)
			n.SetChild(field(n, "lead"), c)
			bring(n, "items", item(c, "parts"))
			bring(n, "items", c)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := New(newType, NewID(), &host{}, Options{KeyBound: 64})
			v := NewThing{Items: []NewItem{{Text: "i"}}, Archive: []NewItem{{Text: "a", Parts: []NewItem{{Text: "p"}}}}}
			first.Init(unsafe.Pointer(&v), nil)
			p, err := first.Create(Cause{})
			if err != nil {
				t.Fatal(err)
			}
			open := func(typ *Type) *Document {
				d := New(typ, first.ID, &host{}, Options{KeyBound: 64})
				if err := d.Replay(1, p.Body); err != nil {
					t.Fatal(err)
				}
				d.Loaded()
				return d
			}
			writer, reader := open(test.writer), open(test.reader)
			do(root(writer), func(*Node) { test.change(writer.root) })
			for _, p := range writer.Seal() {
				writer.Stored(p, writer.base+1)
				if err := reader.Replay(reader.base+1, p.Body); err != nil {
					t.Fatal(err)
				}
			}
			checkHolders(t, reader)
			for _, typ := range []*Type{oldType, newType} { // out of what either writes
				a, b := New(typ, first.ID, &host{}, writer.opts), New(typ, first.ID, &host{}, writer.opts)
				if err := a.Load(2, writer.content()); err != nil {
					t.Fatal(err)
				}
				if err := b.Load(2, reader.content()); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(knows(t, a), knows(t, b)) {
					t.Errorf("who wrote it shows\n%s\nand who read it\n%s", shown(a), shown(b))
				}
			}
		})
	}
}

// TestAdoptFrugal reads a large commit of that kind in as little memory as any.
func TestAdoptFrugal(t *testing.T) {
	d := New(newType, NewID(), &host{}, Options{KeyBound: 64})
	v := NewThing{Archive: []NewItem{{Text: "a"}}}
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	creation := p.Body
	d.Stored(p, 1)
	do(root(d), func(n *Node) {
		archive, items := n.List(n.typ.byName["archive"]), n.EnsureList(n.typ.byName["items"])
		c := archive.Node(0)
		setText(c, c.typ.byName["text"], "changed")
		plain := make([]NewItem, 1000)
		items.InsertPlain(0, len(plain), func(i int) unsafe.Pointer { return unsafe.Pointer(&plain[i]) })
		archive.Remove(0, 1)
		items.Open(0, 1)
		items.Put(0, c)
		items.Close(0, 1)
	})
	for _, p := range d.Seal() {
		d.Stored(p, d.base+1)
		old := frugal(t, p.Body, func() *Document {
			old := New(oldType, d.ID, &host{}, d.opts)
			if err := old.Replay(1, creation); err != nil {
				t.Fatal(err)
			}
			return old
		}, func(old *Document) { err = old.Replay(2, p.Body) })
		if err != nil {
			t.Fatal(err)
		}
		var got OldThing
		old.root.Snapshot(unsafe.Pointer(&got))
		if len(got.Items) != 1001 || got.Items[0].Text != "changed" {
			t.Errorf("%d items, the first %+v", len(got.Items), got.Items[0])
		}
	}
}
