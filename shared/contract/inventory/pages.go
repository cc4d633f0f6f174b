package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"net/http"
	"slices"
	"strings"

	"plugboard/functions/console"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// OperationCall is a page's call of an operation, in its own process.
const OperationCall = "operation"

const consolePath = module + "functions/console"

// pageCode is what the code says of a page: its row in the console's table, its handler, and what that comes to itself.
type pageCode struct {
	declared, handler Step
	steps             []Step
	answers           []answer
}

// Pages makes the rows of the console's pages and actions from its routes. What a page reads, writes and causes is what
// its operations do, by their rows. It fails for a page whose handler or operation is unknown, and for one whose name
// an operation has.
func Pages(routes []console.Route, operations []Row, code *Code) ([]Row, error) {
	if len(routes) == 0 {
		return nil, errors.New("inventory: the console has no route, so something is wrong with its table")
	}
	pages, err := code.pages()
	if err != nil {
		return nil, err
	}
	var rows []Row
	var problems []error
	for _, route := range routes {
		row, err := pageRow(route, operations, pages)
		rows, problems = append(rows, row), append(problems, err)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return rows, errors.Join(problems...)
}

func pageRow(route console.Route, operations []Row, pages map[string]pageCode) (Row, error) {
	code, ok := pages[route.ID]
	if !ok {
		return Row{}, fmt.Errorf("inventory: the page %s has no handler", route.ID)
	}
	if slices.ContainsFunc(operations, func(r Row) bool { return r.Operation == route.ID }) {
		return Row{}, fmt.Errorf("inventory: the page %s has the name of an operation", route.ID)
	}
	row := Row{
		Method: route.Method, Path: route.Path, Operation: route.ID, Summary: route.Summary, Service: service,
		Function: contract.Console, Auth: pageAuth(route), ActingUser: contract.NoActingUser, Inputs: []Input{},
		Responses: pageResponses(route), Reads: domain.Records{}, Writes: domain.Records{}, Effects: []Effect{},
		Owner: contract.DefaultOwner, Family: contract.FamilyConsole, Since: cmp.Or(pagesSince[route.ID], "0.6.0"),
		Handler: code.handler.Name, HandlerAt: code.handler.At, Trace: []Step{code.declared, code.handler},
	}
	row.refuses(http.StatusInternalServerError, fault.Internal.String())
	if route.Method != http.MethodGet {
		row.refuses(http.StatusForbidden, "cross-origin")
	}
	for _, a := range code.answers {
		row.refuses(a.status, a.code)
	}
	calls := route.Calls
	if route.Role != "" {
		calls = append([]contract.Operation{contract.ReadMe.Operation}, calls...) // who came in
	}
	limits := map[string]string{"change": "a change that the console has", "file": "a name with its hash",
		"code": "of a console link"}
	for _, called := range calls {
		at := slices.IndexFunc(operations, func(r Row) bool { return r.Operation == called.ID })
		if at < 0 {
			return Row{}, fmt.Errorf("inventory: the page %s calls %s, which has no row", route.ID, called.ID)
		}
		row.does(operations[at])
	}
	for _, operation := range operations {
		for _, in := range operation.Inputs {
			if in.In == "path" {
				limits[in.Name] = cmp.Or(limits[in.Name], in.Limits)
			}
		}
	}
	row.Trace = append(row.Trace, code.steps...)
	if route.ID == "console-link" {
		row.Reads = domain.Records{domain.RecordAccount, domain.RecordConsoleLink, domain.RecordUser}
		row.Writes = domain.Records{domain.RecordConsoleLink}
	}
	for _, name := range parametersOf(route.Path) {
		row.Inputs = append(row.Inputs, Input{In: "path", Name: name, Type: "string", Required: true,
			Limits: limits[name]})
	}
	slices.SortFunc(row.Errors, func(a, b Error) int { return a.Status - b.Status })
	return row, nil
}

// pagesSince are the versions with which pages came that 0.6.0 did not have.
var pagesSince = map[string]string{
	"console-link": "0.7.0", "upgrade": "0.7.0", "apply-upgrade": "0.7.0", "parameters": "0.7.0",
	"save-parameters": "0.7.0", "drift": "0.7.0",
}

func pageAuth(route console.Route) auth.Rules {
	if route.Role == "" {
		return auth.AnyOf(auth.Public())
	}
	return auth.AnyOf(auth.Dashboard(route.Role))
}

func parametersOf(path string) []string {
	var all []string
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") {
			all = append(all, strings.Trim(part, "{}"))
		}
	}
	return all
}

