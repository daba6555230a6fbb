package exact

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Append appends the JSON of the next value of r, whose error says that there
// is none.
func Append(b []byte, r *wire.Reader) []byte {
	switch r.Kind() {
	case wire.Nil:
		r.Nil()
		return append(b, "null"...)
	case wire.Bool:
		return strconv.AppendBool(b, r.Bool())
	case wire.Int:
		return appendInt(b, r)
	case wire.Float:
		return appendFloat(b, r)
	case wire.String:
		p := r.View()
		if utf8.Valid(p) {
			return AppendString(b, string(p))
		}
		return append(appendBase64(append(b, `{"$text":`...), p), '}')
	case wire.Bytes:
		return append(appendBase64(append(b, `{"$bytes":`...), r.View()), '}')
	case wire.Time:
		return append(AppendTime(append(b, `{"$time":`...), r.Time()), '}')
	case wire.Ext:
		typ, p := r.Ext()
		b = strconv.AppendInt(append(b, `{"$ext":[`...), int64(typ), 10)
		return append(appendBase64(append(b, ','), p), "]}"...)
	case wire.Array:
		b = append(b, '[')
		for i := range r.Array() {
			if r.Err() != nil {
				break
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = Append(b, r)
		}
		return append(b, ']')
	case wire.Map:
		return appendMap(b, r)
	}
	r.Skip() // fails
	return b
}

func appendInt(b []byte, r *wire.Reader) []byte {
	probe := *r
	if v := probe.Int(); probe.Err() == nil {
		*r = probe
		return strconv.AppendInt(b, v, 10)
	}
	return strconv.AppendUint(b, r.Uint(), 10)
}

func appendFloat(b []byte, r *wire.Reader) []byte {
	probe := *r
	if v := probe.Float32(); probe.Err() == nil {
		*r = probe
		b = append(b, `{"$float32":`...)
		if IsFinite(float64(v)) {
			return append(appendFinite(b, float64(v), 32), '}')
		}
		return append(appendOdd(b, float64(v), uint64(math.Float32bits(v)), 8, uint64(math.Float32bits(float32(math.NaN())))), '}')
	}
	v := r.Float64()
	if IsFinite(v) {
		return appendFinite(b, v, 64)
	}
	b = append(b, `{"$float":`...)
	return append(appendOdd(b, v, math.Float64bits(v), 16, math.Float64bits(math.NaN())), '}')
}

// IsFinite tells whether JSON has a word for a float.
func IsFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// appendFinite writes a float so that nobody takes it for an integer.
func appendFinite(b []byte, v float64, bits int) []byte {
	at := len(b)
	b = strconv.AppendFloat(b, v, 'g', -1, bits)
	if !strings.ContainsAny(string(b[at:]), ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// appendOdd writes a float that is infinite or no number.
func appendOdd(b []byte, v float64, bits uint64, digits int, nan uint64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	case bits == nan:
		return append(b, `"NaN"`...)
	}
	text := strconv.FormatUint(bits, 16)
	b = append(b, `"0x`...)
	b = append(b, strings.Repeat("0", digits-len(text))...)
	return append(append(b, text...), '"')
}

// appendMap writes a map as an object, if all its keys may be names.
func appendMap(b []byte, r *wire.Reader) []byte {
	probe := *r
	plain := true
	names := make(map[string]struct{})
	for range probe.Map() {
		if probe.Err() != nil {
			break
		}
		if probe.Kind() != wire.String {
			plain = false
			break
		}
		name := string(probe.View())
		_, twice := names[name]
		if names[name] = struct{}{}; twice || strings.HasPrefix(name, "$") || !utf8.ValidString(name) {
			plain = false
			break
		}
		probe.Skip()
	}
	if !plain {
		b = append(b, `{"$map":[`...)
	} else {
		b = append(b, '{')
	}
	for i := range r.Map() {
		if r.Err() != nil {
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		if plain {
			b = append(AppendString(b, string(r.View())), ':')
			b = Append(b, r)
			continue
		}
		b = Append(append(b, '['), r)
		b = append(Append(append(b, ','), r), ']')
	}
	if !plain {
		b = append(b, ']')
	}
	return append(b, '}')
}

// AppendString writes a text, which is UTF-8.
func AppendString(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == 0x7f || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	text, _ := json.Marshal(s) // a string always has a text
	return append(b, text...)
}

// AppendTime writes an instant as RFC 3339 has it, or as an array of seconds
// and nanoseconds where that has no year for it.
func AppendTime(b []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		b = strconv.AppendInt(append(b, '['), t.Unix(), 10)
		return append(strconv.AppendInt(append(b, ','), int64(t.Nanosecond()), 10), ']')
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendBase64(b, p []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), p), '"')
}
