package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/fault"
)

// Kinds of step. The last three are where the function's own code ends.
const (
	Declaration = "declaration"
	Handler     = "handler"
	StoreCall   = "store"
	QueueCall   = "queue"
	SecretCall  = "secret"
)

// Closure is the name of a handler that has none.
const Closure = "a closure"

// Step is a place on the operation's way: its declaration, its handler, then each call of the store, a queue or
// the sealer that the handler comes to, in the order of the source.
type Step struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	In   string   `json:"in,omitempty"` // the function that calls
	At   Position `json:"at"`
}

type traced struct {
	function string
	handler  string
	at       Position
	steps    []Step
	answers  []answer
}

// answer is a code that some code on the way can answer with.
type answer struct {
	status int
	code   string
}

// trace follows the handler through every function and method of the module that it names, called at once or
// handed on, closures included. A method of a small interface counts as the store's or the sealer's own when
// that satisfies the interface. Not followed: a method of an interface that neither satisfies, and a function
// kept in a variable of a package.
func (c *Code) trace(id string) (traced, error) {
	d, ok := c.declared[id]
	if !ok {
		return traced{}, errors.New("has no declaration of the form X = declare[…](group, Operation{ID: …}) in " +
			contractPath)
	}
	r, ok := c.handled[id]
	if !ok {
		return traced{}, fmt.Errorf("has no handler: no function calls contract.%s.Handle", d.name)
	}
	if r.twice {
		return traced{}, fmt.Errorf("is handled more than once by calls of contract.%s.Handle", d.name)
	}
	t := traced{function: functionOf(r.in)}
	t.handler, t.at = c.nameOf(r.in, r.handler)
	w := walk{code: c, seen: map[visit]bool{}}
	w.node(r.in, r.handler, t.handler)
	t.steps = append([]Step{
		{Kind: Declaration, Name: "contract." + d.name, At: d.at},
		{Kind: Handler, Name: t.handler, At: t.at},
	}, w.steps...)
	t.answers = w.answers
	return t, errors.Join(w.unknown...)
}

// around is what is answered before the handler: by the gate, and by the store's keeping of Idempotency-Key.
func (c *Code) around(o contract.Operation) []answer {
	w := walk{code: c, seen: map[visit]bool{}}
	if _, public := o.Auth.Of(auth.ModelPublic); !public {
		w.leaf(c.method(authPath, "Gate", "Admit"))
	}
	if o.Mutates() {
		w.leaf(c.method(storePath, "Store", "Claim"))
	}
	return w.answers
}

func (c *Code) method(path, receiver, name string) *types.Func {
	object := c.packages[path].Types.Scope().Lookup(receiver)
	m, _, _ := types.LookupFieldOrMethod(types.NewPointer(object.Type()), true, nil, name)
	return m.(*types.Func)
}

// nameOf names a handler as it is handed over: a method, a function, what a call returns, or a closure.
func (c *Code) nameOf(p *packages.Package, handler ast.Expr) (string, Position) {
	at := handler
	if call, ok := handler.(*ast.CallExpr); ok {
		at = call.Fun
	}
	if selector, ok := at.(*ast.SelectorExpr); ok {
		at = selector.Sel
	}
	if name, ok := at.(*ast.Ident); ok {
		if f, ok := p.TypesInfo.Uses[name].(*types.Func); ok {
			if known, ok := c.functions[f.Origin()]; ok {
				return title(f), c.position(known.in, known.decl.Name.Pos())
			}
		}
	}
	return Closure, c.position(p, handler.Pos())
}

// walk collects along one operation's way. Within the store and the sealer it goes on for the codes alone.
type walk struct {
	code    *Code
	seen    map[visit]bool
	inside  bool
	steps   []Step
	answers []answer
	unknown []error // places that answer with a kind or code that the source does not show
}

type visit struct {
	f      *types.Func
	inside bool
}

