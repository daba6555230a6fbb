package fs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHazards holds docs/hazards.md: it has every hazard, and the tests and
// mutants that it names exist.
func TestHazards(t *testing.T) {
	page, err := os.ReadFile("../../docs/hazards.md")
	must(t, err)
	folders := map[string]string{
		"fs": ".", "journal": "internal/journal", "vfs": "internal/vfs", "run": "internal/run", "manifest": "internal/manifest",
		"acceptance": "../../internal/acceptance", "destam": "../../runtime/destam", "drivertest": "../../runtime/driver/drivertest",
	}
	tests := map[string]string{} // the text of all tests of a package
	for pack, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		must(t, err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			must(t, err)
			tests[pack] += string(b)
		}
	}
	for _, name := range regexp.MustCompile("`(\\w+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(page), -1) {
		if !strings.Contains(tests[name[1]], "\nfunc "+name[2]+"(") {
			t.Errorf("there is no test %s.%s", name[1], name[2])
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \|.*\|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != 40 {
		t.Errorf("%d hazards, want 40", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(row[0], "|")
		if cells[4] = strings.TrimSpace(cells[4]); cells[4] == "" && strings.TrimSpace(cells[5]) == "" {
			t.Errorf("hazard %s has no test and no reason", row[1])
		}
		for _, name := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(cells[5], -1) {
			if !strings.Contains(tests["journal"]+tests["fs"], `name: "`+name[1]+`"`) {
				t.Errorf("there is no mutant %q", name[1])
			}
		}
	}
}
