package contract

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"plugboard/shared/fault"
)

// Problem is the body of every error: an RFC 9457 problem document.
type Problem struct {
	Type      string        `json:"type" doc:"about:blank: the code says more." example:"about:blank"`
	Title     string        `json:"title" doc:"The status in words." example:"Conflict"`
	Status    int           `json:"status" example:"409"`
	Code      string        `json:"code" doc:"Stable, for programs." example:"managed-resource"`
	Detail    string        `json:"detail" doc:"For people: what was wrong, where, and what to do."`
	RequestID string        `json:"request_id" doc:"Give it to support."`
	Errors    []fault.Field `json:"errors,omitempty" maxItems:"100" doc:"Every wrong field, by pointer; of more than 100, the first by pointer."`
	More      int           `json:"more_errors,omitempty" doc:"How many more wrong fields there are."`

	wait time.Duration // told by Retry-After
}

// A body can have more mistakes than an answer can tell of: Lambda's has 6 MB.
const (
	maxErrors      = 100
	maxErrorDetail = 1000 // characters; some say what the caller sent
)

// name puts wrong fields into the problem, as many as it takes.
func (p *Problem) name(wrong []fault.Field) {
	if len(wrong) > maxErrors { // then not those that happened to be found first
		wrong = slices.Clone(wrong)
		slices.SortStableFunc(wrong, func(a, b fault.Field) int { return comparePointers(a.Pointer, b.Pointer) })
		p.More = len(wrong) - maxErrors
	}
	p.Errors = nil
	for _, f := range wrong[:len(wrong)-p.More] {
		if detail := []rune(f.Detail); len(detail) > maxErrorDetail {
			f.Detail = string(detail[:maxErrorDetail-1]) + "…"
		}
		p.Errors = append(p.Errors, f)
	}
}

// comparePointers has a thing before what is in it, and items of a list in their order.
func comparePointers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		switch {
		case errX == nil && errY == nil:
			return cmp.Compare(x, y)
		case errX == nil:
			return -1
		case errY == nil:
			return 1
		}
		return cmp.Compare(a, b)
	})
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus makes a Problem an error that Huma answers with.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are those that go with the status. Huma answers with them too.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge)
	}
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.wait.Seconds()))))
	}
	return h
}

// challenge names the scheme of most credentials (RFC 9110, 11.6.1). The platform's key and signatures have headers of
// their own, for which no scheme is registered.
const challenge = `Bearer realm="Plugboard"`

// headersOf describes the headers of a problem with that status.
func headersOf(status int) map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	switch status {
	case http.StatusUnauthorized:
		return map[string]*huma.Param{"WWW-Authenticate": {
			Description: "`" + challenge + "`. API Gateway sends it as `x-amzn-remapped-www-authenticate`.",
			Schema:      text,
		}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return map[string]*huma.Param{"Retry-After": {
			Description: "After how many seconds to try again, where that is known.",
			Schema:      &huma.Schema{Type: huma.TypeInteger},
		}}
	}
	return nil
}

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// statuses is the one table from Kind to status.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.Unconditional:   http.StatusPreconditionRequired,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Throttled:       http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// StatusOf is the HTTP status of a fault of that kind.
func StatusOf(k fault.Kind) int { return statuses[k] }

// problemOf turns an error into what the caller may see, and logs what it may not. A request that merely asked
// for something wrong is not logged here: its line in the request log says enough.
func problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		f = &fault.Error{Kind: fault.Internal, Err: err}
	}
	p = &Problem{
		Type: "about:blank", Status: statuses[f.Kind], Title: http.StatusText(statuses[f.Kind]),
		Code: f.Code, Detail: f.Detail, RequestID: RequestID(ctx), wait: f.Wait,
	}
	p.name(f.Fields)
	if p.Code == "" {
		p.Code = f.Kind.String()
	}
	if f.Kind == fault.Internal {
		slog.ErrorContext(ctx, "request failed", "request_id", p.RequestID, "error", err)
		p.Code, p.Detail = "internal", "Something failed on our side. Nothing was changed, or the change is complete; "+
			"repeat with the same Idempotency-Key to know."
		p.name(nil)
	}
	return p
}

