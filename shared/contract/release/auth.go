package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	rules "plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// credentials compares how each model's credential travels, of which oasdiff makes nothing.
func credentials(before, after *openapi3.T) []Finding {
	var all []Finding
	for model, was := range before.Components.SecuritySchemes {
		is := after.Components.SecuritySchemes[model]
		if is == nil || is.Value.Type != was.Value.Type || is.Value.Scheme != was.Value.Scheme ||
			is.Value.In != was.Value.In || is.Value.Name != was.Value.Name {
			all = append(all, Finding{Class: Breaking, Operation: EveryOperation,
				What: "the credential of " + model + " travels another way"})
		}
	}
	return all
}

// auth compares, for every operation that was released, who gets in. It reads `security`, which the contract
// derives from the row, and the acting user.
func auth(before, after *openapi3.T) []Finding {
	var all []Finding
	for path, item := range before.Paths.Map() {
		now := after.Paths.Value(path)
		if now == nil {
			continue // a removed operation breaks already
		}
		for method, was := range item.Operations() {
			is := now.GetOperation(method)
			if is == nil {
				continue
			}
			for _, f := range authOf(was, is) {
				f.Operation = method + " " + path
				all = append(all, f)
			}
		}
	}
	return all
}

func authOf(was, is *openapi3.Operation) []Finding {
	before, after := ways(was), ways(is)
	var all []Finding
	for _, w := range after {
		if !admitted(w, before) {
			all = append(all, Finding{Class: Loosened, What: fmt.Sprintf("lets in %s, which %s did not", w, before)})
		}
	}
	for _, w := range before {
		if !admitted(w, after) {
			all = append(all, Finding{Class: Tightened, What: fmt.Sprintf("no longer lets in %s, only %s", w, after)})
		}
	}
	switch from, to := needsUser(was), needsUser(is); {
	case from && !to:
		all = append(all, Finding{Class: Loosened, What: "an acting user is not required any more"})
	case to && !from:
		all = append(all, Finding{Class: Tightened, What: "an acting user is required now"})
	}
	return all
}

// ways are the rules by which callers get in. Unknown security becomes a rule of its own, so that any change of it is
// found. No security at all is public.
func ways(o *openapi3.Operation) rules.Rules {
	if o.Security == nil || len(*o.Security) == 0 {
		return rules.AnyOf(rules.Public())
	}
	var all rules.Rules
	for _, alternative := range *o.Security {
		models := slices.Sorted(maps.Keys(alternative))
		switch {
		case len(models) == 0:
			all = append(all, rules.Public())
		case len(models) == 1 && rules.Model(models[0]) == rules.ModelDashboard:
			all = append(all, rules.Dashboard(domain.Role(strings.Join(alternative[models[0]], "+"))))
		default:
			name, needs := strings.Join(models, "+"), []string{}
			for _, m := range models {
				needs = append(needs, alternative[m]...)
			}
			all = append(all, rules.Rule{Model: rules.Model(name), Scope: domain.Scope(strings.Join(needs, "+"))})
		}
	}
	return all
}

// admitted tells whether everyone who comes by w gets in by one of others.
func admitted(w rules.Rule, others rules.Rules) bool {
	return slices.ContainsFunc(others, func(o rules.Rule) bool {
		switch {
		case o.Model == rules.ModelPublic:
			return true
		case o.Model != w.Model:
			return false
		case o.Model == rules.ModelDashboard:
			return w.Role.AtLeast(o.Role)
		default:
			return w == o
		}
	})
}

func needsUser(o *openapi3.Operation) bool {
	return o.Extensions["x-plugboard-acting-user"] == string(contract.RequiredActingUser)
}
