package load

import (
	"fmt"
	"go/types"

	"golang.org/x/tools/go/packages"
)

// load has the go command load a package with its types.
func load(from, importPath string) (*types.Package, error) {
	conf := &packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedExportFile,
		Dir:  from,
	}
	loaded, err := packages.Load(conf, importPath)
	switch {
	case err != nil:
		return nil, err
	case len(loaded) != 1:
		return nil, fmt.Errorf("%s is %d packages", importPath, len(loaded))
	case loaded[0].Types == nil || len(loaded[0].Errors) > 0 && loaded[0].Types.Scope().Len() == 0:
		return nil, fmt.Errorf("%v", loaded[0].Errors)
	}
	return loaded[0].Types, nil
}
