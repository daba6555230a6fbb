package wire

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// The delta that both sides write and read: an id, a path, a time and a text.
const benchText = "a text of some forty characters, or more"

var benchID [16]byte

func appendDelta(b []byte) []byte {
	b = AppendArray(b, 5)
	b = AppendBytes(b, benchID[:])
	b = AppendInt(b, 2)
	b = AppendString(b, "title")
	b = AppendInt(b, 1<<60)
	return AppendString(b, benchText)
}

func BenchmarkAppend(b *testing.B) {
	b.Run("by=wire", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 256)
		for b.Loop() {
			buf = appendDelta(buf[:0])
		}
	})
	b.Run("by=library", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		e := msgpack.NewEncoder(&buf)
		for b.Loop() {
			buf.Reset()
			_ = e.EncodeArrayLen(5)
			_ = e.EncodeBytes(benchID[:])
			_ = e.EncodeInt(2)
			_ = e.EncodeString("title")
			_ = e.EncodeInt(1 << 60)
			_ = e.EncodeString(benchText)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	in := appendDelta(nil)
	b.Run("by=wire", func(b *testing.B) {
		b.ReportAllocs()
		var r Reader
		for b.Loop() {
			r.Reset(in)
			r.Array()
			r.View()
			r.Int()
			r.View()
			r.Int()
			r.View()
		}
	})
	b.Run("by=library", func(b *testing.B) {
		b.ReportAllocs()
		rest := bytes.NewReader(in)
		d := msgpack.NewDecoder(rest)
		for b.Loop() {
			rest.Reset(in)
			d.Reset(rest)
			_, _ = d.DecodeArrayLen()
			_, _ = d.DecodeBytes()
			_, _ = d.DecodeInt64()
			_, _ = d.DecodeString()
			_, _ = d.DecodeInt64()
			_, _ = d.DecodeString()
		}
	})
	b.Run("skip", func(b *testing.B) {
		var r Reader
		for b.Loop() {
			r.Reset(in)
			r.Skip()
		}
	})
}
