package driver_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestIDText holds what the catalogue has under these numbers.
// (destam 425, 427)
func TestIDText(t *testing.T) {
	full := driver.ID(bytes.Repeat([]byte{0xff}, 16))
	for _, test := range []struct {
		id   driver.ID
		text string
	}{
		{driver.ID{}, "00000000000000000000000000"},
		{driver.ID{15: 1}, "00000000000000000000000001"},
		{driver.ID{15: 32}, "00000000000000000000000010"},
		{driver.ID{0: 0x80}, "40000000000000000000000000"},
		{driver.ID{0: 1, 1: 0x8f, 15: 31}, "01HW000000000000000000000Z"},
		{full, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
	} {
		if got := test.id.String(); got != test.text {
			t.Errorf("%x: got %s, want %s", test.id[:], got, test.text)
		}
		for _, text := range []string{test.text, strings.ToLower(test.text)} {
			if got, err := driver.ParseID(text); err != nil || got != test.id {
				t.Errorf("ParseID(%s) = %x, %v; want %x", text, got[:], err, test.id[:])
			}
		}
	}
	if got, err := driver.ParseID("OOOOOOOOOOOOOOOOOOOOOOOOIl"); err != nil || got != (driver.ID{15: 33}) {
		t.Errorf("letters that look like digits: got %x, %v", got[:], err)
	}
}

// TestIDOrder holds what the catalogue has under these numbers.
// (destam 437)
func TestIDOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() (id driver.ID) {
		for i := range id {
			id[i] = byte(random.IntN(3)) // few values, so that equal prefixes are common
		}
		return id
	}
	for range 5_000 {
		a, b := draw(), draw()
		want := bytes.Compare(a[:], b[:])
		if got := a.Compare(b); got != want {
			t.Fatalf("Compare(%x, %x) = %d, want %d", a[:], b[:], got, want)
		}
		if got := strings.Compare(a.String(), b.String()); got != want {
			t.Fatalf("texts of %x and %x compare as %d, want %d", a[:], b[:], got, want)
		}
		if back, err := driver.ParseID(a.String()); err != nil || back != a {
			t.Fatalf("%x came back as %x, %v", a[:], back[:], err)
		}
	}
}

// TestParseIDRefuses holds what the catalogue has under these numbers.
// (destam 430)
func TestParseIDRefuses(t *testing.T) {
	for _, text := range []string{
		"",
		"0",
		"0000000000000000000000000",   // 25
		"000000000000000000000000000", // 27
		"80000000000000000000000000",  // 2^128
		"ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"0000000000000000000000000U", // not in the alphabet
		"0000000000000000000000000-",
		"000000000000000000000000\x00\x00",
		"0000000000000000000000000é"[1:],
	} {
		if id, err := driver.ParseID(text); err == nil {
			t.Errorf("ParseID(%q) = %x", text, id[:])
		}
	}
}

func TestIDJSON(t *testing.T) {
	type row struct{ ID driver.ID }
	in := row{driver.ID{3: 7, 9: 200}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"ID":"` + in.ID.String() + `"}`; string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	var out row
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Errorf("came back as %v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"ID":"nonsense"}`), &out); err == nil {
		t.Error("nonsense was read as an id")
	}
	if !(driver.ID{}).IsZero() || in.ID.IsZero() {
		t.Error("IsZero")
	}
}
