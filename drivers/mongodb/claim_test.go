package mongodb

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Schedules of two processes that quarrel about unique values and sequences,
// each of which broke some simpler protocol (those with a number are traces that
// a model of it found). One process is a store, the other
// is another store or what it did before it stopped.

const notes = "notes"

// pair is two stores on one database.
type pair struct {
	t    *testing.T
	a, b *Store
	log  *table
}

func newPair(t *testing.T) *pair { return newPairWith(t, Options{}) }

func newPairWith(t *testing.T, opts Options) *pair {
	t.Helper()
	opts.Database, opts.Grace = freshDatabase(), 20*time.Millisecond
	open := func() *Store {
		s, err := New(t.Context(), connect(t, opts.Database), &opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		})
		if err := s.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := &pair{t: t, a: open(), b: open()}
	var err error
	if p.log, err = p.a.table(notes); err != nil {
		t.Fatal(err)
	}
	return p
}

func id(n byte) driver.ID { return driver.ID{15: n} }

func term(path, value string) driver.Term { return driver.TermOf([]string{path}, value) }

// commit makes a commit whose section has the slug, and the tag if there is one.
func (p *pair) commit(doc driver.ID, seq uint64, slug string, tag ...string) driver.Commit {
	p.t.Helper()
	c := driver.Commit{Table: notes, ID: doc, Seq: seq, Kind: driver.KindChange, Time: time.Unix(1, 0).UTC(), Body: []byte{0x90}}
	rand.Read(c.Try[:])
	section := driver.Object{}
	if slug != "" {
		section = append(section, driver.Member{Name: "slug", Value: slug})
	}
	if len(tag) > 0 {
		section = append(section, driver.Member{Name: "tag", Value: tag[0]})
	}
	c.Held = driver.Held(section, []string{"slug", "tag"})
	var err error
	if c.Section, err = driver.AppendValue(nil, section); err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *pair) append(s *Store, c driver.Commit) error {
	return s.Append(p.t.Context(), []driver.Commit{c})[0].Err
}

func (p *pair) accepted(s *Store, c driver.Commit) {
	p.t.Helper()
	if err := p.append(s, c); err != nil {
		p.t.Fatalf("version %d of %s: %v", c.Seq, c.ID, err)
	}
}

// duplicate wants a commit refused because a document has its value.
func (p *pair) duplicate(s *Store, c driver.Commit, holder driver.ID) {
	p.t.Helper()
	var dup *driver.DuplicateError
	if err := p.append(s, c); !errors.As(err, &dup) || dup.Holder != holder {
		p.t.Fatalf("version %d of %s: got %v, want a duplicate of %s", c.Seq, c.ID, err, holder)
	}
}

// lost wants a commit refused because another one has its sequence.
func (p *pair) lost(s *Store, c driver.Commit) *driver.SeqError {
	p.t.Helper()
	var lost *driver.SeqError
	if err := p.append(s, c); !errors.As(err, &lost) {
		p.t.Fatalf("version %d of %s: got %v, want a lost race", c.Seq, c.ID, err)
	}
	return lost
}

// claims inserts the claim that a commit begins with, by a process that then
// stops.
func (p *pair) claims(c driver.Commit, of driver.Term) {
	p.t.Helper()
	if _, err := p.log.claims.InsertOne(p.t.Context(), newClaim(claimKey(of), 0, &c)); err != nil {
		p.t.Fatal(err)
	}
}

// lands inserts the row of a commit, by a process that stops before it hears
// of it.
func (p *pair) lands(c driver.Commit, before known) {
	p.t.Helper()
	if winner, err := p.log.insert(p.t.Context(), p.a.newRow(&c, before)); err != nil || winner != nil {
		p.t.Fatal(winner, err)
	}
}

