package doc

import (
	"reflect"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// TestKeysRead reads keys of maps from outside: what the type of the keys cannot
// hold is refused.
func TestKeysRead(t *testing.T) {
	type level int8
	for _, c := range []struct {
		typ   reflect.Type
		bytes []byte
		ok    bool
	}{
		{reflect.TypeFor[level](), wire.AppendInt(nil, -128), true},
		{reflect.TypeFor[level](), wire.AppendInt(nil, 127), true},
		{reflect.TypeFor[level](), wire.AppendInt(nil, 128), false},
		{reflect.TypeFor[level](), wire.AppendInt(nil, -129), false},
		{reflect.TypeFor[level](), wire.AppendString(nil, "1"), false},
		{reflect.TypeFor[uint16](), wire.AppendUint(nil, 65535), true},
		{reflect.TypeFor[uint16](), wire.AppendUint(nil, 65536), false},
		{reflect.TypeFor[uint16](), wire.AppendInt(nil, -1), false},
		{reflect.TypeFor[driver.ID](), wire.AppendBytes(nil, make([]byte, 16)), true},
		{reflect.TypeFor[driver.ID](), wire.AppendBytes(nil, make([]byte, 15)), false},
		{reflect.TypeFor[string](), wire.AppendString(nil, "1"), true},
		{reflect.TypeFor[string](), wire.AppendInt(nil, 1), false},
	} {
		r := wire.NewReader(c.bytes)
		if key := keysOf(c.typ).read(r); (r.Err() == nil) != c.ok {
			t.Errorf("%v from %x: %x, %v", c.typ, c.bytes, string(key), r.Err())
		}
	}
}
