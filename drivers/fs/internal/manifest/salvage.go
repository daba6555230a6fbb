package manifest

import (
	"encoding/hex"
	"strings"
)

// DecodeAny is [Decode] of the manifest of any store.
func DecodeAny(b []byte, file string) (Manifest, error) {
	for line := range strings.Lines(string(b)) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "store ")
		if !ok {
			continue
		}
		id, err := hex.DecodeString(text)
		if err != nil || len(id) != 16 {
			break
		}
		return Decode(b, file, [16]byte(id))
	}
	return Manifest{}, errDamaged
}
