// Package contract is the HTTP surface, declared once. operations.go is the table; the files beside it, named
// for business nouns, hold the inputs and outputs. From the table come handler registration, auth enforcement,
// gateway routes, OpenAPI and the capability inventory.
package contract

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Function is a Lambda that serves operations: the folder under functions/, the construct id, the log field.
type Function string

const (
	Catalogue  Function = "catalogue"
	Enablement Function = "enablement"
	DataFields Function = "datafields"
	Contracts  Function = "contracts"
	Webhooks   Function = "webhooks"

	// Console serves pages, and calls the operations of the others for them. It owns the making of links to its pages.
	Console Function = "console"
)

// Functions lists those that own operations.
var Functions = []Function{Catalogue, Enablement, DataFields, Contracts, Webhooks, Console}

// Family groups operations for the people who rely on them.
type Family string

const (
	FamilyCatalogue Family = "catalogue"
	FamilyInstall   Family = "installation"
	FamilyAccount   Family = "account"
	FamilyField     Family = "data-fields"
	FamilyContract  Family = "contracts"
	FamilyWebhook   Family = "webhooks"
	FamilyMeta      Family = "discovery"
	FamilyConsole   Family = "console"
)

// ActingUser says whether an integration acts for a user of the account, named by `Plugboard-User: email`.
type ActingUser string

const (
	NoActingUser       ActingUser = "none"
	OptionalActingUser ActingUser = "optional"
	RequiredActingUser ActingUser = "required"
)

// DefaultMaxBody is the body limit in bytes of an operation that declares no other (design rule 26).
const DefaultMaxBody = 256 << 10

// Rate is how often an operation may be called, over all callers. API Gateway answers 429 beyond it. A stage may allow
// less.
type Rate struct {
	PerSecond float64 // on average
	Burst     float64 // at once
}

// The rates of rows. The functions also limit each account's own share (auth.Limiter).
var (
	RateReads  = Rate{PerSecond: 500, Burst: 1000} // of a row that reads and declares no other
	RateWrites = Rate{PerSecond: 200, Burst: 400}  // of a row that writes and declares no other
	RateJobs   = Rate{PerSecond: 5, Burst: 20}     // of a row whose request keeps a function busy or starts a long job
)

// Operation is one row: everything that is known of an operation but its code.
type Operation struct {
	ID       string // kebab-case; the Go name is its CamelCase
	Method   string
	Path     string // under the API's root, with {snake_case} parameters
	Function Function
	Auth     auth.Rules
	// ActingUser concerns callers by integration only; a dashboard user acts for itself.
	ActingUser ActingUser
	Status     int // of success
	// RedirectsTo is whom a Status of 3xx sends the caller to, by Location; empty for others.
	RedirectsTo string
	// beyond those that every operation has: unauthenticated, forbidden, invalid, throttled, internal
	Errors  fault.Kinds
	Reads   domain.Records
	Writes  domain.Records // an undeclared one fails the effects test
	Emits   []events.Type  // events committed with the change
	Causes  []events.Type  // events that provisioning commits later, when it works on what this put into its queue
	MaxBody int64          // bytes; 0 means DefaultMaxBody, or what the File takes
	Rate    Rate           // zero: RateReads or RateWrites
	File    *File          // the body, where it is no JSON
	Binary  []string       // the content types of an answer that is a file, and no JSON
	// Revalidates: it answers 304 to an If-None-Match that names what the caller would get.
	Revalidates bool
	Owner       string // the team to ask; 0 means DefaultOwner
	Family      Family
	Since       string // contract version, semver
	Deprecated  string // what to use instead, and until when; empty while it is current
	Summary     string

	takesBody bool // the handler's input has a body
	emptyBody bool // no member of that body is required, so that no body is an empty one
	locates   bool // the handler's output has a Location
	readyJSON bool // the handler's answer is JSON as bytes
	// showsSecret: the handler's output holds a credential, so no cache may keep the answer.
	showsSecret bool
}

