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
)

// OperationCall is a page's call of an operation, in its own process.
const OperationCall = "operation"

const consolePath = module + "functions/console"

// Pages makes the rows of the console's pages and actions from its routes. What a page reads, writes and causes is what
// its operations do, by their rows. It fails for a page whose handler or operation is unknown.
func Pages(routes []console.Route, operations []Row, code *Code) ([]Row, error) {
	if len(routes) == 0 {
		return nil, errors.New("inventory: the console has no route, so something is wrong with its table")
	}
	handlers, err := code.pageHandlers()
	if err != nil {
		return nil, err
	}
	var rows []Row
	var problems []error
	for _, route := range routes {
		row, err := pageRow(route, operations, handlers)
		rows, problems = append(rows, row), append(problems, err)
	}
	return rows, errors.Join(problems...)
}

func pageRow(route console.Route, operations []Row, handlers map[string]Step) (Row, error) {
	handler, ok := handlers[route.ID]
	if !ok {
		return Row{}, fmt.Errorf("inventory: the page %s has no handler", route.ID)
	}
	row := Row{
		Method: route.Method, Path: route.Path, Operation: route.ID, Summary: route.Summary, Service: service,
		Function: contract.Console, Auth: pageAuth(route), ActingUser: contract.NoActingUser, Inputs: pathInputs(route.Path),
		Responses: pageResponses(route), Errors: []Error{}, Reads: domain.Records{}, Writes: domain.Records{}, Effects: []Effect{},
		Owner: contract.DefaultOwner, Family: contract.FamilyConsole, Since: cmp.Or(pagesSince[route.ID], "0.6.0"),
		Handler: handler.Name, HandlerAt: handler.At, Trace: []Step{handler},
	}
	calls := route.Calls
	if route.Role != "" {
		calls = append([]contract.Operation{contract.ReadMe.Operation}, calls...) // who came in
	}
	for _, called := range calls {
		at := slices.IndexFunc(operations, func(r Row) bool { return r.Operation == called.ID })
		if at < 0 {
			return Row{}, fmt.Errorf("inventory: the page %s calls %s, which has no row", route.ID, called.ID)
		}
		row.add(operations[at])
	}
	slices.SortFunc(row.Errors, func(a, b Error) int { return a.Status - b.Status })
	return row, nil
}

// pagesSince are the versions with which pages came that 0.6.0 did not have.
var pagesSince = map[string]string{"console-link": "0.7.0"}

func pageAuth(route console.Route) auth.Rules {
	if route.Role == "" {
		return auth.AnyOf(auth.Public())
	}
	return auth.AnyOf(auth.Dashboard(route.Role))
}

func pathInputs(path string) []Input {
	all := []Input{}
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") {
			all = append(all, Input{In: "path", Name: strings.Trim(part, "{}"), Type: "string", Required: true})
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

// add has the page do what the operation does.
func (r *Row) add(operation Row) {
	r.Reads, r.Writes = union(r.Reads, operation.Reads), union(r.Writes, operation.Writes)
	for _, e := range operation.Effects {
		if !slices.ContainsFunc(r.Effects, func(known Effect) bool { return known.Kind == e.Kind && known.Name == e.Name }) {
			r.Effects = append(r.Effects, e)
		}
	}
	for _, e := range operation.Errors {
		at := slices.IndexFunc(r.Errors, func(known Error) bool { return known.Status == e.Status })
		if at < 0 {
			r.Errors = append(r.Errors, Error{Status: e.Status, Codes: slices.Clone(e.Codes)})
			continue
		}
		r.Errors[at].Codes = union(r.Errors[at].Codes, e.Codes)
	}
	r.Trace = append(r.Trace, Step{Kind: OperationCall, Name: operation.Operation, At: operation.HandlerAt})
}

func union[S ~[]E, E cmp.Ordered](a, b S) S {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// pageHandlers finds the handler of each page by its id: the last value in its row of the console's table. The assets'
// row has none there, and one function answers for it.
func (c *Code) pageHandlers() (map[string]Step, error) {
	p, ok := c.packages[consolePath]
	if !ok {
		return nil, errors.New("inventory: the console is not loaded")
	}
	found := map[string]Step{}
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
			name, at := c.nameOf(p, handler)
			if name == Closure {
				name, at = "serveAsset", c.position(p, handler.Pos())
			}
			found[constant.StringVal(id)] = Step{Kind: Handler, Name: name, At: at}
			return true
		})
	}
	return found, nil
}

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
