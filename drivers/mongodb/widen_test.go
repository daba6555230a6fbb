package mongodb

import (
	"errors"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Schedules of two programs of which one makes a field unique that the other
// does not know to be.

var wider = driver.Schema{Table: notes, Unique: []string{"owner", "slug", "tag"}, Revision: 2}

// shortLease makes that something for tests.
const shortLease = 150 * time.Millisecond

// owned makes a commit of the older program, whose section has an owner, and
// the same of the newer.
func (p *pair) owned(doc driver.ID, seq uint64, owner string) (older, newer driver.Commit) {
	p.t.Helper()
	section := driver.Object{{Name: "owner", Value: owner}}
	older = p.commit(doc, seq, "")
	var err error
	if older.Section, err = driver.AppendValue(nil, section); err != nil {
		p.t.Fatal(err)
	}
	newer = p.commit(doc, seq, "")
	newer.Section, newer.Held = older.Section, driver.Held(section, wider.Unique)
	return older, newer
}

func older(c, _ driver.Commit) driver.Commit { return c }
func newer(_, c driver.Commit) driver.Commit { return c }

// outdated wants a commit of the older program refused because it is older.
func (p *pair) outdated(c driver.Commit) {
	p.t.Helper()
	var outdated *driver.SchemaError
	if err := p.append(p.a, c); !errors.As(err, &outdated) || errors.Is(err, driver.ErrUnknown) {
		p.t.Errorf("version %d of %s by an older program: %v", c.Seq, c.ID, err)
	}
}

func TestWiden(t *testing.T) {
	serverURI(t)
	tests := map[string]func(p *pair){
		"an older program goes on": func(p *pair) {
			p.accepted(p.a, older(p.owned(id(1), 1, "ann")))
			p.accepted(p.a, older(p.owned(id(2), 1, "eve")))
			if err := p.b.Declare(p.t.Context(), wider); err != nil {
				p.t.Fatal(err)
			}
			p.outdated(older(p.owned(id(3), 1, "ann")))
			p.outdated(older(p.owned(id(1), 2, "ann")))
			if err := p.a.Purge(p.t.Context(), notes, id(1)); err == nil {
				p.t.Error("an older program purges")
			}
			p.duplicate(p.b, newer(p.owned(id(4), 1, "ann")), id(1))
			p.duplicate(p.b, newer(p.owned(id(2), 3, "ann")), id(1))
			p.accepted(p.b, newer(p.owned(id(1), 3, "bob")))
			p.accepted(p.b, newer(p.owned(id(2), 3, "ann")))
			if err := p.a.Declare(p.t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err == nil {
				p.t.Error("an older program begins")
			}
		},
		"who declared has stopped": func(p *pair) {
			p.accepted(p.a, older(p.owned(id(1), 1, "ann")))
			d := declaration{Key: declarationKey(notes, 2), Unique: wider.Unique, Revision: 2, Widens: true}
			if _, err := p.b.db.Collection(meta).InsertOne(p.t.Context(), d); err != nil {
				p.t.Fatal(err)
			}
			p.lands(older(p.owned(id(2), 1, "eve")), known{}) // nobody has waited yet
			newest := wider
			newest.Revision = 3 // the next release
			if err := p.b.Declare(p.t.Context(), newest); err != nil {
				p.t.Fatal(err)
			}
			p.outdated(older(p.owned(id(3), 1, "bob")))
			p.duplicate(p.b, newer(p.owned(id(4), 1, "ann")), id(1))
			p.duplicate(p.b, newer(p.owned(id(4), 1, "eve")), id(2))
		},
		"two documents came to have one value after it was looked": func(p *pair) {
			p.accepted(p.a, older(p.owned(id(1), 1, "ann")))
			d := declaration{Key: declarationKey(notes, 2), Unique: wider.Unique, Revision: 2, Widens: true}
			if _, err := p.b.db.Collection(meta).InsertOne(p.t.Context(), d); err != nil {
				p.t.Fatal(err)
			}
			p.lands(older(p.owned(id(2), 1, "ann")), known{})
			var conflict *driver.SchemaError
			if err := p.b.Declare(p.t.Context(), wider); !errors.As(err, &conflict) {
				p.t.Fatalf("Declare gives %v", err)
			}
			// It is taken back, so the older program goes on.
			if err := p.a.renew(p.t.Context(), p.log); err != nil {
				p.t.Fatal(err)
			}
			p.accepted(p.a, older(p.owned(id(2), 2, "eve")))
			p.accepted(p.b, older(p.owned(id(3), 1, "eve")))
			p.accepted(p.b, older(p.owned(id(3), 2, "bob")))
			if err := p.b.Declare(p.t.Context(), wider); err != nil {
				p.t.Fatal(err)
			}
			p.duplicate(p.b, newer(p.owned(id(3), 4, "ann")), id(1))
		},
		"an answer comes when the lease is over": func(p *pair) {
			g := newGateway(p.t)
			slow, err := New(p.t.Context(), g.client(), &p.b.opts)
			if err != nil {
				p.t.Fatal(err)
			}
			defer slow.Close(p.t.Context())
			if err := slow.Declare(p.t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err != nil {
				p.t.Fatal(err)
			}
			arrived, goes := make(chan bool, 1), make(chan bool)
			g.judges(func(c *command) fate {
				if c.name == "insert" && c.collection == notes+".log" {
					arrived <- true
					<-goes
				}
				return passes
			})
			c, answer := older(p.owned(id(1), 1, "ann")), make(chan error, 1)
			go func() { answer <- p.append(slow, c) }()
			<-arrived
			if err := p.b.Declare(p.t.Context(), wider); err != nil {
				p.t.Fatal(err)
			}
			close(goes)
			var outdated *driver.SchemaError
			if err := <-answer; !errors.Is(err, driver.ErrUnknown) || !errors.As(err, &outdated) {
				p.t.Errorf("what came too late for those who made the field unique: %v", err)
			}
			if err := p.append(slow, c); !errors.Is(err, driver.ErrUnknown) {
				p.t.Errorf("the same again: %v", err)
			}
			// The next change of the document claims what it shows.
			p.accepted(p.b, newer(p.owned(id(1), 2, "ann")))
			p.duplicate(p.b, newer(p.owned(id(2), 1, "ann")), id(1))
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) { run(newPairWith(t, Options{lease: shortLease})) })
	}
}
