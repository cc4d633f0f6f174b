package functions_test

import "testing"

// Numbers at the ends of DynamoDB's range, and of more digits than it keeps, go through a draft, a blueprint's bounds
// and a parameter as the JSON numbers that they are.
func TestRule7_NumbersAtTheEndsOfTheRangeAreKept(t *testing.T) {
	const digits = 123456789012345678901234567890123456789.0 // 39 of them; a float64 keeps 17
	a := newActors(newWorld(t))
	for n, value := range []float64{1e125, 9.99e125, -9.99e125, 1e-130, -1e-130, digits, -digits, 0, 5e-1, 1 << 53} {
		slug := "acme-edge-" + string(rune('a'+n))
		b := coreBlueprint()
		amount := object{"type": "number", "minimum": value, "maximum": value, "default": value,
			"enum": []float64{value}}
		b["parameters"] = object{"type": "object", "properties": object{"amount": amount}}
		a.list(slug, []string{}, b)
		draft := "/v1/extensions/" + slug + "/draft"
		a.want(a.call(a.partner, "PUT", draft, object{"blueprint": b}), 200)
		read := a.want(a.call(a.partner, "GET", draft, nil), 200)
		for _, name := range []string{"minimum", "maximum", "default"} {
			if got := read.at("blueprint", "parameters", "properties", "amount", name); got != value {
				t.Errorf("%v: the draft has the %s %v", value, name, got)
			}
		}
		given := object{"parameters": object{slug: object{"amount": value}}}
		a.want(a.call(a.admin, "PUT", "/v1/installations/"+slug, given), 202)
		installed := a.want(a.call(a.admin, "GET", "/v1/installations/"+slug, nil), 200)
		if got := installed.at("parameters", "amount"); got != value {
			t.Errorf("%v: the installation has %v", value, got)
		}
	}
	for _, beyond := range []string{"1e126", "-1e126", "9.999999e-131", "1e400", "1e-400"} {
		body := `{"blueprint":{"scopes":[],"template_types":[],"webhooks":[],"parameters":{"type":"object",` +
			`"properties":{"amount":{"type":"number","maximum":` + beyond + `}}}}}`
		got := a.call(a.partner, "PUT", "/v1/extensions/acme-edge-a/draft", body)
		a.refusedFields(got, "/blueprint/parameters/properties/amount/maximum")
	}
}
