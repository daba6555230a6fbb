package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// outer reports handles that a function given to Update or View was not given.
var outer = &analysis.Analyzer{
	Name: "destamouter",
	Doc: "report outer handles and other documents inside Update and View\n\n" +
		"The function holds its document's lock. The same document by another handle\n" +
		"waits for that lock and panics; another document may hold its own and wait\n" +
		"for ours. Read what is needed before, and use the handle that is given.",
	URL:              url,
	RunDespiteErrors: true,
	Run: func(pass *analysis.Pass) (any, error) {
		for _, f := range written(pass) {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				t := transactionOf(pass, f, call)
				if t == nil {
					return true
				}
				t.check()
				return false // what is nested in it belongs to it
			})
		}
		return nil, nil
	},
}

// transaction is a call of Update or View with a function literal.
type transaction struct {
	pass     *analysis.Pass
	method   string   // Update or View
	receiver ast.Expr // the outer handle
	lit      *ast.FuncLit
	given    *types.Var                // the handle that the function gets; nil if it has no name
	locals   map[types.Object]ast.Expr // what variables are made of inside the function
	said     map[token.Pos]bool
}

// transactionOf gives the transaction that a call in f makes, nil if it makes
// none.
func transactionOf(pass *analysis.Pass, f *ast.File, call *ast.CallExpr) *transaction {
	fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	fn := callee(pass, call)
	if !ok || fn == nil || fn.Name() != "Update" && fn.Name() != "View" || len(call.Args) == 0 {
		return nil
	}
	receiver := fn.Signature().Recv()
	if receiver == nil || !isLive(receiver.Type()) {
		return nil
	}
	lit := literalOf(pass, f, call.Args[0])
	if lit == nil || lit.Type.Params.NumFields() != 1 {
		return nil
	}
	t := &transaction{
		pass: pass, method: fn.Name(), receiver: fun.X, lit: lit,
		locals: map[types.Object]ast.Expr{}, said: map[token.Pos]bool{},
	}
	if names := lit.Type.Params.List[0].Names; len(names) == 1 && names[0].Name != "_" {
		t.given, _ = pass.TypesInfo.Defs[names[0]].(*types.Var)
	}
	return t
}

// literalOf gives the function literal that an argument is: itself, or what a
// local variable was declared with. Functions that are declared can reach no
// outer handle but by a package's variable.
func literalOf(pass *analysis.Pass, f *ast.File, arg ast.Expr) *ast.FuncLit {
	arg = ast.Unparen(arg)
	lit, ok := arg.(*ast.FuncLit)
	if ok {
		return lit
	}
	id, ok := arg.(*ast.Ident)
	if !ok {
		return nil
	}
	v, ok := pass.TypesInfo.Uses[id].(*types.Var)
	if !ok {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != len(assign.Rhs) {
			return true
		}
		for i, left := range assign.Lhs {
			if id, ok := left.(*ast.Ident); ok && pass.TypesInfo.Defs[id] == v {
				lit, _ = ast.Unparen(assign.Rhs[i]).(*ast.FuncLit)
			}
		}
		return true
	})
	return lit
}

// check looks through the function. What runs later is left out: listeners, and
// goroutines, which wait until the function is over.
func (t *transaction) check() {
	t.define()
	later := map[ast.Node]bool{}
	ast.Inspect(t.lit.Body, func(n ast.Node) bool {
		if later[n] {
			return false
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			later[ast.Unparen(n.Call.Fun)] = true
		case *ast.CallExpr:
			fn := callee(t.pass, n)
			if fn != nil && subscribes(fn) {
				for _, arg := range n.Args {
					if lit, ok := ast.Unparen(arg).(*ast.FuncLit); ok {
						later[lit] = true
					}
				}
			}
			t.call(n, fn)
		}
		return true
	})
}

// define notes what the variables of the function are made of, and outer ones
// that it assigns to.
func (t *transaction) define() {
	note := func(left []*ast.Ident, right []ast.Expr) {
		for i, id := range left {
			if object := t.pass.TypesInfo.ObjectOf(id); object != nil && len(right) > 0 {
				t.locals[object] = right[min(i, len(right)-1)]
			}
		}
	}
	ast.Inspect(t.lit.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			left := make([]*ast.Ident, len(n.Lhs))
			for i, l := range n.Lhs {
				if left[i], _ = l.(*ast.Ident); left[i] == nil {
					left[i] = &ast.Ident{}
				}
			}
			note(left, n.Rhs)
		case *ast.ValueSpec:
			note(n.Names, n.Values)
		}
		return true
	})
}

