package functions_test

import (
	"strings"
	"testing"
)

// Whatever has an ETag is changed by the same conditions.
func TestRule26_IfMatchTakesStarsAndLists(t *testing.T) {
	s := newScene(newWorld(t))
	for path, change := range map[string]struct {
		by     who
		method string
		body   func(n string) object
	}{
		"/v1/webhooks/" + s.ownHook: {s.admin, "PATCH", func(n string) object { return object{"name": n} }},
		"/v1/contracts/" + s.draft:  {s.admin, "PATCH", func(n string) object { return object{"name": n} }},
		"/v1/extensions/" + mainExtension + "/draft": {s.partner, "PUT", func(string) object {
			return object{"blueprint": coreBlueprint()}
		}},
	} {
		for form, status := range map[string]int{"{}": 200, "*": 200, `"999", {}`: 200, `{},"999"`: 200, "W/{}": 412,
			`"999"`: 412, `W/{}, "1000"`: 412} {
			tag := s.want(s.call(change.by, "GET", path, nil), 200).header.Get("ETag")
			got := s.call(change.by.with("If-Match", strings.ReplaceAll(form, "{}", tag)), change.method,
				path, change.body("n"+form))
			if got.status != status {
				t.Errorf("%s, If-Match: %s for %s: got %d %s, want %d", path, form, tag, got.status, got.raw, status)
			}
		}
	}
	if got := s.call(s.partner.with("If-Match", "*"), "PUT", "/v1/extensions/"+idleExtension+"/draft",
		object{"blueprint": coreBlueprint()}); got.status != 412 {
		t.Errorf("If-Match: * for a draft that is not there: got %d %s", got.status, got.raw)
	}
}
