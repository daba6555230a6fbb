package doc

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"reflect"
	"strconv"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// keys turns the keys of a map into the byte strings that a list is ordered
// by, and back. Strings stay as they are, integers become eight bytes that
// sort as the integers do, ids their sixteen bytes.
type keys struct {
	typ  reflect.Type
	kind keyKind
}

type keyKind uint8

const (
	stringKey keyKind = iota
	intKey
	uintKey
	idKey
)

func keysOf(t reflect.Type) *keys {
	k := &keys{typ: t}
	switch t.Kind() {
	case reflect.String:
		k.kind = stringKey
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.kind = intKey
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		k.kind = uintKey
	default:
		if t != reflect.TypeFor[driver.ID]() {
			panic(fmt.Sprintf("destam: a map cannot have keys of type %s: run go generate", t))
		}
		k.kind = idKey
	}
	return k
}

// of gives the list key of the map key v.
func (k *keys) of(v reflect.Value) pos.Key {
	switch k.kind {
	case stringKey:
		return pos.Key(v.String())
	case intKey:
		return intPos(v.Int())
	case uintKey:
		return uintPos(v.Uint())
	}
	id := v.Interface().(driver.ID)
	return pos.Key(id[:])
}

func intPos(v int64) pos.Key { return uintPos(uint64(v) ^ 1<<63) }

func uintPos(v uint64) pos.Key {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	return pos.Key(b[:])
}

// value gives the map key of a list key, as a value of the map's key type.
func (k *keys) value(key pos.Key) reflect.Value {
	v := reflect.New(k.typ).Elem()
	switch k.kind {
	case stringKey:
		v.SetString(string(key))
	case intKey:
		v.SetInt(int64(binary.BigEndian.Uint64([]byte(key)) ^ 1<<63))
	case uintKey:
		v.SetUint(binary.BigEndian.Uint64([]byte(key)))
	case idKey:
		v.Set(reflect.ValueOf(driver.ID([]byte(key))))
	}
	return v
}

// put stores the map key of a list key at p, a pointer to the map's key type.
func (k *keys) put(p unsafe.Pointer, key pos.Key) {
	if k.kind == stringKey {
		*(*string)(p) = string(key)
		return
	}
	reflect.NewAt(k.typ, p).Elem().Set(k.value(key))
}

// append writes a list key in the stored form: a string, an integer or bytes.
func (k *keys) append(b []byte, key pos.Key) []byte {
	switch k.kind {
	case stringKey:
		return wire.AppendString(b, string(key))
	case intKey:
		return wire.AppendInt(b, int64(binary.BigEndian.Uint64([]byte(key))^1<<63))
	case uintKey:
		return wire.AppendUint(b, binary.BigEndian.Uint64([]byte(key)))
	}
	return wire.AppendBytes(b, []byte(key))
}

// read is the inverse of append; it refuses what the key type cannot hold.
func (k *keys) read(r *wire.Reader) pos.Key {
	v := k.next(r)
	if k.kind == intKey || k.kind == uintKey {
		return uintPos(v.num)
	}
	return pos.Key(v.text)
}

// mapKey is a key that was read and takes no memory: its bytes in the input,
// or the number that its bytes are. Those of one map are compared.
type mapKey struct {
	text []byte
	num  uint64
}

func (a mapKey) compare(b mapKey) int {
	return cmp.Or(cmp.Compare(a.num, b.num), bytes.Compare(a.text, b.text))
}

// next reads a key.
func (k *keys) next(r *wire.Reader) mapKey {
	switch k.kind {
	case stringKey:
		if r.Kind() != wire.String {
			_ = r.String() // fails
			return mapKey{}
		}
		return mapKey{text: r.View()}
	case intKey:
		v := r.Int()
		if reflect.Zero(k.typ).OverflowInt(v) {
			r.Fail(fmt.Errorf("map key %d does not fit into %s", v, k.typ))
		}
		return mapKey{num: uint64(v) ^ 1<<63}
	case uintKey:
		v := r.Uint()
		if reflect.Zero(k.typ).OverflowUint(v) {
			r.Fail(fmt.Errorf("map key %d does not fit into %s", v, k.typ))
		}
		return mapKey{num: v}
	}
	b := r.View()
	if len(b) != len(driver.ID{}) {
		r.Fail(fmt.Errorf("map key of %d bytes is no id", len(b)))
	}
	return mapKey{text: b}
}

// text is a map key as people write it.
func (k *keys) text(key pos.Key) string {
	v := k.value(key)
	switch k.kind {
	case stringKey:
		return v.String()
	case intKey:
		return strconv.FormatInt(v.Int(), 10)
	case uintKey:
		return strconv.FormatUint(v.Uint(), 10)
	}
	return v.Interface().(driver.ID).String()
}

// at gives the list key of the map key at p.
func (k *keys) at(p unsafe.Pointer) pos.Key {
	if k.kind == stringKey {
		return pos.Key(*(*string)(p))
	}
	return k.of(reflect.NewAt(k.typ, p).Elem())
}