func TestClaims(t *testing.T) {
	serverURI(t)
	doc, other := id(1), id(2)
	slug := term("slug", "v")
	tests := map[string]func(p *pair){
		"T1: one document, twice the same value": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, ""))
			if _, err := p.b.Load(p.t.Context(), notes, doc, 0); err != nil {
				p.t.Fatal(err)
			}
			p.accepted(p.a, p.commit(doc, 2, "v"))
			p.lost(p.b, p.commit(doc, 2, "v"))
			p.accepted(p.b, p.commit(doc, 3, "v"))
		},
		"T2: the answer to a claim is lost": func(p *pair) {
			c := p.commit(doc, 1, "v")
			p.claims(c, slug)
			p.accepted(p.a, c)
			p.duplicate(p.b, p.commit(other, 1, "v"), doc)
		},
		"who claimed has stopped": func(p *pair) {
			c := p.commit(doc, 1, "v")
			p.claims(c, slug)
			p.accepted(p.b, p.commit(other, 1, "v"))
			p.duplicate(p.a, c, other)
			p.accepted(p.b, p.commit(other, 2, ""))
			if row := p.lost(p.a, c).Row; row == nil || row.Kind != driver.KindVoid {
				p.t.Errorf("who comes late finds %v, want a void", row)
			}
			if _, err := p.a.Head(p.t.Context(), notes, doc); !errors.Is(err, driver.ErrNotFound) {
				p.t.Errorf("a document of a void alone: %v", err)
			}
		},
		"who claimed has stopped, on a document that lives": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "", "t"))
			c := p.commit(doc, 2, "v", "t")
			p.claims(c, slug)
			p.accepted(p.b, p.commit(other, 1, "v"))
			p.duplicate(p.a, c, other)
			p.lost(p.a, p.commit(doc, 2, "", "t"))
			p.duplicate(p.a, p.commit(doc, 3, "v", "t"), other)
			p.duplicate(p.b, p.commit(id(3), 1, "", "t"), doc) // a void keeps what is held
		},
		"the sequence of a claim went to another commit": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, ""))
			p.claims(p.commit(doc, 2, "v"), slug)
			p.accepted(p.b, p.commit(doc, 2, ""))
			p.accepted(p.b, p.commit(other, 1, "v"))
			p.duplicate(p.a, p.commit(doc, 3, "v"), other)
		},
		"given up and taken again while another claims": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "v"))
			p.duplicate(p.b, p.commit(other, 1, "v"), doc)
			p.accepted(p.a, p.commit(doc, 2, ""))
			p.claims(p.commit(doc, 1, "v"), term("slug", "w")) // noise: a claim of what is past
			p.accepted(p.a, p.commit(doc, 3, "v"))
			p.duplicate(p.b, p.commit(other, 1, "v"), doc)
			p.accepted(p.a, p.commit(doc, 4, ""))
			p.accepted(p.b, p.commit(other, 1, "v"))
			p.duplicate(p.a, p.commit(doc, 5, "v"), other)
			p.accepted(p.a, p.commit(doc, 5, "w"))
		},
		"T4: claimed, fenced off, and claimed again after the rebase": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, ""))
			p.claims(p.commit(doc, 2, "v"), slug)
			void := driver.Commit{Table: notes, ID: doc, Seq: 2, Kind: driver.KindVoid, Try: [16]byte{9}} // by who wanted the value and stopped
			p.lands(void, known{Standing: driver.Standing{Seq: 1, Life: driver.Alive}, sectionSeq: 1})
			p.lost(p.a, p.commit(doc, 2, "v"))
			p.accepted(p.a, p.commit(doc, 3, "v"))
			p.duplicate(p.b, p.commit(other, 1, "v"), doc)
		},
		"T3: a claim of long ago, judged dead and followed late": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "v")) // generation 0
			p.accepted(p.a, p.commit(doc, 2, ""))  // who wants it for other judges 0 dead now, and pauses
			late := p.commit(other, 1, "v")
			third := newClaim(claimKey(slug), 1, ptr(p.commit(doc, 3, "v")))
			if _, err := p.log.claims.InsertOne(p.t.Context(), third); err != nil {
				p.t.Fatal(err)
			}
			void := driver.Commit{Table: notes, ID: doc, Seq: 3, Kind: driver.KindVoid, Try: [16]byte{9}}
			p.lands(void, known{Standing: driver.Standing{Seq: 2, Life: driver.Alive}, sectionSeq: 2})
			p.lost(p.a, p.commit(doc, 3, "v"))
			p.accepted(p.a, p.commit(doc, 4, "v")) // generation 2
			if _, err := p.log.claims.InsertOne(p.t.Context(), newClaim(claimKey(slug), 1, &late)); !mongo.IsDuplicateKeyError(err) {
				p.t.Errorf("generation 1 is inserted again: %v", err)
			}
			p.duplicate(p.b, late, doc)
		},
		"deleted, and restored against a claimer": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "v"))
			gone := driver.Commit{Table: notes, ID: doc, Seq: 2, Kind: driver.KindDelete, Try: [16]byte{1}}
			p.accepted(p.a, gone)
			p.accepted(p.b, p.commit(other, 1, "v"))
			back := p.commit(doc, 3, "v")
			back.Kind = driver.KindRestore
			p.duplicate(p.a, back, other)
			p.accepted(p.b, p.commit(other, 2, ""))
			p.accepted(p.a, back)
		},
		"a purged holder": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "v"))
			if err := p.a.Purge(p.t.Context(), notes, doc); err != nil {
				p.t.Fatal(err)
			}
			p.accepted(p.b, p.commit(other, 1, "v"))
		},
		"two values, the second is taken": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "", "t"))
			p.duplicate(p.b, p.commit(other, 1, "v", "t"), doc)
			p.accepted(p.a, p.commit(id(3), 1, "v"))
		},
		"values that change hands in one batch": func(p *pair) {
			p.accepted(p.a, p.commit(doc, 1, "v"))
			p.accepted(p.a, p.commit(other, 1, "w"))
			for i, r := range p.a.Append(p.t.Context(), []driver.Commit{p.commit(doc, 2, ""), p.commit(other, 2, "v"), p.commit(doc, 3, "w")}) {
				if r.Err != nil {
					p.t.Errorf("commit %d: %v", i, r.Err)
				}
			}
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) { run(newPair(t)) })
	}
}

