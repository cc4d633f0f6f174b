package inventory

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// The packages that the trace knows by name.
const (
	module         = "plugboard/"
	contractPath   = module + "shared/contract"
	storePath      = module + "shared/store"
	secretPath     = module + "shared/secret"
	authPath       = module + "shared/auth"
	faultPath      = module + "shared/fault"
	functionsUnder = "functions/"
)

// Position is file:line, the file relative to the module's root.
type Position string

// File is the position without its line.
func (p Position) File() string {
	file, _, _ := strings.Cut(string(p), ":")
	return file
}

// Code is the module's code as far as operations rest on it: where each is declared and handled, and every
// function that a handler may come to.
type Code struct {
	root      string
	packages  map[string]*packages.Package
	functions map[*types.Func]function
	declared  map[string]declaration // by operation id
	handled   map[string]registration
	concrete  []types.Type // what a small interface beside a Service stands for
}

type function struct {
	in   *packages.Package
	decl *ast.FuncDecl
}

type declaration struct {
	name string
	at   Position
}

// registration is `contract.X.Handle(api, handler, looks…)`.
type registration struct {
	in      *packages.Package
	handler ast.Expr
	twice   bool
}

// Load reads and type-checks the packages that the patterns name, and those shared packages that every operation
// rests on. It fails on code that does not compile.
func Load(root string, patterns ...string) (*Code, error) {
	loaded, err := packages.Load(&packages.Config{
		Dir: root,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes |
			packages.NeedSyntax | packages.NeedTypesInfo,
	}, append([]string{"./shared/...", "./events"}, patterns...)...)
	if err != nil {
		return nil, fmt.Errorf("inventory: load the code: %w", err)
	}
	c := &Code{
		root: root, packages: map[string]*packages.Package{}, functions: map[*types.Func]function{},
		declared: map[string]declaration{}, handled: map[string]registration{},
	}
	var broken []error
	for _, p := range loaded {
		for _, e := range p.Errors {
			broken = append(broken, fmt.Errorf("inventory: %s does not compile: %w", p.PkgPath, e))
		}
		c.packages[p.PkgPath] = p
	}
	if len(broken) > 0 {
		return nil, errors.Join(broken...)
	}
	for _, named := range []struct{ path, name string }{{storePath, "Store"}, {storePath, "Tx"},
		{secretPath, "Sealer"}} {
		object := c.packages[named.path].Types.Scope().Lookup(named.name)
		if object == nil {
			return nil, fmt.Errorf("inventory: there is no %s.%s any more, which the trace looks for", named.path,
				named.name)
		}
		c.concrete = append(c.concrete, types.NewPointer(object.Type()))
	}
	for _, p := range loaded {
		c.index(p)
	}
	for _, p := range loaded {
		c.registrations(p)
	}
	return c, nil
}

// index notes every function, and in the contract's package every declared operation.
func (c *Code) index(p *packages.Package) {
	for _, file := range p.Syntax {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				c.functions[p.TypesInfo.Defs[d.Name].(*types.Func)] = function{p, d}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && p.PkgPath == contractPath {
						c.declarations(p, v)
					}
				}
			}
		}
	}
}

// declarations finds `X = declare[I, O](group, Operation{ID: "…"})`.
func (c *Code) declarations(p *packages.Package, v *ast.ValueSpec) {
	for i, value := range v.Values {
		call, ok := value.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			continue
		}
		generic, ok := call.Fun.(*ast.IndexListExpr)
		if !ok {
			continue
		}
		row, ok := call.Args[1].(*ast.CompositeLit)
		if name, is := generic.X.(*ast.Ident); !ok || !is || name.Name != "declare" {
			continue
		}
		if id, ok := constantOf(p, field(row, "ID")); ok {
			c.declared[constant.StringVal(id)] = declaration{v.Names[i].Name, c.position(p, v.Names[i].Pos())}
		}
	}
}

// registrations finds where a function hands the handlers of its operations over.
func (c *Code) registrations(p *packages.Package) {
	if !strings.Contains(p.PkgPath, functionsUnder) {
		return
	}
	byName := map[string]string{}
	for id, d := range c.declared {
		byName[d.name] = id
	}
	for _, file := range p.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			handle, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || handle.Sel.Name != "Handle" {
				return true
			}
			operation, ok := handle.X.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			object := p.TypesInfo.Uses[operation.Sel]
			if object == nil || object.Pkg() == nil || object.Pkg().Path() != contractPath {
				return true
			}
			id := byName[object.Name()]
			_, twice := c.handled[id]
			c.handled[id] = registration{p, call.Args[1], twice}
			return true
		})
	}
}

func (c *Code) position(p *packages.Package, pos token.Pos) Position {
	at := p.Fset.Position(pos)
	file, err := filepath.Rel(c.root, at.Filename)
	if err != nil {
		file = at.Filename
	}
	return Position(fmt.Sprintf("%s:%d", filepath.ToSlash(file), at.Line))
}

// functionOf is the folder of the package under functions/.
func functionOf(p *packages.Package) string {
	_, after, _ := strings.Cut(p.PkgPath, functionsUnder)
	folder, _, _ := strings.Cut(after, "/")
	return folder
}

func field(literal *ast.CompositeLit, name string) ast.Expr {
	for _, e := range literal.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == name {
				return kv.Value
			}
		}
	}
	return nil
}

func constantOf(p *packages.Package, e ast.Expr) (constant.Value, bool) {
	if e == nil {
		return nil, false
	}
	v := p.TypesInfo.Types[e].Value
	return v, v != nil
}