// call judges one call inside the function.
func (t *transaction) call(call *ast.CallExpr, fn *types.Func) {
	if fn == nil {
		return
	}
	if receiver := fn.Signature().Recv(); receiver != nil {
		fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		switch {
		case !ok:
		case isTable(receiver.Type()) && waits[fn.Name()]:
			t.report(call, fmt.Sprintf("%s inside %s waits for a document and for the store (fix: call it when %s is over)", fn.Name(), t.method, t.method))
		case isLive(receiver.Type()) && !harmless[fn.Name()]:
			t.use(fun.X)
		}
		return
	}
	if !fromRuntime(fn) || harmless[fn.Name()] {
		return
	}
	for _, arg := range call.Args {
		if isLive(t.pass.TypesInfo.TypeOf(arg)) {
			t.use(arg)
		}
	}
}

// harmless are the methods and functions of the runtime that take no lock.
var harmless = map[string]bool{"ID": true, "Version": true, "Same": true, "Outer": true}

// waits are the methods of a table that wait for documents.
var waits = map[string]bool{"Delete": true, "Flush": true, "Restore": true, "Purge": true, "Transact": true}

// isTable says whether a receiver is a table.
func isTable(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Table" && fromRuntime(named.Obj())
}

// use judges a live value that is used inside the function.
func (t *transaction) use(e ast.Expr) {
	root := t.root(e)
	if !t.foreign(root) {
		return
	}
	if types.ExprString(root) != types.ExprString(ast.Unparen(t.receiver)) {
		t.report(root, fmt.Sprintf("%s is used inside %s: it is another document, or an outer handle of this one, and may wait for ever (fix: read what is needed before %s)",
			types.ExprString(root), t.method, t.method))
		return
	}
	message := fmt.Sprintf("%s is used inside its own %s, where it waits for itself (fix: %%s)", types.ExprString(root), t.method)
	if t.given == nil || !t.reaches(root.Pos()) {
		t.report(root, fmt.Sprintf(message, "use the handle that the function is given"))
		return
	}
	t.report(root, fmt.Sprintf(message, t.given.Name()), analysis.SuggestedFix{
		Message:   "use " + t.given.Name(),
		TextEdits: []analysis.TextEdit{{Pos: root.Pos(), End: root.End(), NewText: []byte(t.given.Name())}},
	})
}

// reaches says whether the name of the given handle means it at a place: inner
// variables may have the same name.
func (t *transaction) reaches(at token.Pos) bool {
	scope := t.pass.TypesInfo.Scopes[t.lit.Type].Innermost(at)
	if scope == nil {
		return false
	}
	_, object := scope.LookupParent(t.given.Name(), at)
	return object == t.given
}

func (t *transaction) report(at ast.Node, message string, fixes ...analysis.SuggestedFix) {
	if !t.said[at.Pos()] {
		t.said[at.Pos()] = true
		t.pass.Report(analysis.Diagnostic{Pos: at.Pos(), End: at.End(), Message: message, SuggestedFixes: fixes})
	}
}

// root goes back from a live value to what it was taken from: from
// note.Tasks().At(0) to note.
func (t *transaction) root(e ast.Expr) ast.Expr {
	for {
		switch of := e.(type) {
		case *ast.ParenExpr:
			e = of.X
		case *ast.StarExpr:
			e = of.X
		case *ast.UnaryExpr:
			e = of.X
		case *ast.CallExpr:
			fun, ok := ast.Unparen(of.Fun).(*ast.SelectorExpr)
			if !ok || !isLive(t.pass.TypesInfo.TypeOf(fun.X)) {
				return e
			}
			e = fun.X
		case *ast.SelectorExpr: // the embedded OObject of a handle
			if !isLive(t.pass.TypesInfo.TypeOf(of.X)) {
				return e
			}
			e = of.X
		default:
			return e
		}
	}
}

// foreign says whether a live value does not come from the given handle. Where
// that is not known, it is taken to.
func (t *transaction) foreign(root ast.Expr) bool {
	for {
		switch of := root.(type) {
		case *ast.Ident:
			object := t.pass.TypesInfo.Uses[of]
			if _, ok := object.(*types.Var); !ok {
				return false
			}
			made := t.locals[object]
			if inside := t.lit.Pos() <= object.Pos() && object.Pos() < t.lit.End(); inside || made != nil {
				call, ok := made.(*ast.CallExpr)
				return ok && t.fetched(call)
			}
			return true
		case *ast.SelectorExpr: // a field, or a variable of another package
			if id, ok := of.X.(*ast.Ident); ok {
				if _, ok := t.pass.TypesInfo.Uses[id].(*types.PkgName); ok {
					return true
				}
			}
			root = of.X
		case *ast.IndexExpr:
			root = of.X
		case *ast.ParenExpr:
			root = of.X
		case *ast.StarExpr:
			root = of.X
		case *ast.CallExpr:
			return t.fetched(of)
		default:
			return false
		}
	}
}

// fetched says whether a call gives a document that is not the transaction's.
func (t *transaction) fetched(call *ast.CallExpr) bool {
	fn := callee(t.pass, call)
	if fn == nil {
		return false
	}
	if receiver := fn.Signature().Recv(); receiver != nil {
		return isTable(receiver.Type())
	}
	return fromRuntime(fn) && fn.Name() == "Outer"
}
