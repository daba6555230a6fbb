package versions

import (
	"context"
	"strconv"
	"time"

	"github.com/destam-go/destamgen/internal/acceptance/versions/v1"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v10"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v2"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v3"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v4"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v5"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v6"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v7"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v8"
	"github.com/destam-go/destamgen/internal/acceptance/versions/v9"
	"github.com/destam-go/destamgen/runtime/destam"
)

// A schema gives the notes of one version as notes of all.
type schema struct {
	create func(ctx context.Context, db *destam.DB, slug string) (destam.ID, error)
	edit   func(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error)
	at     func(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error)
}

var schemas = []schema{
	{create1, edit1, at1},
	{create2, edit2, at2},
	{create3, edit3, at3},
	{create4, edit4, at4},
	{create5, edit5, at5},
	{create6, edit6, at6},
	{create7, edit7, at7},
	{create8, edit8, at8},
	{create9, edit9, at9},
	{create10, edit10, at10},
}

func create1(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v1.NoteTable(db).Create(ctx, v1.Note{Query: v1.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit1(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v1.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor1{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at1(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v1.NoteTable(db).At(ctx, id, version)
	return plain1(v), err
}

type editor1 struct{ o *v1.ONote }

func (e editor1) note() note                 { return plain1(e.o.Snapshot()) }
func (e editor1) title(s string)             { e.o.SetTitle(s) }
func (e editor1) priority(n int)             { e.o.SetPriority(strconv.Itoa(n)) }
func (e editor1) due(n int64)                { e.o.SetDue(n) }
func (e editor1) noDue()                     { e.o.ClearDue() }
func (e editor1) insertTag(i int, s string)  { e.o.Tags().Insert(i, s) }
func (e editor1) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor1) insertTask(i int, s string) { e.o.Tasks().Insert(i, v1.Task{Text: s}) }
func (e editor1) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor1) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor1) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor1) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor1) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor1) owner(s string)             { e.o.Query().SetOwner(s) }

