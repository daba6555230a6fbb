package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen"
)

// nouns are what people call fields, and what generated code or Go's own tools
// have names for.
var nouns = strings.Fields(`ID Name Type Version Query Status History Get Set Is Any Len String Error Err Format Scan Key Value Data
	Index Count Size Kind State Title Body Text Tags Labels Owner Author User Created Updated Deleted Time Date Due Done Open Close
	Watch Changes Flush Delete Revert Pending Update View Observe Snapshot Assign Node Handle Object Document ODocument OObject
	ObjectLens Place Path Where Table Lens Has Absent Match After Limit Each At All Keys Clear Append Insert Remove Move Swap Link
	Parent Children Next Prev First Last Min Max Sum Total Price Amount Email Phone Address City Country Zip Lang Locale URL
	Code Hash Token Secret Password Role Group Team Note Comment Message Subject From To Cc Reply Read Write Seek Lock Unlock
	MarshalJSON UnmarshalJSON MarshalText GobEncode ReadByte WriteTo Func Var Map Chan Go Range Select Package Import Interface Struct
	Return Break Default Nil True Int Bool Byte Rune Float Append2 New Make Copy Panic Context Ctx Opts Fn Db O V L W Destam
	List Plain Meta Settings Options Config Content Items Entries Entry Record Row Column Field Fields Schema Model View2 Item Element
	Delta Deltas Commit Commits Origin By Because Digest Apply Undo Redo Become Blame Diff Export Live Find Create Reuse Instance
	Restore Purge Transact Hit Store Cache Driver Session Event Events Source Target Action Method Function Args Params Result Results
	Response Request Body2 Header Headers Cookie Host Port Scheme Fragment Username Unwrap As Join Is2 GoString Timeout Temporary
	Weight Height Width Length Depth Level Rank Score Rating Priority Order Orders Sort Filter Search Page Offset Begin End Start Stop
	Enabled Active Visible Public Private Local Unique Was Required Optional Hidden Locked Archived Draft Published Error2 Errors
	SetName ClearName GetName IsActive HasKey Self This Super Root Leaf Tree Branch Left Right Up Down Top Bottom Copy2 Clone Equal
	Compare Less Hash2 Bytes Reader Writer Closer Buffer File Folder Image Video Audio Color Shape Point Line Circle Area Unit
	Currency Tax Discount Quantity SKU Stock Cart Invoice Payment Receipt Shipment Carrier Tracking UUID GUID IP MAC DNS HTTP API SQL JSON XML YAML`)

// Where a noun is the name of a field: of a document, of a struct in it, and of
// the two in a query section.
const (
	inDocument = "document"
	inObject   = "object"
	inSection  = "section"
	inNested   = "nested"
)

// notAsItIs are the nouns that some place refuses, which must propose a tag that
// is good there. All others work everywhere.
var notAsItIs = map[string]string{
	// What is ours on every handle, or embedded in it.
	"Observe": "document object section nested", "Snapshot": "document object section nested", "Assign": "document object section nested",
	"OObject": "document object section nested", "ObjectLens": "document object section nested",
	// What is ours on that of a document.
	"Update": inDocument, "View": inDocument, "Query": inDocument, "ODocument": inDocument,
	// What go vet knows, and no getter is.
	"MarshalJSON": "document object section nested", "UnmarshalJSON": "document object section nested",
	"GobEncode": "document object section nested", "ReadByte": "document object section nested",
}

// TestNouns holds of each noun, by name, that a field may be called so or is
// refused with a tag that is good; then all of it is compiled, vetted and used.
func TestNouns(t *testing.T) {
	dir := userModule(t)
	all := slices.Compact(slices.Sorted(slices.Values(nouns)))
	if len(all) < 300 {
		t.Fatalf("only %d nouns", len(all))
	}
	lines := []string{"package nouns", ""}
	at := map[int]string{} // what is on a line of the source, from 1
	methods := map[string]string{}
	add := func(noun, place, line string) {
		lines = append(lines, line)
		at[len(lines)] = noun + " " + place
		methods[noun+" "+place] = noun
	}
	plain := func(line ...string) { lines = append(lines, line...) }
	for i, noun := range all {
		plain(fmt.Sprintf("type Doc%d struct {", i), fmt.Sprintf("\t_ struct{} `destam:\"table=t%d\"`", i), fmt.Sprintf("\tZection Section%d `destam:\"query,go=Query\"`", i))
		add(noun, inDocument, "\t"+noun+" string `destam:\"noun\"`")
		plain(fmt.Sprintf("\tZbject Object%d `destam:\"object\"`", i), "}", "", fmt.Sprintf("type Object%d struct {", i))
		add(noun, inObject, "\t"+noun+" *int `destam:\"noun\"`")
		plain("}", "", fmt.Sprintf("type Section%d struct {", i))
		add(noun, inSection, "\t"+noun+" string `destam:\"noun\"`")
		plain(fmt.Sprintf("\tZested Nested%d `destam:\"nested\"`", i), "}", "", fmt.Sprintf("type Nested%d struct {", i))
		add(noun, inNested, "\t"+noun+" []int8 `destam:\"noun\"`")
		plain("}", "")
	}
	path := filepath.Join(dir, "nouns", "nouns.go")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := gen.Run(gen.Config{Dir: filepath.Dir(path)})
		return err
	}
	var wrong gen.Diagnostics
	if err := write(); !errors.As(err, &wrong) {
		t.Fatalf("nothing is refused: %v", err)
	}
	refused := map[string][]string{}
	for _, d := range wrong {
		noun, place, ok := strings.Cut(at[d.Pos.Line], " ")
		tag := proposed.FindString(d.Fix)
		if !ok || tag == "" {
			t.Fatalf("%v: no field, or no tag is proposed", d)
		}
		refused[noun] = append(refused[noun], place)
		line := &lines[d.Pos.Line-1]
		*line = regexp.MustCompile("`.*`").ReplaceAllLiteralString(*line, "`"+tag+"`")
		_, method, _ := strings.Cut(strings.TrimSuffix(tag, `"`), "go=")
		methods[noun+" "+place] = method
	}
	got := map[string]string{}
	for noun, places := range refused {
		got[noun] = strings.Join(places, " ")
	}
	if d := cmp.Diff(notAsItIs, got); d != "" {
		t.Errorf("what is refused, want and got: %s", d)
	}
	if err := write(); err != nil {
		t.Fatalf("what was proposed is refused: %v", err)
	}
	if testing.Short() {
		return
	}
	use := "package nouns\n\n"
	for i, noun := range all {
		m := func(place string) string { return methods[noun+" "+place] }
		use += fmt.Sprintf("func _(o *ODoc%d) {\n\to.Set%[2]s(o.%[2]s())\n\to.Observe().%[2]s().Set(\"\")\n", i, m(inDocument))
		use += fmt.Sprintf("\tif v, ok := o.Zbject().%[1]s(); ok {\n\t\to.Zbject().Set%[1]s(v)\n\t}\n\to.Zbject().Clear%[1]s()\n", m(inObject))
		use += fmt.Sprintf("\to.Query().Set%[1]s(\"\")\n\t_ = Doc%[2]dWhere.%[1]s().Is(\"\")\n", m(inSection), i)
		use += fmt.Sprintf("\to.Query().Zested().%[1]s().Append(1)\n\t_ = Doc%[2]dWhere.Zested().%[1]s().Has(1)\n}\n\n", m(inNested), i)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "use.go"), []byte(use), 0o644); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, "vet", "./nouns")
}
