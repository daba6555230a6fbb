package vet

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// queries reports constant paths of dynamic queries that lead nowhere.
var queries = &analysis.Analyzer{
	Name: "destamquery",
	Doc: "report paths of dynamic queries that no query section has\n\n" +
		"destam.Dynamic takes a path that does not exist for one that matches nothing.\n" +
		"Where the path is a constant, that is a mistake.",
	URL:              url,
	RunDespiteErrors: true,
	Run: func(pass *analysis.Pass) (any, error) {
		for _, f := range written(pass) {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && isDynamic(pass, call) {
					if section := sectionOf(pass.TypesInfo.TypeOf(call.Args[0])); section != nil {
						q := dynamicQuery{pass: pass, section: section}
						q.argument(f, call.Args[1])
					}
				}
				return true
			})
		}
		return nil, nil
	},
}

func isDynamic(pass *analysis.Pass, call *ast.CallExpr) bool {
	fn := callee(pass, call)
	return fn != nil && fn.Name() == "Dynamic" && fromRuntime(fn) && len(call.Args) == 2
}

// sectionOf gives the query section of a table's type, nil if that is not known.
func sectionOf(table types.Type) *types.Struct {
	p, ok := types.Unalias(table).(*types.Pointer)
	if !ok || !isTable(p) {
		return nil
	}
	args := types.Unalias(p.Elem()).(*types.Named).TypeArgs()
	if args.Len() != 3 {
		return nil
	}
	if _, ok := types.Unalias(args.At(2)).(*types.TypeParam); ok {
		return nil
	}
	section, _ := args.At(2).Underlying().(*types.Struct)
	return section
}

// dynamicQuery is the query of one call.
type dynamicQuery struct {
	pass    *analysis.Pass
	section *types.Struct
	taken   map[string]bool // the keys of the literal at hand
}

// argument looks at the keys of a map: one that is written in the call, or a
// variable of the same function with what is put into it by a constant key.
func (q dynamicQuery) argument(f *ast.File, arg ast.Expr) {
	switch arg := ast.Unparen(arg).(type) {
	case *ast.CompositeLit:
		q.literal(arg)
	case *ast.Ident:
		v, ok := q.pass.TypesInfo.Uses[arg].(*types.Var)
		if !ok || v.Parent() == nil || v.Parent() == q.pass.Pkg.Scope() {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				q.assigned(v, n)
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if q.pass.TypesInfo.Defs[id] == v && i < len(n.Values) {
						q.made(n.Values[i])
					}
				}
			}
			return true
		})
	}
}

// assigned looks at what an assignment does to the variable v.
func (q dynamicQuery) assigned(v *types.Var, n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		switch left := ast.Unparen(left).(type) {
		case *ast.Ident:
			if q.pass.TypesInfo.ObjectOf(left) == v && len(n.Rhs) == len(n.Lhs) {
				q.made(n.Rhs[i])
			}
		case *ast.IndexExpr:
			if id, ok := ast.Unparen(left.X).(*ast.Ident); ok && q.pass.TypesInfo.Uses[id] == v {
				q.key(left.Index)
			}
		}
	}
}

func (q dynamicQuery) made(value ast.Expr) {
	if lit, ok := ast.Unparen(value).(*ast.CompositeLit); ok {
		q.literal(lit)
	}
}

func (q dynamicQuery) literal(lit *ast.CompositeLit) {
	q.taken = map[string]bool{}
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			q.taken[q.constant(pair.Key)] = true
		}
	}
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			q.key(pair.Key)
		}
	}
}

// constant gives the value of a constant string, noPath for anything else.
func (q dynamicQuery) constant(e ast.Expr) string {
	value := q.pass.TypesInfo.Types[e].Value
	if value == nil || value.Kind() != constant.String {
		return noPath
	}
	return constant.StringVal(value)
}

// noPath is no path that anybody writes.
const noPath = "\x00"

// key judges a key that is a constant.
func (q dynamicQuery) key(e ast.Expr) {
	path := q.constant(e)
	names := strings.Split(path, ".")
	good, among := q.leads(names)
	if path == noPath || good == len(names) {
		return
	}
	diagnostic := analysis.Diagnostic{Pos: e.Pos(), End: e.End(), Message: fmt.Sprintf("the query section has no field %q, so this matches nothing", path)}
	if near := schema.Nearest(names[good], among); near != "" {
		names[good] = near
		right := strings.Join(names, ".")
		diagnostic.Message += fmt.Sprintf(" (fix: %q)", right)
		_, literal := ast.Unparen(e).(*ast.BasicLit)
		if good, _ := q.leads(names); literal && good == len(names) && !q.taken[right] {
			diagnostic.SuggestedFixes = []analysis.SuggestedFix{{
				Message:   "ask for " + right,
				TextEdits: []analysis.TextEdit{{Pos: e.Pos(), End: e.End(), NewText: []byte(strconv.Quote(right))}},
			}}
		}
	} else if len(among) > 0 {
		diagnostic.Message += fmt.Sprintf(" (fix: one of %s)", strings.Join(among, ", "))
	}
	q.pass.Report(diagnostic)
}

// leads gives how far a path leads, and what could follow there.
func (q dynamicQuery) leads(names []string) (good int, among []string) {
	at := types.Type(q.section)
	for _, name := range names {
		if at, among = step(at, name); at == nil {
			break
		}
		good++
	}
	return good, among
}

// step goes one step of a path by the rules of destam.Dynamic; to is nil if
// there is none, and among are the names that there are.
func step(t types.Type, name string) (to types.Type, among []string) {
	if name == "[]" {
		return element(t), nil
	}
	for e := element(t); e != nil; e = element(t) {
		t = e
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil, nil
	}
	return member(s, name)
}

// member gives the type that a field of a struct leads to, or else the names that
// there are. The fields of a struct that is embedded without a tag are among them.
func member(s *types.Struct, name string) (to types.Type, among []string) {
	for i := range s.NumFields() {
		f := s.Field(i)
		tag, _, _ := strings.Cut(reflect.StructTag(s.Tag(i)).Get(schema.Key), ",")
		if in, ok := f.Type().Underlying().(*types.Struct); ok && tag == "" && f.Embedded() {
			to, lent := member(in, name)
			if to != nil {
				return to, nil
			}
			among = append(among, lent...)
		}
		if tag == "" || tag == "-" || f.Name() == "_" {
			continue
		}
		if tag == name {
			to = f.Type()
			if p, ok := types.Unalias(to).(*types.Pointer); ok {
				to = p.Elem()
			}
			return to, nil
		}
		among = append(among, tag)
	}
	return nil, among
}

// element gives the type of an array's elements, nil if t is no array.
func element(t types.Type) types.Type {
	switch t := t.Underlying().(type) {
	case *types.Slice:
		return t.Elem()
	case *types.Array:
		return t.Elem()
	}
	return nil
}