// DefaultOwner answers for every operation that names no other team.
const DefaultOwner = "platform-api"

// TakesCallbacks tells whether a function of that name has an operation by webhook-secret, whose gate opens secrets.
func TakesCallbacks(f Function) bool {
	return slices.ContainsFunc(OwnedBy(f), func(o Operation) bool {
		_, signed := o.Auth.Of(auth.ModelWebhookSecret)
		return signed
	})
}

// Mutates tells whether the operation takes Idempotency-Key.
func (o Operation) Mutates() bool { return o.Method != http.MethodGet && o.Method != http.MethodHead }

// Op ties a row to the types of its handler.
type Op[I, O any] struct{ Operation }

var (
	all      []Operation
	handlers []handler // of all, in the same order
)

// handler holds the parts that depend on the types of an operation's handler. It is no part of the row: a
// reflect.Type in a value that is passed as an interface makes the linker keep every method of every type, 7 MB a
// function.
type handler struct {
	document func(*API) // registers the operation with no handler, for OpenAPI
	input    reflect.Type
	output   reflect.Type
}

// All is every operation in the order of declaration. The slice is a copy.
func All() []Operation { return slices.Clone(all) }

// OwnedBy is what the function serves.
func OwnedBy(f Function) []Operation {
	return slices.DeleteFunc(All(), func(o Operation) bool { return o.Function != f })
}

// group holds the values that rows of one function have in common.
type group struct {
	Function Function
	Family   Family
	Since    string // the first contract version of its oldest rows
}

// row is o with the group's values where o has none.
func (g group) row(o Operation) Operation {
	o.Function = cmp.Or(o.Function, g.Function)
	o.Family = cmp.Or(o.Family, g.Family)
	o.Since = cmp.Or(o.Since, g.Since)
	return o
}

// declare adds a row to the table. It panics on a row that says too little or contradicts itself, so that a
// bad declaration stops the build's first test and every function's start.
func declare[I, O any](g group, o Operation) Op[I, O] {
	_, uploads := any(new(I)).(interface{ upload() *Upload })
	op := Op[I, O]{g.row(o).declared(reflect.TypeFor[I](), reflect.TypeFor[O](), uploads)}
	describe(op)
	return op
}

// declared is declare's for all types: what is generic is compiled anew for every operation.
func (o Operation) declared(input, output reflect.Type, uploads bool) Operation {
	switch {
	case o.MaxBody == 0 && o.File != nil:
		o.MaxBody = o.File.MaxBytes + formFrame
	case o.MaxBody == 0:
		o.MaxBody = DefaultMaxBody
	}
	switch {
	case o.Rate != Rate{}:
	case o.Mutates():
		o.Rate = RateWrites
	default:
		o.Rate = RateReads
	}
	if o.Owner == "" {
		o.Owner = DefaultOwner
	}
	if o.ActingUser == "" {
		o.ActingUser = NoActingUser
	}
	_, takesJSON := input.FieldByName("Body")
	o.takesBody, o.emptyBody = takesJSON || uploads, takesJSON && !requiresMember(input)
	o.showsSecret = holdsSecret(output, nil)
	o.locates = slices.ContainsFunc(reflect.VisibleFields(output), func(f reflect.StructField) bool {
		return f.Tag.Get("header") == "Location"
	})
	body, answers := output.FieldByName("Body")
	o.readyJSON = answers && body.Type == reflect.TypeFor[[]byte]() && len(o.Binary) == 0
	problem := o.problem()
	if uploads != (o.File != nil) {
		problem = "the row names a File and the input embeds Upload, or neither does"
	}
	if problem != "" {
		panic(fmt.Sprintf("contract: operation %q: %s", o.ID, problem))
	}
	all = append(all, o)
	return o
}