func plain1(v v1.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = number(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = *v.Due, true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create2(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v2.NoteTable(db).Create(ctx, v2.Note{Query: v2.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit2(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v2.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor2{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at2(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v2.NoteTable(db).At(ctx, id, version)
	return plain2(v), err
}

type editor2 struct{ o *v2.ONote }

func (e editor2) note() note                 { return plain2(e.o.Snapshot()) }
func (e editor2) title(s string)             { e.o.SetTitle(s) }
func (e editor2) priority(n int)             { e.o.SetPriority(strconv.Itoa(n)) }
func (e editor2) due(n int64)                { e.o.SetDue(n) }
func (e editor2) noDue()                     { e.o.ClearDue() }
func (e editor2) insertTag(i int, s string)  { e.o.Tags().Insert(i, s) }
func (e editor2) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor2) insertTask(i int, s string) { e.o.Tasks().Insert(i, v2.Task{Text: s}) }
func (e editor2) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor2) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor2) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor2) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor2) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor2) owner(s string)             { e.o.Query().SetOwner(s) }

func plain2(v v2.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = number(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = *v.Due, true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create3(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v3.NoteTable(db).Create(ctx, v3.Note{Query: v3.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit3(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v3.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor3{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at3(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v3.NoteTable(db).At(ctx, id, version)
	return plain3(v), err
}

type editor3 struct{ o *v3.ONote }

func (e editor3) note() note                 { return plain3(e.o.Snapshot()) }
func (e editor3) title(s string)             { e.o.SetTitle(s) }
func (e editor3) priority(n int)             { e.o.SetPriority(strconv.Itoa(n)) }
func (e editor3) due(n int64)                { e.o.SetDue(n) }
func (e editor3) noDue()                     { e.o.ClearDue() }
func (e editor3) insertTag(i int, s string)  { e.o.Tags().Insert(i, s) }
func (e editor3) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor3) insertTask(i int, s string) { e.o.Tasks().Insert(i, v3.Task{Text: s}) }
func (e editor3) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor3) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor3) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor3) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor3) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor3) owner(s string)             { e.o.Query().SetOwner(s) }

func plain3(v v3.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = number(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = *v.Due, true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create4(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v4.NoteTable(db).Create(ctx, v4.Note{Query: v4.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit4(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v4.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor4{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at4(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v4.NoteTable(db).At(ctx, id, version)
	return plain4(v), err
}

type editor4 struct{ o *v4.ONote }

func (e editor4) note() note                 { return plain4(e.o.Snapshot()) }
func (e editor4) title(s string)             { e.o.SetTitle(s) }
func (e editor4) priority(n int)             { e.o.SetPriority(v4.Level(n)) }
func (e editor4) due(n int64)                { e.o.SetDue(n) }
func (e editor4) noDue()                     { e.o.ClearDue() }
func (e editor4) insertTag(i int, s string)  { e.o.Tags().Insert(i, s) }
func (e editor4) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor4) insertTask(i int, s string) { e.o.Tasks().Insert(i, v4.Task{Text: s}) }
func (e editor4) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor4) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor4) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor4) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor4) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor4) owner(s string)             { e.o.Query().SetOwner(s) }

func plain4(v v4.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = int(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = *v.Due, true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create5(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v5.NoteTable(db).Create(ctx, v5.Note{Query: v5.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit5(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v5.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor5{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at5(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v5.NoteTable(db).At(ctx, id, version)
	return plain5(v), err
}

type editor5 struct{ o *v5.ONote }

func (e editor5) note() note                 { return plain5(e.o.Snapshot()) }
func (e editor5) title(s string)             { e.o.SetTitle(s) }
func (e editor5) priority(n int)             { e.o.SetPriority(v5.Level(n)) }
func (e editor5) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor5) noDue()                     { e.o.ClearDue() }
func (e editor5) insertTag(i int, s string)  { e.o.Tags().Insert(i, s) }
func (e editor5) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor5) insertTask(i int, s string) { e.o.Tasks().Insert(i, v5.Task{Text: s}) }
func (e editor5) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor5) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor5) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor5) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor5) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor5) owner(s string)             { e.o.Query().SetOwner(s) }

func plain5(v v5.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = int(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create6(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v6.NoteTable(db).Create(ctx, v6.Note{Query: v6.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit6(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v6.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor6{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at6(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v6.NoteTable(db).At(ctx, id, version)
	return plain6(v), err
}

type editor6 struct{ o *v6.ONote }

func (e editor6) note() note                 { return plain6(e.o.Snapshot()) }
func (e editor6) title(s string)             { e.o.SetTitle(s) }
func (e editor6) priority(n int)             { e.o.SetPriority(v6.Level(n)) }
func (e editor6) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor6) noDue()                     { e.o.ClearDue() }
func (e editor6) insertTag(i int, s string)  { e.o.Tags().Insert(i, v6.Label(s)) }
func (e editor6) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor6) insertTask(i int, s string) { e.o.Tasks().Insert(i, v6.Todo{Text: s}) }
func (e editor6) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor6) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor6) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor6) meta(k string, n int)       { e.o.Meta().Set(k, n) }
func (e editor6) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor6) owner(s string)             { e.o.Query().SetOwner(s) }

func plain6(v v6.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = int(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = x
	}
	return n
}

func create7(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v7.NoteTable(db).Create(ctx, v7.Note{Query: v7.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit7(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v7.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor7{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at7(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v7.NoteTable(db).At(ctx, id, version)
	return plain7(v), err
}

type editor7 struct{ o *v7.ONote }

func (e editor7) note() note                 { return plain7(e.o.Snapshot()) }
func (e editor7) title(s string)             { e.o.SetTitle(s) }
func (e editor7) priority(n int)             { e.o.SetPriority(v7.Level(n)) }
func (e editor7) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor7) noDue()                     { e.o.ClearDue() }
func (e editor7) insertTag(i int, s string)  { e.o.Tags().Insert(i, v7.Label(s)) }
func (e editor7) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor7) insertTask(i int, s string) { e.o.Tasks().Insert(i, v7.Todo{Text: s}) }
func (e editor7) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor7) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor7) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor7) meta(k string, n int)       { e.o.Meta().Set(k, strconv.Itoa(n)) }
func (e editor7) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor7) owner(s string)             { e.o.Query().SetOwner(s) }

func plain7(v v7.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = int(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = number(x)
	}
	return n
}

func create8(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v8.NoteTable(db).Create(ctx, v8.Note{Query: v8.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit8(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v8.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor8{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at8(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v8.NoteTable(db).At(ctx, id, version)
	return plain8(v), err
}

type editor8 struct{ o *v8.ONote }

func (e editor8) note() note                 { return plain8(e.o.Snapshot()) }
func (e editor8) title(s string)             { e.o.SetTitle(s) }
func (e editor8) priority(n int)             { e.o.SetPriority(v8.Level(n)) }
func (e editor8) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor8) noDue()                     { e.o.ClearDue() }
func (e editor8) insertTag(i int, s string)  { e.o.Tags().Insert(i, v8.Label(s)) }
func (e editor8) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor8) insertTask(i int, s string) { e.o.Tasks().Insert(i, v8.Todo{Text: s}) }
func (e editor8) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor8) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor8) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor8) meta(k string, n int)       { e.o.Meta().Set(k, strconv.Itoa(n)) }
func (e editor8) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor8) owner(s string)             { e.o.Query().SetOwner(s) }

func plain8(v v8.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	n.priority = int(v.Priority)
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = number(x)
	}
	return n
}

func create9(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v9.NoteTable(db).Create(ctx, v9.Note{Query: v9.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit9(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v9.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor9{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at9(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v9.NoteTable(db).At(ctx, id, version)
	return plain9(v), err
}

type editor9 struct{ o *v9.ONote }

func (e editor9) note() note                 { return plain9(e.o.Snapshot()) }
func (e editor9) title(s string)             { e.o.SetTitle(s) }
func (e editor9) priority(n int)             { must(e.o.SetPriority(v9.RankOf(n))) }
func (e editor9) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor9) noDue()                     { e.o.ClearDue() }
func (e editor9) insertTag(i int, s string)  { e.o.Tags().Insert(i, v9.Label(s)) }
func (e editor9) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor9) insertTask(i int, s string) { e.o.Tasks().Insert(i, v9.Todo{Text: s}) }
func (e editor9) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor9) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor9) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor9) meta(k string, n int)       { e.o.Meta().Set(k, strconv.Itoa(n)) }
func (e editor9) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor9) owner(s string)             { e.o.Query().SetOwner(s) }

