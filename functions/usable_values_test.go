package functions_test

import (
	"strings"
	"testing"
)

// The documents: a data field that is not active acts as a removed one, wherever a value is shown for something new.
func TestRule14_ValuesThatCreationWouldRefuseAreNotShown(t *testing.T) {
	a := newActors(newWorld(t))
	typeID := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Order", "fields": []object{
		{"custom_id": "kept", "name": "Kept", "kind": "text"}, {"custom_id": "off", "name": "Off", "kind": "text"},
		{"custom_id": "gone", "name": "Gone", "kind": "text"},
	}}), 201).str("id")
	template := a.want(a.call(a.admin, "POST", "/v1/templates", object{
		"name": "Standard", "workspace_id": "sales", "template_type_id": typeID,
		"data_fields": []object{{"custom_id": "kept", "value": "of-kept"}, {"custom_id": "off", "value": "of-off"},
			{"custom_id": "gone", "value": "of-gone"}},
	}), 201).str("id")
	fields := "/v1/template-types/" + typeID + "/fields/"
	shows := func(when, want string) {
		t.Helper()
		for _, at := range []string{"/v1/templates", "/v1/templates/" + template,
			"/v1/helpers/contract-create-data?template_type_id=" + typeID} {
			raw := string(a.want(a.call(a.member, "GET", at, nil), 200).raw)
			for _, value := range []string{"of-kept", "of-off", "of-gone"} {
				if got := strings.Contains(raw, value); got != strings.Contains(want, value) {
					t.Errorf("%s: %s shows %s: %v", when, at, value, got)
				}
			}
		}
	}
	shows("at first", "of-kept of-off of-gone")
	a.want(a.call(a.admin, "PATCH", fields+"off", object{"active": false}), 200)
	a.want(a.call(a.admin, "DELETE", fields+"gone", nil), 200)
	shows("one off, one deleted", "of-kept")
	a.want(a.call(a.admin, "PATCH", fields+"off", object{"active": true}), 200)
	shows("on again", "of-kept of-off")
}
