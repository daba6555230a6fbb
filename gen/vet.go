package gen

import (
	"errors"

	"golang.org/x/tools/go/analysis"

	"github.com/destam-go/destamgen/gen/internal/vet"
)

// Analyzers gives the passes of destamgen vet, for other drivers of go/analysis.
// They report tags that [Run] would refuse, generated files that it would write
// otherwise, subscriptions whose stop function is dropped, outer handles and
// other documents inside Update and View, and constant paths of dynamic queries
// that do not exist.
//
// The first two read the package's folder, not only the files of the pass.
func Analyzers() []*analysis.Analyzer { return vet.Analyzers(judge) }

// judge asks Run about one folder.
func judge(folder string) (vet.Judgement, error) {
	report, err := Run(Config{Dir: folder, Check: true})
	var wrong Diagnostics
	switch {
	case errors.As(err, &wrong):
		return vet.Judgement{Said: wrong}, nil
	case errors.Is(err, ErrNoStructs):
		return vet.Judgement{}, nil // the tags are those of tests
	case err != nil:
		return vet.Judgement{}, err
	}
	j := vet.Judgement{}
	for _, s := range report.Stale {
		j.Stale = append(j.Stale, s.Path)
	}
	return j, nil
}
