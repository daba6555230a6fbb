package vet

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"reflect"

	"golang.org/x/tools/go/analysis"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Judge is the generator as this package needs it: what it says of the package
// in a folder, and which of the files there it would write otherwise. Names are
// relative to the folder.
type Judge func(folder string) (Judgement, error)

// Judgement is what the generator says of a folder.
type Judgement struct {
	Said  schema.Diagnostics // what is wrong
	Stale []string           // if nothing is wrong: what a run would change
}

// judgement is a Judgement with the places of a pass. It is nil for a package
// without tags.
type judgement struct {
	Judgement
	files map[string]*ast.File
	first *ast.File // with tags
}

// judgedBy makes the step that tags and stale have in common.
func judgedBy(judge Judge) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:             "destamjudge",
		Doc:              "ask the generator about the package",
		URL:              url,
		RunDespiteErrors: true,
		ResultType:       reflect.TypeFor[*judgement](),
		Run: func(pass *analysis.Pass) (any, error) {
			j := &judgement{files: map[string]*ast.File{}}
			for _, f := range pass.Files {
				j.files[name(pass, f)] = f
				if j.first == nil && hasTags(f) && !ast.IsGenerated(f) {
					j.first = f
				}
			}
			if j.first == nil {
				return (*judgement)(nil), nil
			}
			var err error
			j.Judgement, err = judge(filepath.Dir(file(pass, j.first).Name()))
			return j, err
		},
	}
}

// url is where the passes are described.
const url = "https://pkg.go.dev/github.com/destam-go/destamgen/cmd/destamgen"

func file(pass *analysis.Pass, f *ast.File) *token.File { return pass.Fset.File(f.FileStart) }

func name(pass *analysis.Pass, f *ast.File) string { return filepath.Base(file(pass, f).Name()) }

// hasTags says whether a file has a struct with tags of ours, right or wrong,
// wherever that is declared.
func hasTags(f *ast.File) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			found = found || schema.HasTag(field.Tag.Value)
		}
		return !found
	})
	return found
}

// at gives a place in a file of the pass; of other files, such as destam.lock,
// the package clause of the first file with tags.
func (j *judgement) at(pass *analysis.Pass, fileName string, offset int) (token.Pos, bool) {
	f := j.files[filepath.Base(fileName)]
	if f == nil || offset > file(pass, f).Size() {
		return j.first.Package, false
	}
	return file(pass, f).Pos(offset), true
}

// tags makes the pass that reports what the generator refuses.
func tags(judged *analysis.Analyzer) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:             "destamtag",
		Doc:              "report destam tags and structs that destamgen refuses\n\nThe checks are the generator's own.",
		URL:              url,
		Requires:         []*analysis.Analyzer{judged},
		RunDespiteErrors: true,
		Run: func(pass *analysis.Pass) (any, error) {
			j := pass.ResultOf[judged].(*judgement)
			if j == nil {
				return nil, nil
			}
			for _, d := range j.Said {
				j.report(pass, d)
			}
			return nil, nil
		},
	}
}

func (j *judgement) report(pass *analysis.Pass, d schema.Diagnostic) {
	pos, here := j.at(pass, d.Pos.Filename, d.Pos.Offset)
	message := d.Message
	if d.Fix != "" {
		message += " (fix: " + d.Fix + ")"
	}
	if !here {
		message = d.String()
	}
	report := analysis.Diagnostic{Pos: pos, Message: message}
	from, _ := j.at(pass, d.Pos.Filename, d.Edit.From)
	to, _ := j.at(pass, d.Pos.Filename, d.Edit.To)
	if here && d.Edit != (schema.Edit{}) {
		report.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   d.Fix,
			TextEdits: []analysis.TextEdit{{Pos: from, End: to, NewText: []byte(d.Edit.Text)}},
		}}
	}
	pass.Report(report)
}

// stale makes the pass that reports generated files which are not what a run
// would write. There is nothing to suggest: what to do is run go generate, and
// drivers do not edit generated files.
func stale(judged *analysis.Analyzer) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:             "destamstale",
		Doc:              "report files that destamgen would write otherwise\n\nThat is so after an edit of a model, and of a newer destamgen.",
		URL:              url,
		Requires:         []*analysis.Analyzer{judged},
		RunDespiteErrors: true,
		Run: func(pass *analysis.Pass) (any, error) {
			j := pass.ResultOf[judged].(*judgement)
			if j == nil {
				return nil, nil
			}
			for _, path := range j.Stale {
				at := j.first
				if f := j.files[filepath.Base(path)]; f != nil {
					at = f
				}
				pass.Reportf(at.Package, "%s is stale: run go generate", filepath.Base(path))
			}
			return nil, nil
		},
	}
}
