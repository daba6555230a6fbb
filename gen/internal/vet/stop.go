package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// stops reports subscriptions that nobody can end: the call is a statement of
// its own, or deferred. Whoever means that says so, _ = note.Watch(fn).
var stops = &analysis.Analyzer{
	Name: "destamstop",
	Doc: "report subscriptions whose stop function is dropped\n\n" +
		"A subscription keeps its document in memory, and is called, until it is stopped.\n" +
		"One that is meant to last as long as the process is written _ = note.Watch(fn).",
	URL:              url,
	RunDespiteErrors: true,
	Run: func(pass *analysis.Pass) (any, error) {
		for _, f := range written(pass) {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ExprStmt:
					if call, ok := ast.Unparen(n.X).(*ast.CallExpr); ok {
						dropped(pass, call, false)
					}
				case *ast.DeferStmt:
					dropped(pass, n.Call, true)
				case *ast.GoStmt:
					dropped(pass, n.Call, false)
				}
				return true
			})
		}
		return nil, nil
	},
}

// dropped reports a call if it subscribes.
func dropped(pass *analysis.Pass, call *ast.CallExpr, deferred bool) {
	fn := callee(pass, call)
	if fn == nil || !subscribes(fn) {
		if ends := endsBy(fn); ends != "" {
			pass.Reportf(call.Pos(), "what %s gives is dropped, and goes on until %s is called (fix: keep it, or _ = if that is meant)", fn.Name(), ends)
		}
		return
	}
	diagnostic := analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message: "the stop function of " + fn.Name() + " is dropped: the subscription never ends, and keeps in memory what it watches " +
			"(fix: stop := " + types.ExprString(call.Fun) + "(…), or _ = if that is meant)",
	}
	if deferred && fn.Signature().Results().Len() == 1 {
		diagnostic.Message = "defer begins the subscription at the end and drops its stop function " +
			"(fix: defer " + types.ExprString(call.Fun) + "(…)(), which subscribes now and stops at the end)"
		diagnostic.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   "subscribe now and stop at the end",
			TextEdits: []analysis.TextEdit{{Pos: call.End(), End: call.End(), NewText: []byte("()")}},
		}}
	}
	pass.Report(diagnostic)
}

// subscribes says whether a function of the runtime gives a stop function, as
// all that subscribe do: the result is named so.
func subscribes(fn *types.Func) bool {
	return fromRuntime(fn) && stopAt(fn) >= 0
}

// endsBy gives the method that ends what a function of the runtime gives, "" where
// there is nothing to end.
func endsBy(fn *types.Func) string {
	if fn == nil || !fromRuntime(fn) {
		return ""
	}
	for v := range fn.Signature().Results().Variables() {
		p, ok := types.Unalias(v.Type()).(*types.Pointer)
		if !ok {
			continue
		}
		named, ok := types.Unalias(p.Elem()).(*types.Named)
		if !ok || !fromRuntime(named.Obj()) {
			continue
		}
		switch named.Obj().Name() {
		case "Live":
			return "Close"
		case "Digest":
			return "Stop"
		}
	}
	return ""
}

// stopAt gives which of a function's results stops something, -1 for none.
func stopAt(fn *types.Func) int {
	results := fn.Signature().Results()
	for i := range results.Len() {
		stop, ok := results.At(i).Type().Underlying().(*types.Signature)
		if ok && results.At(i).Name() == "stop" && stop.Params().Len() == 0 && stop.Results().Len() == 0 {
			return i
		}
	}
	return -1
}
