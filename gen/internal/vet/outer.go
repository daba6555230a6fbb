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
		files := written(pass)
		h := functionsOf(pass, files)
		said := map[token.Pos]bool{}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				t := h.transactionOf(f, call)
				if t == nil {
					return true
				}
				t.said = said
				t.check()
				return t.declared // what is nested in a literal belongs to it
			})
		}
		return nil, nil
	},
}

// transaction is a call of Update or View with a function that is at hand.
type transaction struct {
	*functions
	pass     *analysis.Pass
	file     *ast.File
	method   string   // Update or View
	receiver ast.Expr // the outer handle
	function
	declared bool                      // the function is declared: its call is elsewhere
	given    *types.Var                // the handle that the function gets; nil if it has no name
	locals   map[types.Object]ast.Expr // what variables are made of inside the function
	said     map[token.Pos]bool
}

// function is a function literal, or a function that is declared.
type function struct {
	node ast.Node
	typ  *ast.FuncType
	body *ast.BlockStmt
}

// transactionOf gives the transaction that a call in f makes, by itself or by a
// function of this package that passes its function on, nil if it makes none.
func (h *functions) transactionOf(f *ast.File, call *ast.CallExpr) *transaction {
	fn := callee(h.pass, call)
	if fn == nil {
		return nil
	}
	t := &transaction{functions: h, pass: h.pass, file: f, locals: map[types.Object]ast.Expr{}}
	var arg ast.Expr
	if isTransaction(fn) && len(call.Args) > 0 {
		fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		t.method, t.receiver, arg = fn.Name(), fun.X, call.Args[0]
	} else if p := h.passes(fn); p != nil && max(p.handle, p.function) < len(call.Args) {
		t.method, t.receiver, arg = p.method, call.Args[p.handle], call.Args[p.function]
	} else {
		return nil
	}
	if t.function = h.functionOf(f, arg); t.body == nil || t.typ.Params.NumFields() != 1 {
		return nil
	}
	_, t.declared = t.node.(*ast.FuncDecl)
	if names := t.typ.Params.List[0].Names; len(names) == 1 && names[0].Name != "_" {
		t.given, _ = h.pass.TypesInfo.Defs[names[0]].(*types.Var)
	}
	return t
}

// isTransaction says whether a function is Update or View of a handle.
func isTransaction(fn *types.Func) bool {
	receiver := fn.Signature().Recv()
	return (fn.Name() == "Update" || fn.Name() == "View") && receiver != nil && isLive(receiver.Type())
}

// functionOf gives the function that an argument is: a literal, what a local
// variable was declared with, or a function of this package.
func (h *functions) functionOf(f *ast.File, arg ast.Expr) function {
	switch arg := ast.Unparen(arg).(type) {
	case *ast.FuncLit:
		return function{arg, arg.Type, arg.Body}
	case *ast.Ident:
		switch object := h.pass.TypesInfo.Uses[arg].(type) {
		case *types.Func:
			if d := h.declared[object]; d != nil {
				return function{d, d.Type, d.Body}
			}
		case *types.Var:
			if lit := h.made(f, object); lit != nil {
				return function{lit, lit.Type, lit.Body}
			}
		}
	}
	return function{}
}

// made gives the function literal that a variable is declared with. One that is
// set again later is nothing that is known.
func (h *functions) made(f *ast.File, v *types.Var) (lit *ast.FuncLit) {
	again := false
	ast.Inspect(f, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range assign.Lhs {
			id, ok := left.(*ast.Ident)
			again = again || ok && h.pass.TypesInfo.Uses[id] == v
			if ok && h.pass.TypesInfo.Defs[id] == v && len(assign.Lhs) == len(assign.Rhs) {
				lit, _ = ast.Unparen(assign.Rhs[i]).(*ast.FuncLit)
			}
		}
		return true
	})
	if again {
		return nil
	}
	return lit
}

// check looks through the function.
func (t *transaction) check() {
	t.define()
	eachCall(t.pass, t.body, true, t.call)
}

