package emit

import (
	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// fieldCode is a field and how it is written.
type fieldCode struct {
	*schema.Field
	index  int    // among the tagged fields
	slot   string // its name in the state struct
	handle string // the type that has its methods
}

// field emits the methods of a field. A comment of the user's goes to the getter.
func (e *emitter) field(f fieldCode) {
	if f.Doc != "" {
		e.comment(f.Doc)
	}
	e.getter(f)
	if f.Settable() {
		if f.Doc != "" {
			e.Line()
			e.comment("Set" + f.Method() + " sets " + f.Method() + ".")
		}
		e.setter(f)
	}
	if f.Type.Kind == schema.Optional {
		if f.Doc != "" {
			e.Line()
			e.comment("Clear" + f.Method() + " makes " + f.Method() + " absent.")
		}
		e.clear(f)
	}
	e.Line()
}

// getter emits one of these, by the kind of the field:
//
//	func (o *ONote) Title() string { return destam.Get(&o.OObject, &o.v.title) }
//	func (o *ONote) Blob() []byte { return destam.GetBytes(&o.OObject, &o.v.blob) }
//	func (o *ONote) Addr() netip.Addr { return destam.GetCoded[netip.Addr](o, 8) }
//	func (o *ONote) Due() (time.Time, bool) { return destam.GetOptional(&o.OObject, &o.v.due) }
//	func (o *ONote) Query() *ONoteQuery { return (*ONoteQuery)(destam.Inner(&o.OObject, 0)) }
//	func (o *ONote) Boss() *OPerson { return (*OPerson)(destam.GetChild(&o.OObject, 7)) }
//	func (o *ONote) Tags() destam.Array[string] { return destam.ArrayOf[string](o, 3) }
func (e *emitter) getter(f fieldCode) {
	t, o := f.Type, f.Type.Object()
	var result, value *jen.Statement
	switch {
	case t.Encoded():
		result, value = typ(t), runtime("GetCoded", typ(t)).Call(jen.Id("o"), jen.Lit(f.index))
	case t.Kind == schema.Optional && t.Elem.Encoded():
		result = jen.Params(typ(t.Elem), jen.Bool())
		value = runtime("GetOptionalCoded", typ(t.Elem)).Call(jen.Id("o"), jen.Lit(f.index))
	case t.Kind == schema.Bytes:
		result, value = typ(t), runtime("GetBytes").Call(object(), slot(f.slot))
	case t.Leaf():
		result, value = typ(t), runtime("Get").Call(object(), slot(f.slot))
	case t.Kind == schema.Object:
		result, value = pointer(o.Handle()), converted(o.Handle(), "Inner", object(), jen.Lit(f.index))
	case t.Kind == schema.Optional && o != nil:
		result, value = pointer(o.Handle()), converted(o.Handle(), "GetChild", object(), jen.Lit(f.index))
	case t.Kind == schema.Optional:
		result, value = jen.Params(typ(t.Elem), jen.Bool()), runtime("GetOptional").Call(object(), slot(f.slot))
	default:
		name, args := collection(t)
		result, value = runtime(name, args...), runtime(name+"Of", args...).Call(jen.Id("o"), jen.Lit(f.index))
	}
	e.Add(method("o", f.handle, f.Method())).Params().Add(result).Custom(oneLine, jen.Return(value))
}

// collection gives the type that shows a list or a map:
//
//	destam.Array[string]                destam.Map[string, int]
//	destam.ObjectArray[*OTask, Task]    destam.ObjectMap[string, *ORoom, Room]
func collection(t *schema.Type) (name string, args []jen.Code) {
	name = "Array"
	if t.Kind == schema.Map {
		name, args = "Map", []jen.Code{typ(t.Key)}
	}
	if object := t.Object(); object != nil {
		return "Object" + name, append(args, pointer(object.Handle()), jen.Id(object.Name))
	}
	return name, append(args, typ(t.Elem))
}

// setter emits one of these, by the kind of the field:
//
//	func (o *ONote) SetTitle(v string) { destam.Set(&o.OObject, 1, &o.v.title, v) }
//	func (o *ONote) SetDue(v time.Time) { destam.SetOptionalTime(&o.OObject, 2, v) }
//	func (o *ONote) SetBoss(v Person) { destam.SetChild(&o.OObject, 7, &v) }
//	func (o *ONote) SetAddr(v netip.Addr) error { return destam.SetCoded(o, 8, v) }
//	func (o *ONoteQuery) SetSlug(v string) error { return destam.SetUnique(&o.OObject, 1, v) }
func (e *emitter) setter(f fieldCode) {
	t, name := f.Type, "Set"
	if t.Kind == schema.Optional {
		t, name = t.Elem, "SetOptional"
	}
	begin := e.Add(method("o", f.handle, "Set"+f.Method())).Params(jen.Id("v").Add(typ(t)))
	if t.Kind == schema.Object {
		begin.Custom(oneLine, runtime("SetChild").Call(object(), jen.Lit(f.index), jen.Op("&").Id("v")))
		return
	}
	if t.Encoded() {
		begin.Error().Custom(oneLine, jen.Return(runtime("SetCoded").Call(jen.Id("o"), jen.Lit(f.index), jen.Id("v"))))
		return
	}
	switch {
	case f.Tag.Unique:
		name += "Unique"
	case t.Kind == schema.Array && f.Type == t:
		name += "Array"
	case t.Kind == schema.Float:
		name += "Float"
	case t.Kind == schema.Time:
		name += "Time"
	case t.Kind == schema.Bytes:
		name += "Bytes"
	}
	args := []jen.Code{object(), jen.Lit(f.index)}
	if name == "Set" || name == "SetFloat" { // they look at the old value first
		args = append(args, slot(f.slot))
	}
	call := runtime(name).Call(append(args, jen.Id("v"))...)
	if f.Tag.Unique {
		begin.Error().Custom(oneLine, jen.Return(call))
	} else {
		begin.Custom(oneLine, call)
	}
}

// clear emits how an optional field becomes absent:
//
//	func (o *ONote) ClearDue() { destam.ClearOptional(&o.OObject, 2) }
//	func (o *ONote) ClearBoss() { destam.ClearChild(&o.OObject, 7) }
func (e *emitter) clear(f fieldCode) {
	name := "ClearOptional"
	if f.Type.Object() != nil {
		name = "ClearChild"
	}
	e.Add(method("o", f.handle, "Clear"+f.Method())).Params().Custom(oneLine, runtime(name).Call(object(), jen.Lit(f.index)))
}
