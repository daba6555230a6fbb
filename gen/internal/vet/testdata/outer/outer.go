// Package outer uses inside of Update and View what it may not, and what it may.
package outer

import (
	"context"
	"errors"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
)

var ctx = context.Background()

type server struct {
	note, other *notes.ONote
	table       *notes.ONoteTable
}

func itself(note *notes.ONote) error {
	return note.Update(func(n *notes.ONote) error {
		n.SetTitle(note.Title() + "!")            // want `note is used inside its own Update, where it waits for itself \(fix: n\)`
		note.Tasks().At(0).SetDone(true)          // want `note is used inside its own Update`
		note.Query().Profile().SetEmail("x")      // want `note is used inside its own Update`
		note.ODocument.OObject.Watch(nil)         // want `note is used inside its own Update`
		for _, task := range note.Tasks().All() { // want `note is used inside its own Update`
			task.SetDone(true)
		}
		if title, ok := note.Observe().Title().Get(); ok { // want `note is used inside its own Update`
			n.SetTitle(title)
		}
		if destam.Detached(note) { // want `note is used inside its own Update`
			return errors.New("gone")
		}
		func() { note.SetTitle("x") }() // want `note is used inside its own Update`
		return nil
	})
}

func unnamed(note *notes.ONote) error {
	return note.View(func(*notes.ONote) error {
		_ = note.Title() // want `note is used inside its own View, where it waits for itself \(fix: use the handle that the function is given\)`
		return nil
	})
}

func hidden(note *notes.ONote) error {
	return note.View(func(n *notes.ONote) error {
		for n := range 3 {
			_ = note.Tasks().At(n) // want `note is used inside its own View, where it waits for itself \(fix: use the handle that the function is given\)`
		}
		return nil
	})
}

func (s *server) others(notes []*notes.ONote) error {
	tasks := s.note.Tasks()
	return s.note.Update(func(n *notesONote) error {
		n.SetTitle(s.note.Title())   // want `s.note is used inside its own Update, where it waits for itself \(fix: n\)`
		n.SetTitle(s.other.Title())  // want `s.other is used inside Update: it is another document, or an outer handle of this one`
		n.SetTitle(notes[0].Title()) // want `notes\[0\] is used inside Update: it is another document`
		tasks.Clear()                // want `tasks is used inside Update`
		found, err := s.table.Find(ctx)
		if err != nil {
			return err
		}
		found.SetTitle("x")                        // want `found is used inside Update: it is another document`
		destam.Outer(n).SetTitle("x")              // want `destam.Outer\(n\) is used inside Update`
		s.other.Update(func(o *notesONote) error { // want `s.other is used inside Update`
			o.SetTitle(n.Title())
			return nil
		})
		return s.table.Delete(ctx, n.ID()) // want `Delete inside Update waits for a document and for the store`
	})
}

type notesONote = notes.ONote

func allowed(s *server, note *notes.ONote, title string) error {
	before := note.Title()
	var kept *notes.OTask
	flag := observe.Mutable(true) // of no document
	return note.Update(func(n *notes.ONote) error {
		n.SetTitle(before + title)
		n.Tasks().Append(notes.Task{Text: "x"})
		if destam.Same(n, note) && n != note {
			_ = note.ID()
			_ = note.Version()
		}
		task := n.Tasks().At(0)
		task.SetDone(true)
		for _, t := range n.Tasks().All() {
			t.SetText(title)
		}
		stop := n.Watch(func(*destam.Commit) { _ = note.Title() })
		defer stop()
		go func() { note.SetTitle("later") }()
		hit, err := s.table.Query(ctx, notes.NoteWhere.Owner().Is("ann"))
		if err != nil {
			return err
		}
		n.Query().SetOwner(hit.Query.Owner)
		kept = n.Tasks().At(1)
		kept.SetDone(true)
		if done, ok := flag.Get(); ok {
			n.SetTyping(done)
		}
		return n.Update(func(m *notes.ONote) error {
			m.SetTitle(n.Title())
			return nil
		})
	})
}

