package destam

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

func (t *table) reuses(ctx context.Context, where []*predicate) (unsafe.Pointer, error) {
	l, err := t.reuse(ctx, where)
	if err != nil {
		return nil, t.err("reuse", ID{}, err)
	}
	return l.handle(), nil
}

// reuse finds or creates. Those who create wait for each other, and look
// again before they do: what two predicates describe may be one document.
func (t *table) reuse(ctx context.Context, where []*predicate) (*live, error) {
	for _, w := range where {
		if w != nil && w.page {
			return nil, errors.New("After and Limit do not describe a document")
		}
		if w != nil && w.none != nil {
			return nil, w.none
		}
	}
	l, err := t.first(ctx, where)
	if !errors.Is(err, ErrNotFound) {
		return l, err
	}
	select {
	case t.reusing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-t.reusing }()
	if l, err = t.first(ctx, where); !errors.Is(err, ErrNotFound) {
		return l, err
	}
	c, err := compile(where)
	if err != nil {
		return nil, err
	}
	plain, err := t.described(c.preds)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		if l, err = t.create(ctx, plain, c.preds); !errors.Is(err, ErrTaken) || attempt == reuseAttempts {
			return l, err
		}
		other, again := t.taker(ctx, err, c.preds)
		if again == nil {
			return other, nil
		}
		if !errors.Is(again, ErrNotFound) {
			return l, err
		}
		if other, again = t.first(ctx, where); again == nil {
			return other, nil
		}
	}
}

// reuseAttempts bounds how often a value is found taken by a document that has
// given it up when it is looked at.
const reuseAttempts = 3

// taker gives the document that has the value for which another was refused, if
// the predicates hold for it. Another process may have made it a moment ago, and
// then no query knows of it yet. ErrNotFound says that the value may be free.
func (t *table) taker(ctx context.Context, refused error, preds []driver.Predicate) (*live, error) {
	var dup *driver.DuplicateError
	if !errors.As(refused, &dup) || dup.Holder.IsZero() {
		return nil, ErrNotFound
	}
	head, err := t.db.driver.Head(ctx, t.name, dup.Holder)
	switch {
	case err != nil:
		return nil, err
	case head.Deleted:
		return nil, ErrNotFound
	}
	if holds, err := t.holdsFor(preds, head.Section); err != nil || !holds {
		return nil, refused
	}
	return t.get(ctx, dup.Holder)
}

// described makes the plain struct whose query section the predicates
// describe.
func (t *table) described(preds []driver.Predicate) (unsafe.Pointer, error) {
	p := reflect.New(t.plain)
	if t.section == nil || len(preds) == 0 {
		return p.UnsafePointer(), nil
	}
	var section driver.Value = driver.Object{}
	for i := range preds {
		section = describe(section, &preds[i])
	}
	b, err := driver.AppendValue(nil, section)
	if err != nil {
		return nil, err
	}
	return p.UnsafePointer(), doc.ReadSection(t.section, b, unsafe.Add(p.UnsafePointer(), t.field.Offset))
}

// describe adds to v what a predicate asks for. What does not fit together is
// found when the predicates are asked about the result.
func describe(v driver.Value, p *driver.Predicate) driver.Value {
	return at(v, p.Path, func(v driver.Value) driver.Value {
		switch p.Op {
		case driver.OpIs:
			return merge(v, p.Value)
		case driver.OpHas:
			if array, _ := v.(driver.Array); !p.Holds(underneath(p.Path, v)) {
				return append(slices.Clip(array), driver.Clone(p.Value))
			}
		case driver.OpMatch:
			if array, _ := v.(driver.Array); !p.Holds(underneath(p.Path, v)) {
				var element driver.Value
				for i := range p.All {
					element = describe(element, &p.All[i])
				}
				return append(slices.Clip(array), element)
			}
		}
		return v
	})
}

// at changes the value at a path below v. An array on the way gets one
// element if it has none.
func at(v driver.Value, path []string, change func(driver.Value) driver.Value) driver.Value {
	if len(path) == 0 {
		return change(v)
	}
	if path[0] == driver.Each {
		array, _ := v.(driver.Array)
		if len(array) == 0 {
			array = driver.Array{nil}
		}
		array[0] = at(array[0], path[1:], change)
		return array
	}
	object, _ := v.(driver.Object)
	i := slices.IndexFunc(object, func(m driver.Member) bool { return m.Name == path[0] })
	if i < 0 {
		i = len(object)
		object = append(object, driver.Member{Name: path[0]})
	}
	object[i].Value = at(object[i].Value, path[1:], change)
	return object
}

// underneath puts v where the path leads, so that a predicate can be asked.
func underneath(path []string, v driver.Value) driver.Value {
	return at(nil, path, func(driver.Value) driver.Value { return v })
}

// merge gives operand with the members of v that it does not speak of.
func merge(v, operand driver.Value) driver.Value {
	members, ok := operand.(driver.Object)
	if !ok {
		return driver.Clone(operand)
	}
	if v == nil {
		v = driver.Object{}
	}
	for _, m := range members {
		v = at(v, []string{m.Name}, func(v driver.Value) driver.Value { return merge(v, m.Value) })
	}
	return v
}

// contradiction says that what predicates describe does not meet one of them.
func contradiction(preds []driver.Predicate, section []byte) error {
	if len(preds) == 0 {
		return nil
	}
	v, err := driver.DecodeValue(section)
	for i := range preds {
		if err == nil && !preds[i].Holds(v) {
			err = fmt.Errorf("the predicates do not describe a document: the one on %s cannot hold together with the others",
				driver.JoinPath(preds[i].Path))
		}
	}
	return err
}