// requiresMember tells whether the input's body has a member that Huma requires.
func requiresMember(input reflect.Type) bool {
	body, _ := input.FieldByName("Body")
	if body.Type.Kind() != reflect.Struct {
		return true
	}
	return slices.ContainsFunc(reflect.VisibleFields(body.Type), func(f reflect.StructField) bool {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			return false
		}
		said := f.Tag.Get("required")
		return said == "true" || said == "" && !strings.Contains(options, "omitempty") &&
			!strings.Contains(options, "omitzero")
	})
}

// holdsSecret tells whether a value of the type can hold a credential. within are the types around it.
func holdsSecret(t reflect.Type, within []reflect.Type) bool {
	if t == reflect.TypeFor[domain.ShownOnce]() || t == reflect.TypeFor[domain.HandOffURL]() {
		return true
	}
	if slices.Contains(within, t) {
		return false
	}
	within = append(within, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsSecret(t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsSecret(t.Field(i).Type, within) {
				return true
			}
		}
	}
	return false
}

var (
	idPattern   = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	pathPattern = regexp.MustCompile(`^/v1(/[a-z-]+((\.schema)?\.json)?|/\{[a-z_]+\})+$`)
)

func (o Operation) problem() string {
	switch {
	case !idPattern.MatchString(o.ID):
		return "the ID is not kebab-case"
	case !pathPattern.MatchString(o.Path):
		return "the path is not /v1/… of kebab-case parts and {snake_case} parameters"
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete}, o.Method):
		return "unknown method " + o.Method
	case !slices.Contains(Functions, o.Function):
		return "no function owns it"
	case o.Status < 200 || o.Status > 399:
		return "no success status"
	case o.Status >= 300 != (o.RedirectsTo != "") || o.locates != (o.RedirectsTo != ""):
		return "a redirect has a 3xx status, says whom it leads to, and answers with Location"
	case o.Family == "" || o.Since == "" || o.Summary == "":
		return "family, since and summary are needed"
	case o.Rate.PerSecond <= 0 || o.Rate.Burst < o.Rate.PerSecond:
		return "the rate is at least a burst of one second"
	case len(o.Auth) == 0:
		return "no auth model is named"
	case !o.Mutates() && (len(o.Writes) > 0 || len(o.Emits) > 0):
		return "a read declares writes"
	case o.Mutates() && len(o.Writes) == 0:
		return "a mutation declares no writes"
	case len(o.Causes) > 0 && !slices.Contains(o.Writes, domain.RecordProvision):
		return "the row names events that provisioning causes, and gives it no message"
	}
	seen := map[auth.Model]bool{}
	for _, r := range o.Auth {
		switch {
		case !slices.Contains(auth.Models, r.Model):
			return fmt.Sprintf("unknown auth model %q", r.Model)
		case seen[r.Model]:
			return fmt.Sprintf("auth model %s is named twice", r.Model)
		case r.Model == auth.ModelDashboard && r.Role == "":
			return "dashboard needs a role"
		case r.Model == auth.ModelIntegration && r.Scope == "":
			return "integration needs a scope"
		case r.Model == auth.ModelWebhookSecret && (!strings.Contains(o.Path, "{"+auth.ParamAccount+"}") ||
			!strings.Contains(o.Path, "{"+auth.ParamExtension+"}")):
			return "webhook-secret needs a path that names the installation"
		}
		seen[r.Model] = true
	}
	if o.ActingUser != NoActingUser && !seen[auth.ModelIntegration] {
		return "an acting user without the integration model"
	}
	for _, other := range all {
		if other.ID == o.ID {
			return "the ID is taken"
		}
		if other.Method == o.Method && shape(other.Path) == shape(o.Path) {
			return "the same method and path as " + other.ID
		}
	}
	return ""
}

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

func shape(path string) string { return parameter.ReplaceAllString(path, "{}") }

// GoName is the declaration's and the handler types' stem: enable-extension is EnableExtension.
func (o Operation) GoName() string {
	var b strings.Builder
	for _, word := range strings.Split(o.ID, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
