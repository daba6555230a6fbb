package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// functions knows what the functions of a package do with live values that they
// are given. Functions of other packages are not followed: nothing is kept
// between packages.
type functions struct {
	pass     *analysis.Pass
	declared map[*types.Func]*ast.FuncDecl
	used     map[*types.Func]*uses
	passed   map[*types.Func]*passing
}

// uses are the live values that wait for their documents while a function runs.
type uses struct {
	params map[int]bool // parameters
	others []ast.Expr   // what it takes from outside: variables and their fields
	fields []string     // fields of its receiver, each as what follows that
}

// passing is what a function does that makes a transaction of its arguments.
type passing struct {
	method           string // Update or View
	handle, function int    // which of the parameters
}

func functionsOf(pass *analysis.Pass, files []*ast.File) *functions {
	h := &functions{pass: pass, declared: map[*types.Func]*ast.FuncDecl{}, used: map[*types.Func]*uses{}, passed: map[*types.Func]*passing{}}
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				if fn, ok := pass.TypesInfo.Defs[d.Name].(*types.Func); ok {
					h.declared[fn] = d
				}
			}
		}
	}
	return h
}

// uses gives what a function of this package uses. One that calls itself is not
// followed again.
func (h *functions) uses(fn *types.Func) *uses {
	if known := h.used[fn]; known != nil {
		return known
	}
	h.used[fn] = &uses{}
	d := h.declared[fn]
	var receiver types.Object
	if d.Recv != nil && len(d.Recv.List[0].Names) == 1 {
		receiver = h.pass.TypesInfo.Defs[d.Recv.List[0].Names[0]]
	}
	h.used[fn] = h.usesOf(receiver, d.Type, d.Body)
	return h.used[fn]
}

// usesOf looks through a function. What it does only in function literals, which
// may run later or never, does not count.
func (h *functions) usesOf(receiver types.Object, typ *ast.FuncType, body *ast.BlockStmt) *uses {
	found := &uses{params: map[int]bool{}}
	params := h.params(typ, body)
	use := func(e ast.Expr) {
		root := rootOf(h.pass, e)
		v, ok := first(h.pass, root).(*types.Var)
		if !ok {
			return
		}
		i, isParam := params[v]
		_, whole := root.(*ast.Ident)
		switch {
		case v == receiver:
			found.fields = append(found.fields, strings.TrimPrefix(types.ExprString(root), v.Name()))
		case isParam && whole:
			found.params[i] = true
		case v.Pos() < typ.Pos() || v.Pos() >= body.End():
			found.others = append(found.others, root)
		}
	}
	eachCall(h.pass, body, false, func(call *ast.CallExpr, fn *types.Func) {
		switch {
		case fn == nil || harmless[fn.Name()]:
		case isLiveMethod(fn):
			if fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
				use(fun.X)
			}
		case fn.Signature().Recv() == nil && fromRuntime(fn):
			for _, arg := range call.Args {
				if isLive(h.pass.TypesInfo.TypeOf(arg)) {
					use(arg)
				}
			}
		case h.declared[fn] != nil:
			inner := h.uses(fn)
			for i, arg := range call.Args {
				if inner.params[i] {
					use(arg)
				}
			}
			found.others = append(found.others, inner.others...)
			if fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && receiver != nil && first(h.pass, fun.X) == receiver {
				for _, field := range inner.fields {
					found.fields = append(found.fields, strings.TrimPrefix(types.ExprString(fun.X), receiver.Name())+field)
				}
			}
		}
	})
	return found
}

// params gives the places of the parameters that are never set to anything
// else.
func (h *functions) params(typ *ast.FuncType, body *ast.BlockStmt) map[*types.Var]int {
	params, i := map[*types.Var]int{}, 0
	for _, field := range typ.Params.List {
		for _, name := range field.Names {
			if v, ok := h.pass.TypesInfo.Defs[name].(*types.Var); ok {
				params[v] = i
			}
			i++
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok {
			for _, left := range assign.Lhs {
				if id, ok := left.(*ast.Ident); ok {
					if v, ok := h.pass.TypesInfo.Uses[id].(*types.Var); ok {
						delete(params, v)
					}
				}
			}
		}
		return true
	})
	return params
}

// passes gives the transaction that a function of this package makes of its
// arguments, nil if it makes none.
func (h *functions) passes(fn *types.Func) *passing {
	d := h.declared[fn]
	if d == nil || fn.Signature().Variadic() {
		return nil
	}
	if known, ok := h.passed[fn]; ok {
		return known
	}
	h.passed[fn] = nil
	params := h.params(d.Type, d.Body)
	param := func(e ast.Expr) int {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			if v, ok := h.pass.TypesInfo.Uses[id].(*types.Var); ok {
				if i, ok := params[v]; ok {
					return i
				}
			}
		}
		return -1
	}
	eachCall(h.pass, d.Body, false, func(call *ast.CallExpr, called *types.Func) {
		p := passing{handle: -1, function: -1}
		if called == nil {
			return
		}
		if fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && isTransaction(called) && len(call.Args) > 0 {
			p = passing{called.Name(), param(fun.X), param(call.Args[0])}
		} else if inner := h.passes(called); inner != nil && max(inner.handle, inner.function) < len(call.Args) {
			p = passing{inner.method, param(call.Args[inner.handle]), param(call.Args[inner.function])}
		}
		if p.handle >= 0 && p.function >= 0 {
			h.passed[fn] = &p
		}
	})
	return h.passed[fn]
}
