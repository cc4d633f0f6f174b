// Package trace carries the id under which every log shows a request, its events and their deliveries: a trace id of
// W3C Trace Context (https://www.w3.org/TR/trace-context/). Callers may send one, and endpoints receive one.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// Header is the header that carries the id.
const Header = "Traceparent"

// ID is 32 hexadecimal digits; empty for work that no request asked for, such as a daily check.
type ID string

type contextKey struct{}

// With is ctx with the trace. An empty id changes nothing.
func With(ctx context.Context, id ID) context.Context {
	if id == "" {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, id)
}

// From is the trace of ctx; empty when it has none.
func From(ctx context.Context) ID {
	id, _ := ctx.Value(contextKey{}).(ID)
	return id
}

var (
	// A later version may have fields after the flags; version ff is invalid.
	parent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)
	// AWS documents that its root is such an id with a version and hyphens.
	amazons = regexp.MustCompile(`(?:^|;)Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)`)
)

// Of is the trace of a request: the caller's if valid, or else the gateway's, or else a new one.
func Of(h http.Header) ID {
	if m := parent.FindStringSubmatch(h.Get(Header)); m != nil && m[1] != "ff" && (m[1] != "00" || m[4] == "") &&
		!zero(m[2]) && !zero(m[3]) {
		return ID(m[2])
	}
	if m := amazons.FindStringSubmatch(h.Get("X-Amzn-Trace-Id")); m != nil && !zero(m[1]+m[2]) {
		return ID(m[1] + m[2])
	}
	return ID(digits(16))
}

// Parent is the header of one outgoing request in the trace. Each request has a parent id of its own.
func (id ID) Parent() string { return "00-" + string(id) + "-" + digits(8) + "-01" }

func zero(digits string) bool { return strings.Trim(digits, "0") == "" }

func digits(bytes int) string {
	raw := make([]byte, bytes)
	rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
