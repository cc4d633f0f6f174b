// Package inventory says what is there (design rule 23): one row for every operation, put together from the
// contract's table, the OpenAPI document and the code that serves it. INVENTORY.md shows them to people;
// `make inventory` refreshes it. A program calls Whole.
package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Row is what is known of an operation. Its identity is method and path.
type Row struct {
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Operation  string              `json:"operation_id"`
	Summary    string              `json:"summary"`
	Service    string              `json:"service"`
	Function   contract.Function   `json:"function"`
	Auth       auth.Rules          `json:"auth"`
	ActingUser contract.ActingUser `json:"acting_user"`
	Inputs     []Input             `json:"inputs"`
	MaxBody    int64               `json:"max_body_bytes,omitempty"` // absent: it takes no body
	Responses  []Response          `json:"responses"`                // of success
	Errors     []Error             `json:"errors"`
	Reads      domain.Records      `json:"reads"`
	Writes     domain.Records      `json:"writes"`
	Effects    []Effect            `json:"side_effects"`
	Owner      string              `json:"owner"`
	Family     contract.Family     `json:"family"`
	Since      string              `json:"since"`
	Deprecated string              `json:"deprecated,omitempty"`
	Handler    string              `json:"handler"`
	HandlerAt  Position            `json:"handler_at"`
	Trace      []Step              `json:"trace"`
}

// Effect is what happens elsewhere because of the operation: an event or a message, by way of the outbox, and
// whom it reaches in that order.
type Effect struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	To   []string `json:"to"`
}

const service = "plugboard"

// Of makes the rows, ordered by path and method. It fails closed, naming every operation of which something is
// missing: a declaration, a handler, a store call where records are declared, a known auth model.
func Of(operations []contract.Operation, doc *huma.OpenAPI, code *Code) ([]Row, error) {
	if len(operations) == 0 {
		return nil, errors.New("inventory: there is no operation, so something is wrong with the contract's table")
	}
	var rows []Row
	var problems []error
	for _, o := range operations {
		row, err := rowOf(o, doc, code)
		rows, problems = append(rows, row), append(problems, err)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return rows, errors.Join(problems...)
}

func rowOf(o contract.Operation, doc *huma.OpenAPI, code *Code) (Row, error) {
	missing := func(what string, args ...any) (Row, error) {
		return Row{}, fmt.Errorf("inventory: the operation %s %s", o.ID, fmt.Sprintf(what, args...))
	}
	if len(o.Auth) == 0 {
		return missing("names no auth model")
	}
	for _, r := range o.Auth {
		if !slices.Contains(auth.Models, r.Model) {
			return missing("names the unknown auth model %q", r.Model)
		}
	}
	documented := documentedOperation(doc, o)
	if documented == nil {
		return missing("is not in the OpenAPI document")
	}
	traced, err := code.trace(o.ID)
	switch {
	case err != nil:
		return missing("%s", err)
	case traced.function != string(o.Function):
		return missing("belongs to the function %s, and its handler is in %s", o.Function, traced.function)
	case len(o.Reads)+len(o.Writes) > 0 && !slices.ContainsFunc(traced.steps, func(s Step) bool {
		return s.Kind == StoreCall
	}):
		return missing("declares records, and its handler %s makes no store call", traced.handler)
	}
	row := Row{
		Method: o.Method, Path: o.Path, Operation: o.ID, Summary: o.Summary, Service: service, Function: o.Function,
		Auth: o.Auth, ActingUser: o.ActingUser, Inputs: inputs(doc, documented),
		Responses: responses(doc, documented, o), Errors: errorsOf(o, slices.Concat(traced.answers, code.around(o))),
		Reads: list(o.Reads), Writes: list(o.Writes), Effects: effects(o), Owner: o.Owner, Family: o.Family,
		Since:      o.Since,
		Deprecated: o.Deprecated, Handler: traced.handler, HandlerAt: traced.at, Trace: traced.steps,
	}
	if documented.RequestBody != nil {
		row.MaxBody = o.MaxBody
	}
	return row, nil
}

var (
	toDelivery     = []string{"fanout", "deliveries queue", "delivery"}
	toProvisioning = []string{"fanout", "provisions queue", "provisioning"}
)

// effects says where the row's outbox items go, and where those go that provisioning then writes.
func effects(o contract.Operation) []Effect {
	all := []Effect{}
	for _, e := range o.Emits {
		all = append(all, Effect{Kind: "event", Name: string(e), To: toDelivery})
	}
	if slices.Contains(o.Writes, domain.RecordProvision) {
		all = append(all, Effect{Kind: "message", Name: string(domain.RecordProvision), To: toProvisioning})
	}
	for _, e := range o.Causes {
		all = append(all, Effect{Kind: "event", Name: string(e), To: slices.Concat(toProvisioning, toDelivery)})
	}
	return all
}

// Error is a status that is no success, and the codes that come with it.
type Error struct {
	Status int      `json:"status"`
	Codes  []string `json:"codes"`
}

// standard is the code that a status has whatever the operation: Huma's refusals, the gateway's, and what no
// handler chooses.
var standard = map[int]string{
	400: "malformed", 413: fault.TooLarge.String(), 415: "unsupported-media-type", 422: fault.Invalid.String(),
	429: fault.Throttled.String(), 500: fault.Internal.String(), 503: "busy",
}

// gateCode tells to callers of which model the gate may say it; a code that is not here, to all.
var gateCode = map[string]auth.Model{
	"missing-role": auth.ModelDashboard, "missing-scope": auth.ModelIntegration,
	"installation-suspended": auth.ModelIntegration,
}

// errorsOf joins the statuses that the row declares with the codes that its code can answer. A code of a status
// that is not declared is one that the handler turns into something else.
func errorsOf(o contract.Operation, answers []answer) []Error {
	all := []Error{}
	for _, status := range o.Statuses() {
		codes := []string{}
		if code, ok := standard[status]; ok {
			codes = append(codes, code)
		}
		for _, a := range answers {
			if model, limited := gateCode[a.code]; limited {
				if _, has := o.Auth.Of(model); !has {
					continue
				}
			}
			if a.status == status {
				codes = append(codes, a.code)
			}
		}
		slices.Sort(codes)
		all = append(all, Error{Status: status, Codes: slices.Compact(codes)})
	}
	return all
}

func list[T any](s []T) []T { return append([]T{}, s...) }
