package load

import (
	"go/types"
	"strings"
)

// What the type checker knows ends at stubs. The functions of this file go on
// with what the library knows.

// unstub gives the type that a stub stands for, and others as they are. It is
// nil, and why says so, when that cannot be found out.
func (l *library) unstub(t types.Type) (_ types.Type, why error) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || !l.stubbed[named.Obj().Pkg()] {
		return types.Unalias(t), nil
	}
	object, err := l.lookup(typeName{named.Obj().Pkg().Path(), named.Obj().Name()})
	if err != nil {
		return nil, err
	}
	found, err := instantiated(object.Type(), named)
	if err != nil {
		return nil, err
	}
	return l.unstub(found)
}

// instantiated gives a type with the arguments of another one.
func instantiated(t types.Type, like *types.Named) (types.Type, error) {
	args := like.TypeArgs()
	if args.Len() == 0 {
		return t, nil
	}
	list := make([]types.Type, args.Len())
	for i := range list {
		list[i] = args.At(i)
	}
	return types.Instantiate(nil, t, list, false)
}

// underlying gives what a type is made of.
func (l *library) underlying(t types.Type) (types.Type, error) {
	t, err := l.unstub(t)
	if err != nil {
		return nil, err
	}
	u := t.Underlying()
	name, ok := l.foreign[u]
	if !ok {
		return u, nil
	}
	object, err := l.lookup(name)
	if err != nil {
		return nil, err
	}
	return l.underlying(object.Type())
}

// method finds a method of a type or of a pointer to it, promoted ones included.
func (l *library) method(t types.Type, name string) *types.Signature {
	seen := map[types.Type]bool{}
	for level := []types.Type{t}; len(level) > 0; {
		var found []*types.Signature
		var next []types.Type
		for _, t := range level {
			t, err := l.unstub(t)
			if err != nil || seen[t] {
				continue
			}
			seen[t] = true
			if named, ok := t.(*types.Named); ok {
				for m := range named.Methods() {
					if m.Name() == name {
						found = append(found, m.Signature())
					}
				}
			}
			next = append(next, l.embedded(t, name, &found)...)
		}
		if len(found) == 1 {
			return found[0]
		} else if len(found) > 1 {
			return nil
		}
		level = next
	}
	return nil
}

// embedded gives the types that a struct embeds. A field of the name, or a
// method of an interface, is found at this level.
func (l *library) embedded(t types.Type, name string, found *[]*types.Signature) []types.Type {
	u, err := l.underlying(t)
	if err != nil {
		return nil
	}
	switch u := u.(type) {
	case *types.Interface:
		for m := range u.Methods() {
			if m.Name() == name {
				*found = append(*found, m.Signature())
			}
		}
	case *types.Struct:
		var in []types.Type
		for f := range u.Fields() {
			if f.Name() == name {
				*found = append(*found, nil) // a field hides it
			}
			if f.Embedded() {
				of := types.Unalias(f.Type())
				if p, ok := of.(*types.Pointer); ok {
					of = p.Elem()
				}
				in = append(in, of)
			}
		}
		return in
	}
	return nil
}

// codecs are the ways in which a type writes and reads its values, in the order
// in which the runtime looks for them.
var codecs = []struct{ name, encode, encodeIs, decode, decodeIs string }{
	{"msgpack", "EncodeMsgpack", "(*github.com/vmihailenco/msgpack/v5.Encoder) error", "DecodeMsgpack", "(*github.com/vmihailenco/msgpack/v5.Decoder) error"},
	{"msgpack", "MarshalMsgpack", "() []byte error", "UnmarshalMsgpack", "([]byte) error"},
	{"binary", "MarshalBinary", "() []byte error", "UnmarshalBinary", "([]byte) error"},
	{"text", "MarshalText", "() []byte error", "UnmarshalText", "([]byte) error"},
}

// codec says how a type's own methods write it, "" for not at all.
func (l *library) codec(t types.Type) string {
	for _, c := range codecs {
		if shape(l.method(t, c.encode)) == c.encodeIs && shape(l.method(t, c.decode)) == c.decodeIs {
			return c.name
		}
	}
	return ""
}

// shape gives the types of a signature without the names.
func shape(s *types.Signature) string {
	if s == nil {
		return ""
	}
	list := func(t *types.Tuple) string {
		var in []string
		for v := range t.Variables() {
			text := types.TypeString(types.Unalias(v.Type()), (*types.Package).Path)
			in = append(in, strings.ReplaceAll(text, "uint8", "byte"))
		}
		return strings.Join(in, " ")
	}
	return strings.TrimSpace("(" + list(s.Params()) + ") " + list(s.Results()))
}
