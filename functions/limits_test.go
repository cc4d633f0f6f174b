package functions_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
)

// tooLong is longer than any text, and any key of DynamoDB, may be.
var tooLong = strings.Repeat("a", 5000)

// lengthened are copies of a body, each with one of its texts too long.
func lengthened(body any) map[string]any {
	all := map[string]any{}
	switch body := body.(type) {
	case string:
		all[""] = tooLong
	case object:
		for name, inner := range body {
			for at, longer := range lengthened(inner) {
				other := maps.Clone(body)
				other[name] = longer
				all["/"+name+at] = other
			}
		}
	case []object:
		for n, inner := range body {
			for at, longer := range lengthened(inner) {
				other := append([]object{}, body...)
				other[n] = longer.(object)
				all[fmt.Sprint("/", n, at)] = other
			}
		}
	case []string:
		for n := range body {
			other := append([]string{}, body...)
			other[n] = tooLong
			all[fmt.Sprint("/", n)] = other
		}
	}
	return all
}

// No text of any length, in a path, a header or a body, makes an operation fail, or reach DynamoDB in a key that it
// refuses. An emulator may take such a key, so that the test looks at each call.
func TestRule26_NoLengthMakesAnOperationFail(t *testing.T) {
	s := newScene(newWorld(t))
	tried := 0
	check := func(o contract.Operation, what string, got answer, within ...int) {
		t.Helper()
		tried++
		refused := got.status >= 400 && got.header.Get("Content-Type") == "application/problem+json"
		if got.status >= 500 || !refused && len(within) == 0 {
			t.Errorf("%s, %s too long: got %d %.200s", o.ID, what, got.status, got.raw)
		}
	}
	for _, o := range contract.All() {
		caller, r := s.right(o.Auth[0]), requests[o.ID]
		path, body := r.of(s, o)
		for n, part := range strings.Split(o.Path, "/") {
			if strings.HasPrefix(part, "{") {
				parts := strings.Split(path, "/")
				if parts[n] = tooLong; n == len(parts)-1 && strings.Contains(path, "?") {
					continue
				}
				check(o, part, s.call(caller, o.Method, strings.Join(parts, "/"), body))
			}
		}
		for at, longer := range lengthened(body) {
			if strings.HasPrefix(o.ID, "import-") || o.ID == "send-events" {
				check(o, at, s.call(caller, o.Method, path, longer), 200) // an item fails alone
				continue
			}
			check(o, at, s.call(caller, o.Method, path, longer))
		}
		headers := []string{auth.HeaderUser, auth.HeaderAccount, "Idempotency-Key", "If-Match", "If-None-Match"}
		for _, name := range headers {
			check(o, name, s.call(caller.with(name, tooLong), o.Method, path, body), 200)
		}
	}
	if tried < 500 {
		t.Errorf("%d requests were tried", tried)
	}
	if len(s.calls.tooLong) > 0 {
		t.Errorf("keys that DynamoDB refuses: %q", s.calls.tooLong)
	}
}
