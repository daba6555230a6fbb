package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, codeNil) }

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendInt appends an integer. One that is not negative gets an unsigned
// form, as msgpack libraries do.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, int8Code, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, int16Code), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, int32Code), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, int64Code), uint64(v))
}

// AppendUint appends an integer that is not negative.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v < fixMap:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, uint8Code, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, uint16Code), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, uint32Code), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, uint64Code), v)
}

// AppendFloat32 appends v in four bytes, the bits of a NaN included.
func AppendFloat32(b []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, float32Code), math.Float32bits(v))
}

// AppendFloat64 appends v in eight bytes, the bits of a NaN included.
func AppendFloat64(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, float64Code), math.Float64bits(v))
}

// AppendString appends s byte for byte; it need not be valid UTF-8.
func AppendString(b []byte, s string) []byte {
	if n := len(s); n < 32 {
		b = append(b, fixStr|byte(n))
	} else {
		b = appendLength(b, n, str8, str16, str32)
	}
	return append(b, s...)
}

// AppendBytes appends p as binary data; a nil p like an empty one.
func AppendBytes(b, p []byte) []byte {
	return append(appendLength(b, len(p), bin8, bin16, bin32), p...)
}

// Enclose makes the bytes of b from start on into binary data, for frames
// whose length is known only when they are written. They move up by the
// length, whose width depends on them.
func Enclose(b []byte, start int) []byte {
	var header [5]byte
	h := appendLength(header[:0], len(b)-start, bin8, bin16, bin32)
	b = append(b, h...)
	copy(b[start+len(h):], b[start:len(b)-len(h)])
	copy(b[start:], h)
	return b
}

// AppendArray begins an array: the next n values are its elements.
func AppendArray(b []byte, n int) []byte {
	if 0 <= n && n < 16 {
		return append(b, fixArray|byte(n))
	}
	return appendLength(b, n, codeNone, array16, array32)
}

// AppendMap begins a map: the next 2n values are its keys and values in turn.
func AppendMap(b []byte, n int) []byte {
	if 0 <= n && n < 16 {
		return append(b, fixMap|byte(n))
	}
	return appendLength(b, n, codeNone, map16, map32)
}

// AppendTime appends the instant t to the nanosecond; its location and its
// monotonic reading are not kept.
func AppendTime(b []byte, t time.Time) []byte {
	sec, nsec := uint64(t.Unix()), uint64(t.Nanosecond())
	switch {
	case sec <= math.MaxUint32 && nsec == 0:
		return binary.BigEndian.AppendUint32(append(b, fixExt4, extTime&0xff), uint32(sec))
	case sec < 1<<34:
		return binary.BigEndian.AppendUint64(append(b, fixExt8, extTime&0xff), nsec<<34|sec)
	}
	b = binary.BigEndian.AppendUint32(append(b, ext8, 12, extTime&0xff), uint32(nsec))
	return binary.BigEndian.AppendUint64(b, sec)
}

// AppendExt appends data of an application's own type. Negative types belong
// to the msgpack specification.
func AppendExt(b []byte, typ int8, p []byte) []byte {
	switch len(p) {
	case 1:
		b = append(b, fixExt1)
	case 2:
		b = append(b, fixExt2)
	case 4:
		b = append(b, fixExt4)
	case 8:
		b = append(b, fixExt8)
	case 16:
		b = append(b, fixExt16)
	default:
		b = appendLength(b, len(p), ext8, ext16, ext32)
	}
	return append(append(b, byte(typ)), p...)
}

// appendLength appends n after the code of the narrowest width that holds it.
// Arrays and maps have no form of one byte and give [codeNone] for it.
func appendLength(b []byte, n int, code8, code16, code32 byte) []byte {
	switch {
	case n < 0 || uint64(n) > math.MaxUint32:
		panic(fmt.Sprintf("wire: msgpack has no length %d", n))
	case n <= math.MaxUint8 && code8 != codeNone:
		return append(b, code8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, code16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, code32), uint32(n))
}