func named(note, other *notes.ONote, title string) error {
	fill := func(n *notes.ONote) error {
		n.SetTitle(title)
		other.SetTitle(title) // want `other is used inside Update`
		return nil
	}
	return note.Update(fill)
}

// own has methods of these names, but is none of ours.
type own struct{ note *notes.ONote }

func (own) Update(func(own) error) error { return nil }

func mine(o own) error {
	return o.Update(func(own) error {
		o.note.SetTitle("x")
		return nil
	})
}

var current *notes.ONote

func rename(n *notes.ONote, title string) { n.SetTitle(title) }

func deep(title string, n *notes.ONote) { rename(n, title) }

func reads(n *notes.ONote) destam.ID { return n.ID() }

func later(n *notes.ONote) func() { return func() { n.SetTitle("x") } }

func other(n, instead *notes.ONote) {
	n = instead
	n.SetTitle("x")
}

func again(n *notes.ONote, times int) {
	if times > 0 {
		again(n, times-1)
		n.SetTitle("x")
	}
}

func global() { current.SetTitle("x") }

func done(task *notes.OTask) { task.SetDone(true) }

func inBackground(n *notes.ONote) { go n.SetTitle("x") }

func helpers(note, two *notes.ONote) error {
	save := func() { note.SetTitle("x") }
	fine := func(n *notes.ONote) { n.SetTitle("x") }
	return note.Update(func(n *notes.ONote) error {
		rename(note, "x")        // want `note is used inside its own Update by rename, where it waits for itself \(fix: n\)`
		deep("x", note)          // want `note is used inside its own Update by deep`
		again(note, 3)           // want `note is used inside its own Update by again`
		done(note.Tasks().At(0)) // want `note is used inside its own Update`
		rename(two, "x")         // want `two is used inside Update by rename: it is another document`
		other(note, two)         // not followed: it sets its parameter
		global()                 // want `global uses current inside Update: it is another document`
		save()                   // want `save uses note inside its own Update, where it waits for itself`
		rename(n, n.Title())
		done(n.Tasks().At(0))
		fine(n)
		reads(note)
		later(note)
		inBackground(note)
		defer func() { rename(note, "x") }() // want `note is used inside its own Update by rename`
		return nil
	})
}

func (s *server) save() { s.note.SetTitle("x") }

func (s *server) saves() { s.save() }

func (s *server) methods(two *server) error {
	return s.note.Update(func(n *notes.ONote) error {
		s.save()    // want `save uses s.note inside its own Update, where it waits for itself`
		s.saves()   // want `saves uses s.note inside its own Update`
		two.saves() // want `saves uses two.note inside Update: it is another document`
		inner := &server{note: n}
		inner.save()
		return nil
	})
}

// transact gives its function on.
func transact(n *notes.ONote, what string, fn func(*notes.ONote) error) error {
	if err := n.Update(fn, destam.Because(what)); err != nil {
		return err
	}
	return nil
}

func retried(fn func(*notes.ONote) error, n *notes.ONote) error { return transact(n, "again", fn) }

func passed(note, two *notes.ONote) error {
	err := transact(note, "x", func(n *notes.ONote) error {
		note.SetTitle("x") // want `note is used inside its own Update, where it waits for itself \(fix: n\)`
		two.SetTitle("x")  // want `two is used inside Update: it is another document`
		return nil
	})
	if err != nil {
		return err
	}
	return retried(func(n *notes.ONote) error {
		note.SetTitle("x") // want `note is used inside its own Update, where it waits for itself \(fix: n\)`
		return nil
	}, note)
}

// fill is given to Update by its name.
func fill(n *notes.ONote) error {
	n.SetTitle("x")
	current.SetTitle("x") // want `current is used inside Update: it is another document`
	return nil
}

func declared(note *notes.ONote) error { return note.Update(fill) }

// shadow is another variable of the same name.
func shadow(note *notes.ONote) error {
	return note.Update(func(n *notes.ONote) error {
		note := n
		note.SetTitle("x")
		return nil
	})
}