func pageResponses(route console.Route) []Response {
	page := Response{Status: http.StatusOK, ContentType: "text/html", Headers: []string{}}
	elsewhere := Response{Status: http.StatusSeeOther, Headers: []string{"Location"}}
	switch {
	case route.ID == "asset":
		page.ContentType = "image/svg+xml, text/css, text/javascript"
	case strings.HasSuffix(route.Path, "/csv"):
		page.ContentType = "text/csv"
	case route.Method != http.MethodGet || route.Role == "":
		return []Response{page, elsewhere}
	}
	return []Response{page}
}

// refuses adds a code to those of the status.
func (r *Row) refuses(status int, codes ...string) {
	at := slices.IndexFunc(r.Errors, func(known Error) bool { return known.Status == status })
	if at < 0 {
		r.Errors, at = append(r.Errors, Error{Status: status}), len(r.Errors)
	}
	r.Errors[at].Codes = union(r.Errors[at].Codes, codes)
}

// does has the page do what the operation does.
func (r *Row) does(operation Row) {
	r.Reads, r.Writes = union(r.Reads, operation.Reads), union(r.Writes, operation.Writes)
	for _, e := range operation.Effects {
		if !slices.ContainsFunc(r.Effects, func(known Effect) bool {
			return known.Kind == e.Kind && known.Name == e.Name
		}) {
			r.Effects = append(r.Effects, e)
		}
	}
	for _, e := range operation.Errors {
		for _, code := range e.Codes {
			if code == "wrong-credential" || gateCode[code] == auth.ModelIntegration { // of callers that no page has
				continue
			}
			r.refuses(e.Status, code)
		}
	}
	declared := operation.Trace[0]
	r.Trace = append(r.Trace, Step{Kind: OperationCall, Name: declared.Name, At: declared.At})
}

func union[S ~[]E, E cmp.Ordered](a, b S) S {
	all := append(slices.Concat(S{}, a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// pages finds what the code says of each page, by its id. A row of the console's table begins with the id and ends with
// the handler, or with nil for the assets, which have a method of their own.
func (c *Code) pages() (map[string]pageCode, error) {
	p, ok := c.packages[consolePath]
	if !ok {
		return nil, errors.New("inventory: the console is not loaded")
	}
	found := map[string]pageCode{}
	var unknown []error
	for _, file := range p.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			row, ok := n.(*ast.CompositeLit)
			if !ok || len(row.Elts) < 2 {
				return true
			}
			id, ok := constantOf(p, row.Elts[0])
			handler := row.Elts[len(row.Elts)-1]
			if !ok || id.Kind() != constant.String || !isMethodOrNil(handler) {
				return true
			}
			name := constant.StringVal(id)
			page := pageCode{declared: Step{Kind: Declaration, Name: "console." + name, At: c.position(p, row.Pos())}}
			page.handler = c.assetHandler()
			if _, method := handler.(*ast.SelectorExpr); method {
				page.handler.Name, page.handler.At = c.nameOf(p, handler)
			}
			w := walk{code: c, seen: map[visit]bool{}}
			w.node(p, handler, page.handler.Name)
			page.steps, page.answers = w.steps, w.answers
			unknown = append(unknown, w.unknown...)
			found[name] = page
			return true
		})
	}
	return found, errors.Join(unknown...)
}

// assetHandler is the method that serves the assets.
func (c *Code) assetHandler() Step {
	for f, known := range c.functions {
		if title(f) == "Console.serveAsset" {
			return Step{Kind: Handler, Name: title(f), At: c.position(known.in, known.decl.Name.Pos())}
		}
	}
	return Step{}
}

// isMethodOrNil tells whether the expression is a method's, such as (*Console).first, or nil.
func isMethodOrNil(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		_, method := e.X.(*ast.ParenExpr)
		return method
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}