// eachCall visits the calls of a body that are made while it runs. What runs
// later is left out: listeners, and goroutines, which wait until the transaction
// is over. Literals may run meanwhile, unless they are known to.
func eachCall(pass *analysis.Pass, body ast.Node, literals bool, visit func(*ast.CallExpr, *types.Func)) {
	left, called := map[ast.Node]bool{}, map[ast.Node]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return !left[n] && (literals || called[n])
		case *ast.GoStmt:
			left[ast.Unparen(n.Call.Fun)] = true
		case *ast.CallExpr:
			called[ast.Unparen(n.Fun)] = true
			fn := callee(pass, n)
			if fn != nil && subscribes(fn) {
				for _, arg := range n.Args {
					left[ast.Unparen(arg)] = true
				}
			}
			if !left[ast.Unparen(n.Fun)] {
				visit(n, fn)
			}
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
	ast.Inspect(t.body, func(n ast.Node) bool {
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
		t.closure(call)
		return
	}
	if d := t.functions.declared[fn]; d != nil && !isLiveMethod(fn) {
		t.handed(call, fn)
		return
	}
	if receiver := fn.Signature().Recv(); receiver != nil {
		fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		switch {
		case !ok:
		case isTable(receiver.Type()) && waits[fn.Name()]:
			t.report(call, fmt.Sprintf("%s inside %s waits for a document and for the store (fix: call it when %s is over)", fn.Name(), t.method, t.method))
		case isLive(receiver.Type()) && !harmless[fn.Name()]:
			t.use(fun.X, "")
		}
		return
	}
	if !fromRuntime(fn) || harmless[fn.Name()] {
		return
	}
	for _, arg := range call.Args {
		if isLive(t.pass.TypesInfo.TypeOf(arg)) {
			t.use(arg, "")
		}
	}
}

// isReceiver says whether a live value is the handle whose transaction this is:
// written the same, and beginning with the same variable.
func (t *transaction) isReceiver(root ast.Expr) bool {
	receiver := ast.Unparen(t.receiver)
	return types.ExprString(root) == types.ExprString(receiver) && first(t.pass, root) == first(t.pass, receiver)
}

// first gives the variable that an expression begins with, nil if it is none.
func first(pass *analysis.Pass, e ast.Expr) types.Object {
	for {
		switch of := ast.Unparen(e).(type) {
		case *ast.Ident:
			return pass.TypesInfo.ObjectOf(of)
		case *ast.SelectorExpr:
			e = of.X
		case *ast.IndexExpr:
			e = of.X
		case *ast.StarExpr:
			e = of.X
		default:
			return nil
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

// use judges a live value that is used inside the function, by another one perhaps.
func (t *transaction) use(e ast.Expr, by string) {
	root := rootOf(t.pass, e)
	if !t.foreign(root) {
		return
	}
	if !t.isReceiver(root) {
		t.report(root, fmt.Sprintf("%s is used inside %s%s: it is another document, or an outer handle of this one, and may wait for ever (fix: read what is needed before %s)",
			types.ExprString(root), t.method, by, t.method))
		return
	}
	message := fmt.Sprintf("%s is used inside its own %s%s, where it waits for itself (fix: %%s)", types.ExprString(root), t.method, by)
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
	scope := t.pass.TypesInfo.Scopes[t.typ].Innermost(at)
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

// rootOf goes back from a live value to what it was taken from: from
// note.Tasks().At(0) to note.
func rootOf(pass *analysis.Pass, e ast.Expr) ast.Expr {
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
			if !ok || !isLive(pass.TypesInfo.TypeOf(fun.X)) {
				return e
			}
			e = fun.X
		case *ast.SelectorExpr: // the embedded OObject of a handle
			if !isLive(pass.TypesInfo.TypeOf(of.X)) {
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
			if inside := t.node.Pos() <= object.Pos() && object.Pos() < t.node.End(); inside || made != nil {
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
