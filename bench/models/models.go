// Package models writes the inputs of the benchmarks of generators: the same
// structs of ten fields, as each generator wants them.
package models

import (
	"fmt"
	"strings"
)

// Structs gives n structs of ten fields whose tags have the key: destam, msg.
// With tables, each has a query section of three fields too, and is a document
// where there are such.
func Structs(n int, key string, tables bool) string {
	var b strings.Builder
	b.WriteString("package docs\n\nimport \"time\"\n\n")
	field := func(name, typ, tag string) { fmt.Fprintf(&b, "\t%s %s `%s:%q`\n", name, typ, key, tag) }
	b.WriteString("type Status string\n\ntype Addr struct {\n")
	field("Street", "string", "street")
	field("Zip", "int", "zip")
	b.WriteString("}\n\n")
	for i := range n {
		fmt.Fprintf(&b, "type Doc%03d struct {\n", i)
		if tables {
			if key == "destam" {
				fmt.Fprintf(&b, "\t_ struct{} `destam:\"table=docs%03d\"`\n", i)
			}
			field("Query", fmt.Sprintf("Doc%03dQuery", i), "query")
		}
		field("Name", "string", "name")
		field("Email", "*string", "email")
		field("Age", "int", "age")
		field("Score", "int64", "score")
		field("Active", "bool", "active")
		field("Rate", "float64", "rate")
		field("Created", "time.Time", "created")
		field("Blob", "[]byte", "blob")
		field("Tags", "[]string", "tags")
		field("Home", "Addr", "home")
		b.WriteString("}\n\n")
		if tables {
			fmt.Fprintf(&b, "type Doc%03dQuery struct {\n", i)
			field("Owner", "string", "owner")
			field("Slug", "string", "slug")
			field("Labels", "[]string", "labels")
			b.WriteString("}\n\n")
		}
	}
	return b.String()
}

// Entity gives the i-th of n entities of ten fields and two edges, for ent.
func Entity(i, n int) string {
	return fmt.Sprintf(`package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

type Doc%03[1]d struct{ ent.Schema }

func (Doc%03[1]d) Fields() []ent.Field {
	return []ent.Field{
		field.String("name"),
		field.String("email").Optional(),
		field.Int("age"),
		field.Int64("score"),
		field.Bool("active"),
		field.Float("rate"),
		field.Time("created"),
		field.Bytes("blob").Optional(),
		field.Strings("tags").Optional(),
		field.Enum("state").Values("on", "off"),
	}
}

func (Doc%03[1]d) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("next", Doc%03[2]d.Type).Unique(),
		edge.From("prev", Doc%03[3]d.Type).Ref("next"),
	}
}
`, i, (i+1)%n, (i+n-1)%n)
}

// Constants gives n constants of one type, for stringer.
func Constants(n int) string {
	var b strings.Builder
	b.WriteString("package docs\n\ntype Kind int\n\nconst (\n\tKind000 Kind = iota\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "\tKind%03d\n", i)
	}
	b.WriteString(")\n")
	return b.String()
}
