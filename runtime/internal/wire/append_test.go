package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// TestAppend pins the bytes: they are the stored form.
func TestAppend(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string // bytes the value begins with
		size int
	}{
		{"nil", AppendNil(nil), "\xc0", 1},
		{"false", AppendBool(nil, false), "\xc2", 1},
		{"true", AppendBool(nil, true), "\xc3", 1},
		{"int 0", AppendInt(nil, 0), "\x00", 1},
		{"int 127", AppendInt(nil, 127), "\x7f", 1},
		{"int 128", AppendInt(nil, 128), "\xcc\x80", 2},
		{"int 256", AppendInt(nil, 256), "\xcd\x01\x00", 3},
		{"int 65536", AppendInt(nil, 65536), "\xce\x00\x01\x00\x00", 5},
		{"int 2^32", AppendInt(nil, 1<<32), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
		{"int -1", AppendInt(nil, -1), "\xff", 1},
		{"int -32", AppendInt(nil, -32), "\xe0", 1},
		{"int -33", AppendInt(nil, -33), "\xd0\xdf", 2},
		{"int -129", AppendInt(nil, -129), "\xd1\xff\x7f", 3},
		{"int -32769", AppendInt(nil, -32769), "\xd2\xff\xff\x7f\xff", 5},
		{"int least", AppendInt(nil, math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
		{"uint most", AppendUint(nil, math.MaxUint64), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{"float32", AppendFloat32(nil, 1), "\xca\x3f\x80\x00\x00", 5},
		{"float64", AppendFloat64(nil, 1), "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9},
		{"no string", AppendString(nil, ""), "\xa0", 1},
		{"string", AppendString(nil, "ab"), "\xa2ab", 3},
		{"string 31", AppendString(nil, strings.Repeat("a", 31)), "\xbf", 32},
		{"string 32", AppendString(nil, strings.Repeat("a", 32)), "\xd9\x20", 34},
		{"string 256", AppendString(nil, strings.Repeat("a", 256)), "\xda\x01\x00", 259},
		{"string 65536", AppendString(nil, strings.Repeat("a", 65536)), "\xdb\x00\x01\x00\x00", 65541},
		{"no bytes", AppendBytes(nil, nil), "\xc4\x00", 2},
		{"bytes 256", AppendBytes(nil, make([]byte, 256)), "\xc5\x01\x00", 259},
		{"bytes 65536", AppendBytes(nil, make([]byte, 65536)), "\xc6\x00\x01\x00\x00", 65541},
		{"array 15", AppendArray(nil, 15), "\x9f", 1},
		{"array 16", AppendArray(nil, 16), "\xdc\x00\x10", 3},
		{"array 65536", AppendArray(nil, 65536), "\xdd\x00\x01\x00\x00", 5},
		{"map 15", AppendMap(nil, 15), "\x8f", 1},
		{"map 16", AppendMap(nil, 16), "\xde\x00\x10", 3},
		{"map 65536", AppendMap(nil, 65536), "\xdf\x00\x01\x00\x00", 5},
		{"time 1970", AppendTime(nil, time.Unix(0, 0)), "\xd6\xff\x00\x00\x00\x00", 6},
		{"time 2106", AppendTime(nil, time.Unix(1<<32, 0)), "\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x00", 10},
		{"time with nanoseconds", AppendTime(nil, time.Unix(1, 1)), "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01", 10},
		{"time 2514", AppendTime(nil, time.Unix(1<<34, 1)), "\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x00", 15},
		{"time before 1970", AppendTime(nil, time.Unix(-1, 0)), "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 15},
		{"ext 0", AppendExt(nil, 5, nil), "\xc7\x00\x05", 3},
		{"ext 1", AppendExt(nil, 5, make([]byte, 1)), "\xd4\x05\x00", 3},
		{"ext 2", AppendExt(nil, 5, make([]byte, 2)), "\xd5\x05\x00", 4},
		{"ext 3", AppendExt(nil, 5, make([]byte, 3)), "\xc7\x03\x05", 6},
		{"ext 4", AppendExt(nil, 5, make([]byte, 4)), "\xd6\x05\x00", 6},
		{"ext 8", AppendExt(nil, 5, make([]byte, 8)), "\xd7\x05\x00", 10},
		{"ext 16", AppendExt(nil, -7, make([]byte, 16)), "\xd8\xf9\x00", 18},
		{"ext 256", AppendExt(nil, 5, make([]byte, 256)), "\xc8\x01\x00\x05", 260},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.HasPrefix(tt.got, []byte(tt.want)) || len(tt.got) != tt.size {
				t.Errorf("got % x of %d bytes, want % x… of %d", tt.got[:min(len(tt.got), 20)], len(tt.got), tt.want, tt.size)
			}
		})
	}
}

func TestAppendRefusesImpossibleLength(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a negative length was appended")
		}
	}()
	AppendArray(nil, -1)
}

func TestEnclose(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 65535, 65536} {
		head, data := []byte("abc"), bytes.Repeat([]byte{0x42}, n)
		got := Enclose(append(append(make([]byte, 0, n+100), head...), data...), len(head))
		want := AppendBytes(head, data)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got % .10x…, want % .10x…", n, got, want)
		}
	}
}
