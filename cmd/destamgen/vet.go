package main

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/destam-go/destamgen/gen"
)

// vet runs the passes and ends the process, if the arguments are those of the
// subcommand or those that go vet -vettool calls its tool with. The driver of
// x/tools reads its flags from the process, and knows both callers.
func vet(args []string) {
	if passes, ok := vetArguments(args); ok {
		os.Args = append([]string{os.Args[0]}, passes...)
		multichecker.Main(gen.Analyzers()...)
	}
}

// vetArguments gives the arguments for the passes, ok false if they are not
// meant.
func vetArguments(args []string) (passes []string, ok bool) {
	if len(args) == 0 {
		return nil, false
	}
	if args[0] == "vet" {
		passes = args[1:]
		if !slices.ContainsFunc(passes, func(arg string) bool { return !strings.HasPrefix(arg, "-") }) {
			passes = append(slices.Clip(passes), ".") // as the go command does
		}
		return passes, true
	}
	tool := args[0] == "-V=full" || args[0] == "-flags" || strings.HasSuffix(args[len(args)-1], ".cfg")
	return args, tool
}
