package run

import "fmt"

// DamageError says that a run is not what was written.
type DamageError struct {
	File   string
	Offset int64
	Why    string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s; nothing was changed; restore the store from a backup, or save what can be read with fs.Salvage",
		e.File, e.Offset, e.Why)
}

// FormatError says that a run was written by a newer version.
type FormatError struct {
	File    string
	Version int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has format %d, this program reads up to %d; open it with a newer version", e.File, e.Version, version)
}
