// Package stop drops the stop functions of subscriptions, and keeps them.
package stop

import (
	"context"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
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

func elsewhere(done *observe.Cell[bool], notes *destam.Live[notes.NoteQuery]) {
	done.Watch(func(observe.Change[bool]) {})                              // want `the stop function of Watch is dropped`
	done.Follow(func(bool, bool, bool, bool) {})                           // want `the stop function of Follow is dropped`
	observe.Effect(done, func(bool, bool) (cleanup func()) { return nil }) // want `the stop function of Effect is dropped`
	notes.Watch(func(destam.LiveChange[notesQuery]) {})                    // want `the stop function of Watch is dropped`
	defer done.Follow(func(bool, bool, bool, bool) {})                     // want `defer begins the subscription at the end|the stop function of Follow is dropped`
	_, _, stop := done.Follow(func(bool, bool, bool, bool) {})
	stop()
}

func rest(ctx context.Context, table *notes.ONoteTable, note *notes.ONote, heard func(*destam.Commit)) error {
	note.Tasks().Watch(heard)                                                               // want `the stop function of Watch is dropped`
	note.Query().Labels().Watch(heard)                                                      // want `the stop function of Watch is dropped`
	note.Meta().Watch(heard)                                                                // want `the stop function of Watch is dropped`
	note.Observe().Watch(heard)                                                             // want `the stop function of Watch is dropped`
	note.Observe().Title().WatchCommit(heard)                                               // want `the stop function of WatchCommit is dropped`
	note.Observe().Title().Effect(func(string, bool) (cleanup func()) { return nil })       // want `the stop function of Effect is dropped`
	defer note.Observe().Title().Effect(func(string, bool) (cleanup func()) { return nil }) // want `defer begins the subscription at the end`
	destam.OnCommit(table, func(*notes.ONote, destam.Version) {})                           // want `the stop function of OnCommit is dropped`
	defer destam.OnCommit(table, func(*notes.ONote, destam.Version) {})                     // want `defer begins the subscription at the end`
	table.Live(ctx)                                                                         // want `what Live gives is dropped, and goes on until Close is called`
	destam.NewDigest(note)                                                                  // want `what NewDigest gives is dropped, and goes on until Stop is called`
	live, err := table.Live(ctx)
	if err != nil {
		return err
	}
	live.Close()
	return nil
}

type notesQuery = notes.NoteQuery

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