// TestPurgeRaces lets writers that do not know of a purge come late.
func TestPurgeRaces(t *testing.T) {
	serverURI(t)
	doc := id(1)
	first := func(p *pair) driver.Commit {
		c := p.commit(doc, 1, "")
		p.accepted(p.a, c)
		return c
	}
	t.Run("T6: a writer two behind", func(t *testing.T) {
		p := newPair(t)
		first(p)
		if _, err := p.b.Load(t.Context(), notes, doc, 0); err != nil {
			t.Fatal(err)
		}
		p.accepted(p.a, p.commit(doc, 2, ""))
		if err := p.a.Purge(t.Context(), notes, doc); err != nil {
			t.Fatal(err)
		}
		for seq := uint64(2); seq <= 4; seq++ {
			if err := p.append(p.b, p.commit(doc, seq, "")); !errors.Is(err, driver.ErrNotFound) {
				t.Errorf("version %d of a purged document: %v", seq, err)
			}
		}
	})
	t.Run("T7: an answer that was lost", func(t *testing.T) {
		p := newPair(t)
		before := known{}.after(ptr(first(p)))
		c := p.commit(doc, 2, "")
		p.lands(c, before)
		if err := p.b.Purge(t.Context(), notes, doc); err != nil {
			t.Fatal(err)
		}
		p.accepted(p.a, c) // it was, before the purge
	})
	t.Run("a purge that was cut off", func(t *testing.T) {
		p := newPair(t)
		c := first(p)
		if err := p.a.Checkpoint(t.Context(), notes, doc, 1, []byte("secret")); err != nil {
			t.Fatal(err)
		}
		purge := driver.Commit{Table: notes, ID: doc, Seq: 2, Kind: driver.KindPurge, Try: [16]byte{7}}
		p.lands(purge, known{}.after(&c))
		if _, err := p.b.Load(t.Context(), notes, doc, 0); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("Load gives %v", err)
		}
		r, err := p.log.at(t.Context(), rowKey(doc, 1))
		if err != nil || r.Kind != gone || len(r.Commit.Data) > 0 {
			t.Errorf("row 1 is %v, %v", r, err)
		}
		if n, err := p.log.checkpoints.CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
			t.Errorf("%d checkpoints are left, %v", n, err)
		}
	})
	t.Run("a checkpoint that comes late", func(t *testing.T) {
		p := newPair(t)
		first(p)
		if _, err := p.b.Load(t.Context(), notes, doc, 0); err != nil {
			t.Fatal(err)
		}
		if err := p.a.Purge(t.Context(), notes, doc); err != nil {
			t.Fatal(err)
		}
		if err := p.b.Checkpoint(t.Context(), notes, doc, 1, []byte("secret")); err != nil {
			t.Fatal(err)
		}
		if n, err := p.log.checkpoints.CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
			t.Errorf("%d checkpoints are left, %v", n, err)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// TestHeal finds what a process left that ended between a row and what is
// derived from it, and what it purged.
func TestHeal(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	c := p.commit(id(1), 1, "v")
	p.lands(c, known{})
	kept, purge := p.commit(id(2), 1, "w"), driver.Commit{Table: notes, ID: id(2), Seq: 2, Kind: driver.KindPurge, Try: [16]byte{3}}
	p.accepted(p.a, kept)
	if err := p.a.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.lands(purge, known{}.after(&kept))
	count := func() int {
		t.Helper()
		n, err := p.b.Count(t.Context(), notes, nil)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Errorf("%d documents are seen before anybody heals", n)
	}
	if err := p.a.heal(t.Context(), p.log); err != nil {
		t.Fatal(err)
	}
	heads, err := p.b.page(t.Context(), notes, []driver.Term{term("slug", "v")}, driver.ID{}, 10)
	if n := count(); n != 1 || err != nil || len(heads) != 1 || heads[0].ID != c.ID || heads[0].Seq != 1 {
		t.Errorf("healed: %d documents, %v, %v", n, heads, err)
	}
}
