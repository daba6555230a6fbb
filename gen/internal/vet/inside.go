package vet

import (
	"fmt"
	"go/ast"
	"go/types"
)

// What functions do that are called inside a transaction.

// isLiveMethod says whether a function is a method of a handle, which waits for
// its document, as far as one knows.
func isLiveMethod(fn *types.Func) bool {
	receiver := fn.Signature().Recv()
	return receiver != nil && isLive(receiver.Type())
}

// handed judges a call of a function of this package: what it does with its
// arguments, and with variables of the package.
func (t *transaction) handed(call *ast.CallExpr, fn *types.Func) {
	uses := t.functions.uses(fn)
	for i, arg := range call.Args {
		if uses.params[i] {
			t.use(arg, " by "+fn.Name())
		}
	}
	for _, root := range uses.others {
		t.useElsewhere(call, fn.Name(), types.ExprString(root), t.isReceiver(root))
	}
	fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || fn.Signature().Recv() == nil {
		return
	}
	base := first(t.pass, fun.X)
	if base == nil || t.node.Pos() <= base.Pos() && base.Pos() < t.node.End() {
		return
	}
	for _, field := range uses.fields {
		name := types.ExprString(fun.X) + field
		t.useElsewhere(call, fn.Name(), name, name == types.ExprString(ast.Unparen(t.receiver)) && base == first(t.pass, t.receiver))
	}
}

// closure judges a call of a local variable that is a function literal from
// before the transaction.
func (t *transaction) closure(call *ast.CallExpr) {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		return
	}
	v, ok := t.pass.TypesInfo.Uses[id].(*types.Var)
	if !ok || t.node.Pos() <= v.Pos() && v.Pos() < t.node.End() {
		return // one of its own is looked through where it stands
	}
	lit := t.made(t.file, v)
	if lit == nil {
		return
	}
	for _, root := range t.functions.usesOf(nil, lit.Type, lit.Body).others {
		t.useElsewhere(call, id.Name, types.ExprString(root), t.isReceiver(root))
	}
}

// useElsewhere reports a live value that a function uses which is called inside
// the transaction.
func (t *transaction) useElsewhere(call *ast.CallExpr, by, name string, own bool) {
	if own {
		t.report(call, fmt.Sprintf("%s uses %s inside its own %s, where it waits for itself (fix: give it the handle that the function is given)", by, name, t.method))
		return
	}
	t.report(call, fmt.Sprintf("%s uses %s inside %s: it is another document, or an outer handle of this one, and may wait for ever (fix: call it before %s)", by, name, t.method, t.method))
}
