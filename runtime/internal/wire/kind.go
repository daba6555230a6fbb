package wire

// Kind says what sort of value comes next in a [Reader].
type Kind uint8

// The kinds of values.
const (
	Invalid Kind = iota // the end of the input, an error, or a byte that begins no value
	Nil
	Bool
	Int // of any sign and width
	Float
	String
	Bytes
	Array
	Map
	Time // the extension type -1
	Ext  // any other extension type
)

var kindNames = [...]string{"nothing", "nil", "bool", "integer", "float", "string", "bytes", "array", "map", "time", "extension"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// The first bytes of values, by the names that the msgpack specification has.
const (
	fixMap   = 0x80
	fixArray = 0x90
	fixStr   = 0xa0
	codeNil  = 0xc0
	// codeNone begins no value, now or ever; reading past the end yields it.
	codeNone                 = 0xc1
	codeFalse, codeTrue      = 0xc2, 0xc3
	bin8, bin16, bin32       = 0xc4, 0xc5, 0xc6
	ext8, ext16, ext32       = 0xc7, 0xc8, 0xc9
	float32Code, float64Code = 0xca, 0xcb
	uint8Code, uint16Code    = 0xcc, 0xcd
	uint32Code, uint64Code   = 0xce, 0xcf
	int8Code, int16Code      = 0xd0, 0xd1
	int32Code, int64Code     = 0xd2, 0xd3
	fixExt1, fixExt2         = 0xd4, 0xd5
	fixExt4, fixExt8         = 0xd6, 0xd7
	fixExt16                 = 0xd8
	str8, str16, str32       = 0xd9, 0xda, 0xdb
	array16, array32         = 0xdc, 0xdd
	map16, map32             = 0xde, 0xdf
	negFixInt                = 0xe0
)

// extTime is the extension type of instants.
const extTime = -1

// kindOf tells a value's kind by its first byte. Instants look like any other
// extension here.
func kindOf(c byte) Kind {
	switch {
	case c < fixMap, c >= negFixInt:
		return Int
	case c < fixArray:
		return Map
	case c < fixStr:
		return Array
	case c < codeNil:
		return String
	}
	switch c {
	case codeNil:
		return Nil
	case codeFalse, codeTrue:
		return Bool
	case bin8, bin16, bin32:
		return Bytes
	case ext8, ext16, ext32, fixExt1, fixExt2, fixExt4, fixExt8, fixExt16:
		return Ext
	case float32Code, float64Code:
		return Float
	case uint8Code, uint16Code, uint32Code, uint64Code, int8Code, int16Code, int32Code, int64Code:
		return Int
	case str8, str16, str32:
		return String
	case array16, array32:
		return Array
	case map16, map32:
		return Map
	}
	return Invalid
}
