package functions_test

import (
	"fmt"
	"testing"
)

// leaning lists an extension that depends on those.
func (a *actors) leaning(slug string, on ...string) {
	a.t.Helper()
	b, needs := coreBlueprint(), []object{}
	for _, o := range on {
		needs = append(needs, object{"extension_id": o})
	}
	b["dependencies"] = needs
	a.list(slug, []string{}, b)
}

func numbered(name string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%02d", name, i)
	}
	return all
}

// Twenty are one transaction, as many as it takes; and each is written in it with its token, its line in the roster and
// its place in the daily check.
func TestRule2_TwentyExtensionsAreEnabledAtOnce(t *testing.T) {
	a := newActors(newWorld(t))
	leaves := numbered("leaf", 17)
	for _, l := range leaves {
		a.leaning(l)
	}
	a.leaning("hub-one", leaves[:9]...)
	a.leaning("hub-two", leaves[9:]...)
	a.leaning("the-root", "hub-one", "hub-two")
	enabled := a.want(a.call(a.admin, "PUT", "/v1/installations/the-root", object{}), 202)
	if n := len(enabled.at("created").([]any)); n != 20 {
		t.Errorf("%d were enabled, want 20", n)
	}
	a.settle()
	a.state("the-root", "enabled")
	a.state(leaves[16], "enabled")
}
