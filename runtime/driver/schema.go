package driver

import (
	"fmt"
	"slices"
)

// MaxTableName is the length of the longest name of a table.
const MaxTableName = 64

// Check gives a [*SchemaError] for what no driver takes, a [*LimitError] for a
// name that is too long.
//
// A table's name begins with a letter A–Z or a–z; letters, digits, _ and -
// follow. Everything else is refused for every driver, because some driver,
// tool or person would have to escape it: dots and slashes in names of
// collections and files, spaces in commands, letters that look like others.
func (s Schema) Check() error {
	switch {
	case s.Table == "":
		return &SchemaError{s.Table, "a table needs a name"}
	case len(s.Table) > MaxTableName:
		return &LimitError{"table name", len(s.Table), MaxTableName}
	case !letter(s.Table[0]):
		return &SchemaError{s.Table, "a table's name begins with a letter A–Z or a–z"}
	}
	for i := range len(s.Table) {
		if c := s.Table[i]; !letter(c) && !('0' <= c && c <= '9') && c != '_' && c != '-' {
			return &SchemaError{s.Table, fmt.Sprintf("%q in a table's name is neither a letter A–Z or a–z, a digit, _ nor -", c)}
		}
	}
	for i, unique := range s.Unique {
		path, err := SplitPath(unique)
		switch {
		case err != nil:
			return &SchemaError{s.Table, "unique field: " + err.Error()}
		case len(path) == 0:
			return &SchemaError{s.Table, "unique field: the path is empty"}
		case i > 0 && unique <= s.Unique[i-1]:
			return &SchemaError{s.Table, fmt.Sprintf("unique fields are not ascending: %s after %s", unique, s.Unique[i-1])}
		}
	}
	return nil
}

func letter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }

// Merge says what a store holds of a table that it has as s after newer was
// declared. Widened says that a field becomes unique: documents that are there
// have not said that they hold its value, so before newer counts the driver has
// them say so ([CheckUnique], [TakeUnique]). Both schemas are valid. The result
// shares no memory with newer.
func (s Schema) Merge(newer Schema) (merged Schema, widened bool, err error) {
	for _, unique := range s.Unique {
		if !slices.Contains(newer.Unique, unique) {
			return s, false, &SchemaError{s.Table, fmt.Sprintf(
				"field %s is unique in the store and not in this program: it would let two documents hold one value. Update the program", unique)}
		}
	}
	return Schema{
		Table:    s.Table,
		Unique:   slices.Clone(newer.Unique),
		Revision: max(s.Revision, newer.Revision),
	}, len(newer.Unique) > len(s.Unique), nil
}
