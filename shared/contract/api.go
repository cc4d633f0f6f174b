package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/trace"
)

// Gate proves who calls and lets in by the row's rules. Its errors are the answers.
type Gate interface {
	Admit(ctx context.Context, r auth.Request, d auth.Demand) (auth.Caller, error)
}

// Idempotency keeps the answers of mutations that came with a key; shared/store says how.
type Idempotency interface {
	Claim(ctx context.Context, a domain.AccountID, keyHash, fingerprint string) (context.Context, []byte, error)
	Settle(ctx context.Context, answer any, failed bool) error
}

// API is the set of operations that a function serves, as an http.Handler.
type API struct {
	mux     *http.ServeMux
	huma    huma.API
	gate    Gate
	idem    Idempotency
	cursors CursorMAC
	served  []string
}

func newAPI(gate Gate, idem Idempotency, cursors CursorMAC) *API {
	config := huma.DefaultConfig("Plugboard", Version)
	config.CreateHooks = nil // no $schema in answers
	config.Components.Schemas = newSchemas(componentSchemas)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	config.Transformers = []huma.Transformer{func(ctx huma.Context, _ string, v any) (any, error) {
		if e, ok := v.(*huma.ErrorModel); ok {
			return problemOfHuma(ctx.Context(), e), nil
		}
		return v, nil
	}}
	a := &API{mux: http.NewServeMux(), gate: gate, idem: idem, cursors: cursors}
	a.huma = humago.New(a.mux, config)
	return a
}

// New serves a function's operations. It fails when routes leaves one of them out or adds another's.
func New(f Function, gate Gate, idem Idempotency, cursors CursorMAC, routes func(*API)) (http.Handler, error) {
	a := newAPI(gate, idem, cursors)
	routes(a)
	for _, o := range OwnedBy(f) {
		if !slices.Contains(a.served, o.ID) {
			return nil, fmt.Errorf("the function %s owns the operation %s and does not serve it", f, o.ID)
		}
	}
	for _, id := range a.served {
		if !slices.ContainsFunc(OwnedBy(f), func(o Operation) bool { return o.ID == id }) {
			return nil, fmt.Errorf("the function %s serves the operation %s, which it does not own", f, id)
		}
	}
	a.mux.HandleFunc("/", noSuchOperation)
	return logged(f, http.HandlerFunc(a.serve)), nil
}

// serve refuses a path that ServeMux would redirect to a cleaner one: the redirection would lose the stage.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != path.Clean(r.URL.Path) {
		noSuchOperation(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

func noSuchOperation(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, problemOf(r.Context(),
		fault.New(fault.NotFound, "no-such-operation", "There is no operation %s %s.", r.Method, r.URL.Path)))
}

// Handle serves the operation with h, which does not compile unless its types are the declared ones. looks check an
// input that is already invalid against stored data, so that one answer names every fault.
func (op Op[I, O]) Handle(a *API, h func(context.Context, *I) (*O, error), looks ...Look[I]) {
	a.served = append(a.served, op.ID)
	op.register(a, op.served(a, h, looks))
}

// admit is the middleware by which nothing of a request but its headers is looked at before its caller is let in; but
// for a callback, whose signature is over its body: that is read, up to the operation's limit, and parsed later.
func (o Operation) admit(a *API) func(huma.Context, func(huma.Context)) {
	demand := auth.Demand{Rules: o.Auth, ActingUser: o.ActingUser == RequiredActingUser}
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		caller, err := a.gate.Admit(ctx.Context(), auth.Request{Header: r.Header, Param: ctx.Param,
			Body: func() ([]byte, error) { return o.body(r) }}, demand)
		note(ctx.Context(), o.ID, caller)
		if o.showsSecret {
			w.Header().Set("Cache-Control", "no-store")
		}
		if err != nil {
			writeProblem(w, problemOf(ctx.Context(), err))
			return
		}
		if o.emptyBody && r.ContentLength == 0 {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
			r.Header.Set("Content-Type", "application/json")
		}
		inner := context.WithValue(auth.With(ctx.Context(), caller), idempotencyKey{}, ctx.Header(HeaderIdempotencyKey))
		inner = context.WithValue(inner, contentTypeKey{}, ctx.Header("Content-Type"))
		next(huma.WithContext(ctx, inner))
	}
}

