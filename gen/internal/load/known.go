package load

import "github.com/destam-go/destamgen/gen/internal/schema"

// known are types of other packages that are used so often that looking at
// their packages each time would be felt. What this says of them is what
// looking would say (TestKnown).
var known = map[typeName]func() *schema.Type{
	{"time", "Time"}:     leaf(schema.Time, ""),
	{"time", "Duration"}: leaf(schema.Scalar, "int64"),
	{"time", "Month"}:    leaf(schema.Scalar, "int"),
	{"time", "Weekday"}:  leaf(schema.Scalar, "int"),

	{"net/netip", "Addr"}:     coded("binary"),
	{"net/netip", "AddrPort"}: coded("binary"),
	{"net/netip", "Prefix"}:   coded("binary"),
	{"net", "IP"}:             leaf(schema.Bytes, ""),
	{"net/url", "URL"}:        coded("binary"),
	{"math/big", "Int"}:       coded("binary"),
	{"math/big", "Rat"}:       coded("binary"),
	{"math/big", "Float"}:     coded("binary"),
	{"regexp", "Regexp"}:      coded("text"),

	{"encoding/json", "RawMessage"}: leaf(schema.Bytes, ""),
	{"encoding/json", "Number"}:     leaf(schema.Scalar, "string"),
	{"log/slog", "Level"}:           leaf(schema.Scalar, "int"),

	{schema.Runtime, "ID"}:  byteArray(16),
	{schema.Runtime, "Ref"}: coded("text"),

	{"github.com/google/uuid", "UUID"}:                  byteArray(16),
	{"github.com/gofrs/uuid/v5", "UUID"}:                byteArray(16),
	{"go.mongodb.org/mongo-driver/v2/bson", "ObjectID"}: byteArray(12),
}

func leaf(kind schema.Kind, basic string) func() *schema.Type {
	return func() *schema.Type { return &schema.Type{Kind: kind, Basic: basic} }
}

func coded(codec string) func() *schema.Type {
	return func() *schema.Type { return &schema.Type{Kind: schema.Coded, Codec: codec} }
}

func byteArray(n int64) func() *schema.Type {
	return func() *schema.Type {
		return &schema.Type{Kind: schema.Array, Len: n, Elem: &schema.Type{Kind: schema.Scalar, Basic: "uint8"}}
	}
}
