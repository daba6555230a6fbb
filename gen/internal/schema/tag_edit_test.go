package schema

import "testing"

// TestTagEdits makes the corrections that are certain: after them the tag is
// right.
func TestTagEdits(t *testing.T) {
	for wrong, want := range map[string]string{
		"`destam:\"slug,unike\"`":                      "`destam:\"slug,unique\"`",
		"`json:\"x\" destam:\"slug,lokal,unique\"`":    "`json:\"x\" destam:\"slug,local,unique\"`",
		"`destam:\"slug,,unique\"`":                    "`destam:\"slug,unique\"`",
		"`destam:\"slug,\"`":                           "`destam:\"slug\"`",
		"`destam:\"slug,local,unique,local\"`":         "`destam:\"slug,local,unique\"`",
		"`destam:\"slug,unique=yes,local\"`":           "`destam:\"slug,unique,local\"`",
		"\"json:\\\"ü\\\" destam:\\\"slug,unike\\\"\"": "\"json:\\\"ü\\\" destam:\\\"slug,unique\\\"\"",
	} {
		_, problems := ParseTag(wrong, "Slug")
		if len(problems) != 1 {
			t.Fatalf("%s: %v", wrong, problems)
		}
		e := problems[0].Edit
		if got := wrong[:e.From] + e.Text + wrong[e.To:]; got != want {
			t.Errorf("%s: corrected to %s, want %s", wrong, got, want)
		}
		if _, problems := ParseTag(want, "Slug"); len(problems) > 0 {
			t.Errorf("%s: %v", want, problems)
		}
	}
	const table = "`destam:\"table=notes,local\"`"
	_, problems := ParseTag(table, "_")
	if e := problems[0].Edit; table[:e.From]+e.Text+table[e.To:] != "`destam:\"table=notes\"`" {
		t.Errorf("%s: %v", table, e)
	}
	for _, open := range []string{"`destam:\"slug,omitempty\"`", "`destam:\"slug,somethingelse\"`", "`destam:\",unique\"`", "`destam:\"-,local\"`"} {
		if _, problems := ParseTag(open, "Slug"); len(problems) == 0 || problems[0].Edit != (Edit{}) {
			t.Errorf("%s: %v, want a problem whose fix is not certain", open, problems)
		}
	}
}
