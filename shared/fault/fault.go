// Package fault is the one error type that crosses packages. An error says Kind for programs, Code for
// callers, Op and Err for the log. Only the edges (shared/contract for HTTP, the queue handlers for SQS) turn
// a Kind into a status or into a message's fate; Op and Err never reach a caller.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what a program decides by.
type Kind uint8

const (
	Internal        Kind = iota // our fault, or AWS's: 500, a message is tried again
	Unauthenticated             // no credential, or one that proves nothing: 401
	Forbidden                   // a good credential that may not do this: 403
	NotFound                    // absent, or another account's: 404
	Conflict                    // the state does not allow it now: 409
	Stale                       // If-Match named an older version: 412
	Unconditional               // If-Match is missing where it is required: 428
	TooLarge                    // body over the operation's limit: 413
	Invalid                     // input that can never work: 422
	Throttled                   // a quota or rate was hit: 429
	Unavailable                 // AWS asks us to slow down: 503, safe to repeat
)

var kindNames = [...]string{
	"internal", "unauthenticated", "forbidden", "not-found", "conflict", "stale", "unconditional", "too-large",
	"invalid", "throttled", "unavailable",
}

func (k Kind) String() string { return kindNames[k] }

// Kinds is a list of them, as an operation declares it.
type Kinds []Kind

// Field points at one wrong input. Pointer is an RFC 6901 JSON pointer into the body (`/fields/2/value`), or
// `path.NAME`, `query.NAME`, `header.NAME`.
type Field struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Error is the only error type that functions and shared packages return across their borders.
type Error struct {
	Kind   Kind
	Code   string  // stable, kebab-case, documented; defaults to the Kind's name
	Detail string  // for people: what was wrong, where, what to do. No internals, no secrets
	Fields []Field // every wrong field, not the first
	// Wait is after what time to try again; zero when nobody knows. For Throttled and Unavailable.
	Wait time.Duration
	Op   string // for the log: what we were doing, with ids
	Err  error  // for the log: the cause
}

// New says what was wrong and what to do, in words for the caller.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap adds what we were doing to err. The Kind, Code, Detail and Fields of a fault inside err stay; anything
// else becomes Internal. Wrap(nil) is nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	op := fmt.Sprintf(format, args...)
	var inner *Error
	if errors.As(err, &inner) {
		return &Error{Kind: inner.Kind, Code: inner.Code, Detail: inner.Detail, Fields: inner.Fields, Wait: inner.Wait,
			Op: op, Err: err}
	}
	return &Error{Kind: Internal, Op: op, Err: err}
}

// FieldsOf is what err names; nil when it names nothing.
func FieldsOf(err error) []Field {
	var e *Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// InvalidFields is nil when fields is empty, so that a validator can end with it.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid",
		Detail: "Some fields are wrong; each is named in errors. Nothing was changed.", Fields: fields}
}

// KindOf is Internal for an error that is no fault.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a fault with that code.
func Is(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.code() == code
}

func (e *Error) code() string {
	if e.Code != "" {
		return e.Code
	}
	return e.Kind.String()
}

// Error is the log's text.
func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	for _, s := range []string{e.Op, e.code(), e.Detail} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func (e *Error) Unwrap() error { return e.Err }