// body reads the request's body whole and leaves it to be read again. TooLarge over the operation's limit.
func (o Operation) body(r *http.Request) ([]byte, error) {
	tooLarge := fault.New(fault.TooLarge, "", "The body is larger than the %d bytes that this operation takes.",
		o.MaxBody)
	if r.ContentLength > o.MaxBody {
		return nil, tooLarge
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, o.MaxBody+1))
	switch {
	case err != nil:
		return nil, fault.InvalidFields([]fault.Field{{Pointer: "", Code: "unreadable", Detail: "The body broke off."}})
	case int64(len(raw)) > o.MaxBody:
		return nil, tooLarge
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return raw, nil
}

type (
	idempotencyKey struct{}
	contentTypeKey struct{}
)

func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

// wide is what the request's one log line says.
type wide struct {
	operation string
	caller    auth.Caller
}

type wideKey struct{}

func note(ctx context.Context, operation string, c auth.Caller) {
	if l, ok := ctx.Value(wideKey{}).(*wide); ok {
		l.operation, l.caller = operation, c
	}
}

// logged writes one line a request: no bodies, no credentials. Its request_id is the one of the gateway's access log. A
// refused caller is named too, when its credential was good.
func logged(f Function, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		l := &wide{}
		ctx := trace.With(r.Context(), trace.Of(r.Header))
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		recovered(next).ServeHTTP(status, r.WithContext(context.WithValue(ctx, wideKey{}, l)))
		slog.InfoContext(r.Context(), "request", "function", f, "request_id", RequestID(ctx), "trace_id",
			trace.From(ctx), "method", r.Method, "operation", l.operation,
			"status", status.status, "source", sourceOf(r), "model", l.caller.Model, "principal", l.caller.Principal,
			"key_print", l.caller.KeyPrint,
			"account", l.caller.Account, "acting_user", l.caller.UserID(), "ms", time.Since(began).Milliseconds())
	})
}

// sourceOf is the address that the request came from, as the gateway saw it. Headers that name another are not
// believed.
func sourceOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// recovered answers a panic like any fault of ours: the log gets it all, the caller the request's id.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				writeProblem(w, problemOf(r.Context(), fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// document is the row as Huma, and so OpenAPI, takes it.
func (o Operation) document(a *API) huma.Operation {
	d := huma.Operation{ // Huma refuses at MaxBodyBytes, and takes what is below
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Summary, Tags: []string{string(o.Family)},
		DefaultStatus: o.Status, MaxBodyBytes: o.MaxBody + 1, Deprecated: o.Deprecated != "",
		Middlewares: huma.Middlewares{o.admit(a)},
		Security:    o.security(),
		Parameters:  o.headers(),
		Responses:   map[string]*huma.Response{},
		Extensions: map[string]any{
			"x-plugboard-auth": o.Auth.String(), "x-plugboard-acting-user": o.ActingUser,
			"x-plugboard-max-body-bytes": o.MaxBody,
		},
	}
	problem := a.huma.OpenAPI().Components.Schemas.Schema(problemSchema, true, "Problem")
	for _, status := range o.Statuses() {
		d.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Headers:     headersOf(status),
			Content:     map[string]*huma.MediaType{problemType: {Schema: problem}},
		}
	}
	if o.File != nil {
		d.RequestBody, d.SkipValidateBody = o.File.document(), true // unpack does
	}
	if len(o.Binary) > 0 {
		d.Responses[strconv.Itoa(o.Status)] = &huma.Response{Content: map[string]*huma.MediaType{}}
		for _, kind := range o.Binary {
			d.Responses[strconv.Itoa(o.Status)].Content[kind] = &huma.MediaType{
				Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	}
	if o.Revalidates {
		d.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{
			Description: http.StatusText(http.StatusNotModified),
			Headers:     map[string]*huma.Param{"ETag": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}
	}
	if o.RedirectsTo != "" {
		d.Responses[strconv.Itoa(o.Status)] = &huma.Response{Description: "A redirect to " + o.RedirectsTo + "."}
	}
	if o.readyJSON {
		d.Responses[strconv.Itoa(o.Status)] = &huma.Response{
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}},
		}
	}
	return d
}

// Statuses are those of the operation's errors, rising.
func (o Operation) Statuses() []int {
	kinds := slices.Concat(fault.Kinds{fault.Invalid, fault.Throttled, fault.Internal, fault.Unavailable}, o.Errors)
	if _, public := o.Auth.Of(auth.ModelPublic); !public {
		kinds = append(kinds, fault.Unauthenticated, fault.Forbidden)
	}
	if o.Mutates() {
		kinds = append(kinds, fault.Conflict)
	}
	var set []int
	for _, k := range kinds {
		set = append(set, statuses[k])
	}
	if o.takesBody { // no JSON or form, over the limit, another content type
		set = append(set, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(set)
	return slices.Compact(set)
}
