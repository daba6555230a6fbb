// Package stop drops the stop functions of subscriptions, and keeps them.
package stop

import (
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
)

func dropped(note *notes.ONote, heard func(*destam.Commit)) {
	note.Watch(heard)                                                          // want `the stop function of Watch is dropped`
	(note.Query().Watch(heard))                                                // want `the stop function of Watch is dropped`
	note.ODocument.Watch(heard)                                                // want `the stop function of Watch is dropped`
	note.Observe().Title().Watch(func(destam.Change[string]) {})               // want `the stop function of Watch is dropped`
	note.Observe().Tasks().Each().Done().Watch(func(destam.Change[bool]) {})   // want `the stop function of Watch is dropped`
	note.Observe().Tasks().Watch(func(c *destam.Commit) { note.Watch(heard) }) // want `the stop function of Watch is dropped` `the stop function of Watch is dropped`
	go note.Watch(heard)                                                       // want `the stop function of Watch is dropped`
	defer note.Watch(heard)                                                    // want `defer begins the subscription at the end`
}

func kept(note *notes.ONote, heard func(*destam.Commit)) (stop func()) {
	_ = note.Watch(heard)
	defer note.Watch(heard)()
	stops := []func(){note.Observe().Title().Watch(func(destam.Change[string]) {})}
	stop = note.Watch(heard)
	other{}.Watch(heard)
	stops[0]()
	return note.Watch(heard)
}

// other has a method of the same name and form, but is not ours.
type other struct{}

func (other) Watch(func(*destam.Commit)) (stop func()) { return nil }
