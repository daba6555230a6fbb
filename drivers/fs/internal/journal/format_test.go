package journal

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestFormat writes the bytes that docs/FORMAT.md shows.
func TestFormat(t *testing.T) {
	const want = `
89 64 65 73 74 61 6d 0a  01 00 00 00 8c b9 c6 e3
01 00 00 00 00 00 00 00  e4 2c c9 8c 47 68 cf 75
00 00 00 00 00 00 00 00  00 10 00 00 00 00 00 00
88 ec 40 31 ca 2e 1b 67  6c a3 33 cd ce 23 e4 1d
44 53 54 8a b4 23 70 02  e4 2c c9 8c 47 68 cf 75
01 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
40 00 00 00 29 d3 ea 68  01 00 00 00 00 00 00 00
0f 01 01 05 6e 6f 74 65  73 01 01 04 73 6c 75 67`
	b, err := hex.DecodeString(strings.Join(strings.Fields(want), ""))
	if err != nil {
		t.Fatal(err)
	}
	s := segment{number: 1, id: 0x75cf68478cc92ce4, size: 4096}
	got := s.appendHeader(nil, [16]byte(b[48:64]))
	batch := make([]byte, 64)
	copy(batch[batchHeader:], b[112:])
	header{no: 1, count: 1}.seal(batch, s.id)
	got = append(got, batch...)
	if hex.EncodeToString(got) != hex.EncodeToString(b) {
		t.Errorf("got\n%swant\n%s", hex.Dump(got), hex.Dump(b))
	}
}
