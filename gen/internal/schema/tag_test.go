package schema

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTag(t *testing.T) {
	for _, c := range []struct {
		name    string
		literal string
		field   string
		want    Tag
		wrong   []TagProblem
	}{
		{"none", "`json:\"x\"`", "X", Tag{}, nil},
		{"a name", "`destam:\"title\"`", "Title", Tag{Form: NameTag, Name: "title", NameAt: 9}, nil},
		{"after another", "`json:\"x\" destam:\"title\"`", "Title", Tag{Form: NameTag, Name: "title", NameAt: 18}, nil},
		{"all options", "`destam:\"t,local,unique,go=Head\"`", "T",
			Tag{Form: NameTag, Name: "t", Go: "Head", Unique: true, Local: true, NameAt: 9, LocalAt: 11, UniqueAt: 17, GoAt: 24}, nil},
		{"letters of any language", "`destam:\"größe\"`", "G", Tag{Form: NameTag, Name: "größe", NameAt: 9}, nil},
		{"left out", "`destam:\"-\"`", "X", Tag{Form: LeaveOut}, nil},
		{"a table", "`destam:\"table=notes\"`", "_", Tag{Form: TableTag, Name: "notes", NameAt: 15}, nil},
		{"a field that is called table", "`destam:\"table\"`", "Table", Tag{Form: NameTag, Name: "table", NameAt: 9}, nil},
		{"in quotes", `"destam:\"title\""`, "Title", Tag{Form: NameTag, Name: "title", NameAt: 10}, nil},
		{"a field that is called as an option", "`destam:\"local\"`", "Local", Tag{Form: NameTag, Name: "local", NameAt: 9}, nil},
		{"an option alone", "`destam:\"unique\"`", "Slug", Tag{Form: BadTag},
			[]TagProblem{{9, "the name is missing", `destam:"slug,unique"`, Edit{}}}},
		{"nothing", "`destam:\"\"`", "Slug", Tag{Form: BadTag},
			[]TagProblem{{9, "the name is missing", `destam:"slug"`, Edit{}}}},
		{"two mistakes", "`destam:\"a b,lokal\"`", "Slug", Tag{Form: BadTag, Name: "a b", NameAt: 9}, []TagProblem{
			{9, `the name "a b" holds ' ': letters, digits, _ and - may be in a name`, `a name such as "slug"`, Edit{}},
			{13, `unknown option "lokal"`, "local", Edit{13, 18, "local"}},
		}},
		{"a name that is too long", "`destam:\"" + strings.Repeat("x", 129) + "\"`", "Slug",
			Tag{Form: BadTag, Name: strings.Repeat("x", 129), NameAt: 9},
			[]TagProblem{{9, "the name is longer than 128 bytes", `a name such as "slug"`, Edit{}}}},
		{"a table that is too long", "`destam:\"table=" + strings.Repeat("x", 65) + "\"`", "_",
			Tag{Form: BadTag, Name: strings.Repeat("x", 65), NameAt: 15},
			[]TagProblem{{15, "the table name is longer than 64 bytes", "table=" + strings.Repeat("x", 64), Edit{}}}},
		{"another key", "`json:\"x\" dest:\"title\"`", "Title", Tag{}, nil},
		{"a key in capitals", "`Destam:\"title\"`", "Title", Tag{Form: BadTag},
			[]TagProblem{{1, `the key "Destam" is not "destam", so nobody reads this tag`, "destam", Edit{1, 7, "destam"}}}},
		{"a key that is misspelled", "`json:\"x\" desatm:\"title\"`", "Title", Tag{Form: BadTag},
			[]TagProblem{{10, `the key "desatm" is not "destam", so nobody reads this tag`, "destam", Edit{10, 16, "destam"}}}},
		{"a comma between tags", "`json:\"x\",destam:\"title\"`", "Title", Tag{Form: BadTag},
			[]TagProblem{{9, `the key ",destam" is not "destam", so nobody reads this tag`, "a space between the tags", Edit{9, 16, " destam"}}}},
		{"an option behind a semicolon", "`destam:\"slug;unique\"`", "Slug", Tag{Form: BadTag, Name: "slug;unique", NameAt: 9},
			[]TagProblem{{9, `the name "slug;unique" holds ';': letters, digits, _ and - may be in a name`, `destam:"slug,unique"`, Edit{}}}},
		{"an option of others", "`destam:\"slug,required\"`", "Slug", Tag{Form: BadTag, Name: "slug", NameAt: 9},
			[]TagProblem{{14, `unknown option "required"`, "leave it out: only a pointer can be absent", Edit{}}}},
		{"no name that was", "`destam:\"slug,was=\"`", "Slug", Tag{Form: BadTag, Name: "slug", NameAt: 9},
			[]TagProblem{{14, "was= needs the name that the field had", "was=name", Edit{}}}},
		{"a method name", "`destam:\"slug,go=foo-bar\"`", "Slug", Tag{Form: BadTag, Name: "slug", Go: "foo-bar", NameAt: 9, GoAt: 14},
			[]TagProblem{{14, `go= needs the name of an exported method, "foo-bar" is none`, "go=Foobar", Edit{}}}},
		{"no literal", "destam", "X", Tag{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, wrong := ParseTag(c.literal, c.field)
			if d := cmp.Diff(got, c.want); d != "" {
				t.Errorf("tag, got and want: %s", d)
			}
			if d := cmp.Diff(wrong, c.wrong); d != "" {
				t.Errorf("problems, got and want: %s", d)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"uniqe": "unique", "Unique": "unique", "lokal": "local", "gp": "go", "wass": "was",
		"": "", "o": "go", "something": "", "table": "",
	} {
		if got := nearest(word, options); got != want {
			t.Errorf("nearest(%q) is %q, want %q", word, got, want)
		}
	}
}

func TestSuggestName(t *testing.T) {
	for field, want := range map[string]string{
		"Title": "title", "ID": "id", "URLPath": "urlPath", "HTTP2": "http2", "X": "x", "Größe": "größe",
		"_": "name", "": "name", "IDs": "ids", "URLsSeen": "urlsSeen", "ABc": "aBc",
	} {
		if got := suggestName(field); got != want {
			t.Errorf("suggestName(%q) is %q, want %q", field, got, want)
		}
	}
}

// FuzzParseTag holds that no tag breaks the parser, that what it says points into
// the literal, that it finds what package reflect finds, and that a tag that it
// accepts says the same when it is written anew.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{
		`destam:"title"`, `json:"x" destam:"title,local"`, `destam:"table=notes"`, `destam:"-"`, `destam:"a\tb,go=X"`,
		`destam: "x"`, `destam:"`, `destam:"query,unique" destam:"x"`, "destam:\"\xff\"", `destam:"ünïque,unique"`, `destam:"table,"`,
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, value string, quoted bool) {
		literal := "`" + value + "`"
		if quoted || !strconv.CanBackquote(value) {
			literal = strconv.Quote(value)
		}
		tag, problems := ParseTag(literal, "Field")
		for _, p := range problems {
			if p.At < 0 || p.At >= len(literal) {
				t.Fatalf("%q points to %d in %s", p.Message, p.At, literal)
			}
		}
		if (tag.Form == BadTag) != (len(problems) > 0) {
			t.Fatalf("form %d with problems %v", tag.Form, problems)
		}
		said, found := reflect.StructTag(value).Lookup(Key)
		if good := tag.Form != NoTag && tag.Form != BadTag; good && !found {
			t.Fatalf("%+v is in no tag that reflect finds", tag)
		} else if found && tag.Form == NoTag {
			t.Fatalf("%q was not found", said)
		}
		if tag.Form != NameTag {
			return
		}
		again := "`" + Key + ":\"" + tag.Name
		for option, set := range map[string]bool{"unique": tag.Unique, "local": tag.Local, "go=" + tag.Go: tag.Go != ""} {
			if set {
				again += "," + option
			}
		}
		same, problems := ParseTag(again+"\"`", "Field")
		if same.Name != tag.Name || same.Go != tag.Go || same.Unique != tag.Unique || same.Local != tag.Local || len(problems) > 0 {
			t.Fatalf("%s says %+v, and %s says %+v %v", literal, tag, again, same, problems)
		}
	})
}