// refusal is of a status that no Kind has.
func refusal(ctx context.Context, status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Status: status, Title: http.StatusText(status), Code: code, Detail: detail,
		RequestID: RequestID(ctx)}
}

// WriteTooLarge answers that the real answer does not fit into Lambda's.
func WriteTooLarge(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, refusal(r.Context(), http.StatusInternalServerError, "answer-too-large",
		"The answer is larger than the 6 MB that AWS Lambda lets through. Ask for less: of a list, by limit."))
}

// problemOfHuma turns Huma's own refusals (validation, unreadable body, body too large) into Problems. Only a body that
// was read is looked into: of any other there is nothing to point at.
func problemOfHuma(ctx context.Context, e *huma.ErrorModel) *Problem {
	p := &Problem{Type: "about:blank", Status: e.Status, Title: http.StatusText(e.Status), Detail: e.Detail,
		RequestID: RequestID(ctx)}
	switch e.Status {
	case http.StatusUnprocessableEntity:
		p.Code, p.Detail = "invalid", "Some fields are wrong; each is named in errors. Nothing was changed."
		var shape []shapeFault
		for _, d := range e.Errors {
			shape = append(shape, shapeFaultOf(d))
		}
		p.name(inspectionOf(ctx).all(ctx, shape))
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = fault.TooLarge.String(), "The body is larger than this operation takes."
	case http.StatusBadRequest:
		p.Code, p.Detail = "malformed", "The body is missing, or not what its content type says."
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = "unsupported-media-type", "Send application/json."
	default:
		p.Code = strings.ReplaceAll(strings.ToLower(http.StatusText(e.Status)), " ", "-")
	}
	return p
}

// otherTypes are Huma's messages for a value that cannot be decoded into the input's type.
var otherTypes = []string{
	validation.MsgExpectedObject, validation.MsgExpectedArray, validation.MsgExpectedString,
	validation.MsgExpectedBoolean,
	validation.MsgExpectedInteger, validation.MsgExpectedNumber, validation.MsgExpectedRFC3339DateTime,
}

// shapeFaultOf points at the wrong value. For a missing value Huma points at the object around it, and shapeFaultOf
// at the missing member.
func shapeFaultOf(d *huma.ErrorDetail) shapeFault {
	f := shapeFault{Field: fault.Field{Pointer: pointerOf(d.Location), Code: "invalid", Detail: wordsOf(d.Message)},
		final: slices.Contains(otherTypes, d.Message)}
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	name, required := strings.CutPrefix(d.Message, before)
	switch {
	case required && strings.HasSuffix(name, after):
		f.Pointer, f.Code, f.final = f.Pointer+"/"+strings.TrimSuffix(name, after), "required", true
	case strings.HasPrefix(d.Message, "required ") && strings.HasSuffix(d.Message, " parameter is missing"):
		f.Code = "required"
	case d.Message == validation.MsgUnexpectedProperty:
		f.Code = "unknown"
	}
	return f
}

// wordsOf is Huma's message without the text of Go's parsers.
func wordsOf(message string) string {
	for _, format := range []string{validation.MsgExpectedRFC5322Email, validation.MsgExpectedRFC3986URI} {
		if words, _, _ := strings.Cut(format, ":"); strings.HasPrefix(message, words) {
			return words
		}
	}
	return message
}

// pointerOf turns Huma's `body.fields[2].value` into a JSON pointer. Other locations keep their dots. Dots and
// brackets inside names were escaped before Huma saw them: see escapeNames.
func pointerOf(location string) string {
	inBody, ok := strings.CutPrefix(location, "body")
	if !ok {
		return location
	}
	return strings.NewReplacer("~2", ".", "~3", "[", "~4",
		"]").Replace(strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(inBody))
}

type requestIDKey struct{}

// WithRequestID names the request; the gateway's id when there is one.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the request's name in answers and logs.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