func (w *walk) node(p *packages.Package, n ast.Node, in string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := called(p, n).(*types.Func); ok && f.Name() == "New" && f.Pkg() != nil &&
				f.Pkg().Path() == faultPath {
				w.answer(p, n, n.Args[0], n.Args[1])
			}
		case *ast.CompositeLit:
			if named, ok := p.TypesInfo.Types[n].Type.(*types.Named); ok && named.Obj().Name() == "Error" &&
				named.Obj().Pkg().Path() == faultPath {
				w.answer(p, n, field(n, "Kind"), field(n, "Code"))
			}
		case *ast.Ident:
			if f, ok := p.TypesInfo.Uses[n].(*types.Func); ok {
				w.reach(f.Origin(), Step{In: in, At: w.code.position(p, n.Pos())})
			}
		}
		return true
	})
}

func (w *walk) reach(f *types.Func, at Step) {
	if kind, concrete := w.code.leaf(f); kind != "" {
		if !w.inside {
			at.Kind, at.Name = kind, title(concrete)
			if !slices.Contains(w.steps, at) {
				w.steps = append(w.steps, at)
			}
		}
		w.leaf(concrete)
		return
	}
	w.follow(f)
}

// leaf goes on behind a step for its codes.
func (w *walk) leaf(f *types.Func) {
	was := w.inside
	w.inside = true
	w.follow(f)
	w.inside = was
}

func (w *walk) follow(f *types.Func) {
	known, ok := w.code.functions[f]
	if !ok || known.decl.Body == nil || w.seen[visit{f, w.inside}] {
		return
	}
	w.seen[visit{f, w.inside}] = true
	w.node(known.in, known.decl.Body, title(f))
}

// answer notes a fault's status and code. A code that is no constant would reach callers and not the inventory.
func (w *walk) answer(p *packages.Package, at ast.Node, kind, code ast.Expr) {
	if p.PkgPath == faultPath { // which copies faults
		return
	}
	k, knownKind := constantOf(p, kind)
	name, knownCode := constantOf(p, code)
	if kind == nil {
		k, knownKind = constant.MakeInt64(int64(fault.Internal)), true
	}
	if code == nil {
		name, knownCode = constant.MakeString(""), true
	}
	if !knownKind || !knownCode {
		w.unknown = append(w.unknown, fmt.Errorf("answers with a kind or code that is no constant, at %s",
			w.code.position(p, at.Pos())))
		return
	}
	n, _ := constant.Int64Val(k)
	found := fault.Kind(n)
	w.answers = append(w.answers, answer{contract.StatusOf(found), cmp.Or(constant.StringVal(name), found.String())})
}

// leaf tells whether f is a call of the store, the sealer or a queue, and which method it comes to.
func (c *Code) leaf(f *types.Func) (string, *types.Func) {
	recv := f.Signature().Recv()
	if recv == nil {
		return "", nil
	}
	if f.Name() == "SendMessage" || f.Name() == "SendMessageBatch" {
		return QueueCall, f
	}
	for _, concrete := range c.concrete {
		kind := StoreCall
		if strings.HasPrefix(concrete.String(), "*"+secretPath) {
			kind = SecretCall
		}
		if types.Identical(pointerTo(recv.Type()), concrete) {
			return kind, f
		}
		small, ok := recv.Type().Underlying().(*types.Interface)
		if ok && f.Pkg() != nil && strings.HasPrefix(f.Pkg().Path(), module) && types.Implements(concrete, small) {
			m, _, _ := types.LookupFieldOrMethod(concrete, true, nil, f.Name())
			return kind, m.(*types.Func)
		}
	}
	return "", nil
}

func pointerTo(t types.Type) types.Type {
	if _, ok := t.(*types.Pointer); ok {
		return t
	}
	return types.NewPointer(t)
}

func called(p *packages.Package, call *ast.CallExpr) types.Object {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return p.TypesInfo.Uses[f]
	case *ast.SelectorExpr:
		return p.TypesInfo.Uses[f.Sel]
	}
	return nil
}

// title is Type.Method, or the function's name.
func title(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return f.Name()
	}
	t := recv.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name() + "." + f.Name()
	}
	return f.Name()
}