func plain9(v v9.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	if v.Priority != nil {
		n.priority = v.Priority.Number()
	}
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = number(x)
	}
	return n
}

func create10(ctx context.Context, db *destam.DB, slug string) (destam.ID, error) {
	o, err := v10.NoteTable(db).Create(ctx, v10.Note{Query: v10.NoteQuery{Slug: slug}})
	if err != nil {
		return destam.ID{}, err
	}
	return o.ID(), nil
}

func edit10(ctx context.Context, db *destam.DB, id destam.ID, change func(editor)) (version uint64, err error) {
	o, err := v10.NoteTable(db).Get(ctx, id)
	if err != nil {
		return 0, err
	}
	change(editor10{o})
	err = o.Flush(ctx)
	return o.Version(), err
}

func at10(ctx context.Context, db *destam.DB, id destam.ID, version uint64) (note, error) {
	v, err := v10.NoteTable(db).At(ctx, id, version)
	return plain10(v), err
}

type editor10 struct{ o *v10.ONote }

func (e editor10) note() note                 { return plain10(e.o.Snapshot()) }
func (e editor10) title(s string)             { e.o.SetTitle(s) }
func (e editor10) priority(n int)             { must(e.o.SetPriority(v10.RankOf(n))) }
func (e editor10) due(n int64)                { e.o.SetDue(time.Unix(n, 0)) }
func (e editor10) noDue()                     { e.o.ClearDue() }
func (e editor10) insertTag(i int, s string)  { e.o.Tags().Insert(i, v10.Label(s)) }
func (e editor10) removeTag(i int)            { e.o.Tags().Remove(i, 1) }
func (e editor10) insertTask(i int, s string) { e.o.Tasks().Insert(i, v10.Todo{Text: s}) }
func (e editor10) removeTask(i int)           { e.o.Tasks().Remove(i, 1) }
func (e editor10) moveTask(i, j int)          { e.o.Tasks().Move(i, j) }
func (e editor10) taskText(i int, s string)   { e.o.Tasks().At(i).SetText(s) }
func (e editor10) meta(k string, n int)       { e.o.Meta().Set(k, strconv.Itoa(n)) }
func (e editor10) noMeta(k string)            { e.o.Meta().Delete(k) }
func (e editor10) owner(s string)             { e.o.Query().SetOwner(s) }

func plain10(v v10.Note) note {
	n := note{owner: v.Query.Owner, title: v.Title, meta: map[string]int{}}
	if v.Priority != nil {
		n.priority = v.Priority.Number()
	}
	if v.Due != nil {
		n.due, n.hasDue = v.Due.Unix(), true
	}
	for _, tag := range v.Tags {
		n.tags = append(n.tags, string(tag))
	}
	for _, task := range v.Tasks {
		n.tasks = append(n.tasks, task.Text)
	}
	for k, x := range v.Meta {
		n.meta[k] = number(x)
	}
	return n
}
