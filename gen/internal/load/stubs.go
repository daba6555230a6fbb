package load

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// stubs stands in for the imported packages of a package: each has exactly the
// types that the files name, and all that is known of them is their names.
type stubs struct {
	*library
	names importNames
	made  map[string]*types.Package
}

// stubs makes those for the files of one package.
func (l *library) stubs(files []*ast.File, names importNames) *stubs {
	s := &stubs{library: l, names: names, made: map[string]*types.Package{}}
	for _, f := range files {
		params, lengths := uses(f)
		eachSelector(f, func(sel *ast.SelectorExpr, base *ast.Ident) {
			path := names.paths[f][base.Name]
			switch {
			case path == "":
			case lengths[sel]:
				s.constant(path, sel.Sel.Name)
			default:
				s.declare(s.stub(path), sel.Sel.Name, params[sel])
			}
		})
		for p, names := range l.dotted(f) {
			for _, object := range names {
				params := 0
				if named, ok := types.Unalias(object.Type()).(*types.Named); ok {
					params = named.TypeParams().Len()
				}
				s.declare(s.stub(p), object.Name(), params)
			}
		}
	}
	return s
}

// dotted gives the types that a file has without a qualifier, by the packages that
// they are of. These are read for it.
func (l *library) dotted(f *ast.File) map[string][]*types.TypeName {
	found := map[string][]*types.TypeName{}
	for _, spec := range f.Imports {
		if spec.Name == nil || spec.Name.Name != "." {
			continue
		}
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		_, _ = l.lookup(typeName{p, "_"}) // reads the package; nobody is called so
		if l.packages[p].types == nil {
			continue
		}
		scope := l.packages[p].types.Scope()
		for _, name := range scope.Names() {
			if object, ok := scope.Lookup(name).(*types.TypeName); ok && object.Exported() {
				found[p] = append(found[p], object)
			}
		}
	}
	return found
}

// uses gives with how many type arguments names of other packages are used, and
// which of them are lengths of arrays.
func uses(f *ast.File) (params map[ast.Expr]int, lengths map[ast.Expr]bool) {
	params, lengths = map[ast.Expr]int{}, map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			return false
		case *ast.IndexExpr:
			params[n.X] = 1
		case *ast.IndexListExpr:
			params[n.X] = len(n.Indices)
		case *ast.ArrayType:
			lengths[n.Len] = true
		}
		return true
	})
	return params, lengths
}

// declare makes a type of a foreign package known.
func (s *stubs) declare(p *types.Package, name string, params int) {
	if p.Scope().Lookup(name) != nil {
		return
	}
	object := types.NewTypeName(token.NoPos, p, name, nil)
	if p.Path() == "time" && name == "Duration" {
		types.NewNamed(object, types.Typ[types.Int64], nil)
	} else {
		under := types.NewStruct(nil, nil)
		s.foreign[under] = typeName{p.Path(), name}
		named := types.NewNamed(object, under, nil)
		var list []*types.TypeParam
		for i := range params {
			list = append(list, types.NewTypeParam(types.NewTypeName(token.NoPos, p, fmt.Sprintf("T%d", i), nil), types.Universe.Lookup("any").Type()))
		}
		if list != nil {
			named.SetTypeParams(list)
		}
	}
	p.Scope().Insert(object)
}

// constant makes a constant of a foreign package known, which is the length of
// an array. Without it the array's type would be invalid.
func (s *stubs) constant(path, name string) {
	p := s.stub(path)
	if object, err := s.lookup(typeName{path, name}); err == nil && p.Scope().Lookup(name) == nil {
		if c, ok := object.(*types.Const); ok {
			p.Scope().Insert(types.NewConst(token.NoPos, p, name, c.Type(), c.Val()))
		}
	}
}

// stub gives what stands for the package at a path.
func (s *stubs) stub(p string) *types.Package {
	if s.made[p] == nil {
		s.made[p] = types.NewPackage(p, s.names.of(p))
		s.made[p].MarkComplete()
		s.stubbed[s.made[p]] = true
	}
	return s.made[p]
}

// Import is what the type checker calls for each import.
func (s *stubs) Import(p string) (*types.Package, error) {
	if p == "unsafe" {
		return types.Unsafe, nil
	}
	return s.stub(p), nil
}
