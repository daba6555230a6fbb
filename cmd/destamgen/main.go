// Destamgen writes typed, observable, persistent documents for plain structs
// with destam tags.
//
// Usage:
//
//	destamgen [-check] [-json] [-loader source|packages] [folder ...]
//	destamgen vet [-fix] [package ...]
//
// It is run by go generate. In one file of each package with tagged structs:
//
//	//go:generate go tool destamgen
//
// For each source file with tagged structs, note.go, it writes note_destam.go
// beside it, and for each package destam.lock: every name that was ever
// generated, with its kind. Commit both. A folder names the package in it, and a
// folder followed by /... those below it too; none is the current folder.
//
// A run is all or nothing: mistakes are reported as file:line:column, all of
// them, and then nothing is written. Files are written only when they differ.
// Output whose source is gone is removed. The package need not compile: code
// that calls what is still to be generated, and output that is stale or broken,
// are no obstacles.
//
// The flags are:
//
//	-check
//		Write nothing. Say which files are not what a run would make
//		them, show the differences as a unified diff on standard output,
//		and exit with status 1 if there are any. For continuous
//		integration.
//
//	-json
//		Write what there is to say to standard output, each as a JSON
//		object on a line of its own: file, line, column, severity
//		(error, warning or, with -check, stale), message, fix, diff.
//	-loader source|packages
//		How to find out about types of other packages. The default reads
//		the source of those packages that fields have types of, and
//		compiles nothing; packages asks the go command, which may have to
//		compile them.
//
// What types of the standard library and of modules in the module cache are is
// read from their source once, and remembered in the folder destamgen of the
// user's cache directory. The environment variable DESTAMGENCACHE names another
// folder, or is off.
//
// The exit status is 0 if all is well, 1 if the input is wrong or, with -check,
// the output is stale, and 2 if the command line is wrong.
//
// # Vet
//
// Destamgen vet looks for mistakes that the compiler cannot see, in packages
// with documents and in those that use them:
//
//	destamtag     what destamgen would refuse
//	destamstale   generated files that a run would write otherwise
//	destamstop    a subscription whose stop function is dropped
//	destamouter   an outer handle, or another document, inside Update or View
//	destamquery   a constant path of a dynamic query that does not exist
//
// Packages are named as for the go command. With -fix it makes the corrections
// that are certain; with -json it writes what it found as JSON. The flag -name
// runs the pass of that name alone, -name=false all others. The exit status is 3
// if something was found, and 1 if a package could not be looked at.
//
// It is a tool for go vet too, which keeps results:
//
//	go build -o destamvet github.com/destam-go/destamgen/cmd/destamgen
//	go vet -vettool=$(pwd)/destamvet ./...
//
// Tags and the Go that comes of them are described in package
// github.com/destam-go/destamgen/runtime/destam.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/destam-go/destamgen/gen"

	// Generated code imports the runtime. Importing it here makes the user's
	// go mod tidy record what the runtime needs before there is any generated
	// code, so that the first build after go generate does not stop at missing
	// go.sum entries.
	_ "github.com/destam-go/destamgen/runtime/destam"
)

// The exit statuses.
const (
	exitGood  = 0
	exitWrong = 1 // the input is wrong, or the output is stale
	exitUsage = 2
)

func main() {
	vet(os.Args[1:])
	// A run needs most of what it keeps to its end, and that is near: to collect
	// at every doubling of a small heap would be a quarter of its time.
	debug.SetGCPercent(400)
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// command is the whole program without its process.
func command(args []string, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("destamgen", flag.ContinueOnError)
	flags.SetOutput(complaints)
	check := flags.Bool("check", false, "write nothing; exit with status 1 if a run would change a file")
	asJSON := flags.Bool("json", false, "write what there is to say as JSON, one object a line, to standard output")
	loader := flags.String("loader", "source", "how types of other packages are found out: `source` or packages")
	flags.Usage = func() {
		fmt.Fprint(complaints, "usage: destamgen [-check] [-json] [-loader source|packages] [folder ...]\n       destamgen vet [-fix] [package ...]\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitGood
	} else if err != nil {
		return exitUsage
	}
	report, err := gen.Run(gen.Config{Folders: flags.Args(), Check: *check, Loader: *loader})
	var wrong gen.Diagnostics
	errors.As(err, &wrong)
	if *asJSON {
		found := findings(report, wrong, err)
		if failed := writeJSON(out, found); failed != nil {
			fmt.Fprintln(complaints, "destamgen:", failed)
			return exitWrong
		}
		if err != nil || len(report.Stale) > 0 {
			return exitWrong
		}
		return exitGood
	}
	switch {
	case wrong != nil:
		fmt.Fprintln(complaints, wrong)
		return exitWrong
	case err != nil:
		fmt.Fprintln(complaints, "destamgen:", err)
		return exitWrong
	}
	for _, w := range report.Warnings {
		fmt.Fprintln(complaints, w)
	}
	for _, s := range report.Stale {
		fmt.Fprint(out, s.Diff)
	}
	for _, s := range report.Stale {
		fmt.Fprintf(complaints, "%s is stale: run go generate\n", s.Path)
	}
	if len(report.Stale) > 0 {
		return exitWrong
	}
	return exitGood
}
