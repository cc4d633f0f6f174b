// Package trace carries the name by which a request, the events that it caused and their deliveries are found together
// in every log: a trace id of W3C Trace Context (https://www.w3.org/TR/trace-context/), which callers may bring along
// and endpoints are given.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// Header is where callers and endpoints find the id.
const Header = "Traceparent"

// ID is 32 hexadecimal digits; empty for what nobody asked for, as a daily check.
type ID string

type contextKey struct{}

// With is ctx in the trace. An empty id changes nothing.
func With(ctx context.Context, id ID) context.Context {
	if id == "" {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, id)
}

// From is the trace of ctx; empty when it is in none.
func From(ctx context.Context) ID {
	id, _ := ctx.Value(contextKey{}).(ID)
	return id
}

var (
	// A later version may go on after the flags; ff is none.
	parent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)
	// AWS documents the root without its version and hyphens to be such an id.
	amazons = regexp.MustCompile(`(?:^|;)Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)`)
)

// Of is the trace of a request: the caller's, if it brings a valid one, or else the gateway's, or else a new one.
func Of(h http.Header) ID {
	if m := parent.FindStringSubmatch(h.Get(Header)); m != nil && m[1] != "ff" && (m[1] != "00" || m[4] == "") && !zero(m[2]) && !zero(m[3]) {
		return ID(m[2])
	}
	if m := amazons.FindStringSubmatch(h.Get("X-Amzn-Trace-Id")); m != nil && !zero(m[1]+m[2]) {
		return ID(m[1] + m[2])
	}
	return ID(digits(16))
}

// Parent is the header of one request that we make in the trace: each has a parent id of its own.
func (id ID) Parent() string { return "00-" + string(id) + "-" + digits(8) + "-01" }

func zero(digits string) bool { return strings.Trim(digits, "0") == "" }

func digits(bytes int) string {
	raw := make([]byte, bytes)
	rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
