package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRule8_AManagedTokenIsNotRevoked(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	managed := a.installation(mainExtension).str("token_id")
	refusal := a.refused(a.call(a.admin, "DELETE", "/v1/tokens/"+managed, nil), 409, "managed-resource")
	if !strings.Contains(refusal.str("detail"), mainExtension) {
		t.Errorf("the refusal does not name the extension: %s", refusal.raw)
	}
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
}

func TestToken_OneOfTheAccountsOwnWorksUntilRevokedOrEnded(t *testing.T) {
	a := newActors(newWorld(t))
	make := func() (who, string) {
		made := a.want(a.call(a.admin, "POST", "/v1/tokens",
			object{"name": "Export", "scopes": []string{"templates:read", "contracts:write"},
				"expires_in_days": 2}), 201)
		return bearer("own", made.str("token")).with("Plugboard-User", adminEmail), made.str("id")
	}
	first, id := make()
	second, _ := make()
	a.want(a.call(first, "GET", "/v1/templates", nil), 200)
	list := a.want(a.call(a.admin, "GET", "/v1/tokens", nil), 200)
	if list.str("items", 0, "name") != "Export" || list.str("items", 0, "created_by") != "ada" ||
		len(list.str("items", 0, "prefix")) != 14 || list.str("items", 0, "last_used_at") == "" ||
		list.str("items", 1, "last_used_at") != "" {
		t.Errorf("the list shows %s", list.raw)
	}
	a.want(a.call(a.admin, "DELETE", "/v1/tokens/"+id, nil), 204)
	a.refused(a.call(first, "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.want(a.call(second, "GET", "/v1/templates", nil), 200)
	a.pass(49 * time.Hour)
	a.refused(a.call(second, "GET", "/v1/templates", nil), 401, "unauthenticated")
}

func TestRule15_AContractByTheAccountsOwnTokenHasNoOrigin(t *testing.T) {
	a := newActors(newWorld(t))
	typeID := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	token := a.want(a.call(a.admin, "POST", "/v1/tokens", object{"name": "App", "scopes": []string{"contracts:write"}}),
		201).str("token")
	made := a.want(a.call(bearer("own", token).with("Plugboard-User", memberEmail), "POST", "/v1/contracts",
		contractOf(a.template(typeID))), 201)
	if made.str("origin_extension_id") != "" || made.str("created_by") != "mel" {
		t.Errorf("the contract is %s", made.raw)
	}
}

func TestMe_SaysWhatATokenStandsFor(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	me := a.want(a.call(a.integration(memberEmail), "GET", "/v1/me", nil), 200)
	if me.str("account_id") != "customer" || me.str("installation", "extension_id") != mainExtension ||
		me.str("installation", "parameters", "customer_id") != "C-1001" ||
		me.str("user", "id") != "mel" || len(me.at("token", "scopes").([]any)) != 9 ||
		strings.Contains(string(me.raw), "sesame") {
		t.Errorf("got %s", me.raw)
	}
	lower := who{"lower case", [][2]string{{"authorization", "bearer " + a.token}}}
	a.want(a.call(lower, "GET", "/v1/me", nil), 200)
	if me := a.want(a.call(a.member, "GET", "/v1/me", nil), 200); me.str("auth_model") != "dashboard" ||
		me.str("user", "role") != "member" {
		t.Errorf("got %s", me.raw)
	}
}

func TestRule14_TheHelperShowsWhatTheActingUserMayCreateFrom(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order := a.templateType("acme-crm")
	own := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	templateIn := func(workspace, name, typeID string) {
		a.want(a.call(a.admin, "POST", "/v1/templates",
			object{"name": name, "workspace_id": workspace, "template_type_id": typeID}), 201)
	}
	templateIn("sales", "B", order)
	templateIn("sales", "A", order)
	templateIn("sales", "C", own)
	templateIn("legal", "D", order)
	a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+order+"/fields/urgent", object{"active": false}), 200)

	shown := func(by who, query string) string {
		t.Helper()
		got := a.want(a.call(by, "GET", "/v1/helpers/contract-create-data"+query, nil), 200)
		var lines []string
		for w := range got.at("items").([]any) {
			for n := range got.at("items", w, "templates").([]any) {
				lines = append(lines, got.str("items", w, "id")+"/"+got.str("items", w, "templates", n, "name"))
			}
		}
		return strings.Join(lines, " ")
	}
	for _, test := range []struct {
		by          who
		query, want string
	}{
		{a.integration(adminEmail), "?extension_type=acme-crm", "legal/D sales/A sales/B"},
		{a.integration(memberEmail), "?extension_type=acme-crm", "sales/A sales/B"},
		{a.integration(adminEmail), "", "legal/D sales/A sales/B"},
		{a.integration(adminEmail), "?extension_type=acme-crm_addendum", ""},
		{a.integration(adminEmail), "?extension_type=acme-crm_addendum&extension_type=acme-crm",
			"legal/D sales/A sales/B"},
		{a.integration(adminEmail), "?template_type_id=" + own, ""}, // not the extension's
		{a.member, "", "sales/A sales/B sales/C"},
		{a.member, "?template_type_id=" + own, "sales/C"},
		{a.member, "?template_type_id=" + order, ""}, // by its extension type only
	} {
		if got := shown(test.by, test.query); got != test.want {
			t.Errorf("%s%s: got %q, want %q", test.by.name, test.query, got, test.want)
		}
	}
	got := a.want(a.call(a.integration(adminEmail), "GET", "/v1/helpers/contract-create-data", nil), 200)
	var fields []string
	for n := range got.at("template_types", 0, "data_fields").([]any) {
		fields = append(fields, got.str("template_types", 0, "data_fields", n, "custom_id"))
	}
	if want := []string{"order_number", "amount", "due"}; !slices.Equal(fields, want) {
		t.Errorf("the usable fields are %v, want %v", fields, want)
	}
	stale := contractOf(a.template(order))
	stale["fields_version"] = got.at("template_types", 0, "fields_version")
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", stale), 201)
	a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+order+"/fields/urgent", object{"active": true}), 200)
	a.refused(a.call(a.integration(adminEmail), "POST", "/v1/contracts", stale), 409, "data-field-changed")
}

func TestDataFields_EveryEditAndWhatItMustNotTouch(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	at := "/v1/template-types/" + a.templateType("acme-crm")
	version := func() float64 { return a.want(a.call(a.admin, "GET", at, nil), 200).at("fields_version").(float64) }
	ids := func() string {
		got := a.want(a.call(a.admin, "GET", at, nil), 200)
		var all []string
		for n := range got.at("fields").([]any) {
			all = append(all, fmt.Sprintf("%s:%s", got.str("fields", n, "custom_id"),
				got.str("fields", n, "source")[:1]))
		}
		return strings.Join(all, " ")
	}
	before := version()
	a.want(a.call(a.admin, "POST", at+"/fields", object{"custom_id": "Mine", "name": "Mine", "kind": "text"}), 201)
	a.refusedFields(a.call(a.admin, "POST", at+"/fields",
		object{"custom_id": "m i n e", "name": "Again", "kind": "date", "default": "soon"}), "/custom_id", "/default")
	if got, want := ids(), "order_number:s amount:s urgent:s due:s Mine:u"; got != want || version() != before {
		t.Errorf("after adding: %s at version %v, want %s at %v", got, version(), want, before)
	}
	a.refusedFields(a.call(a.admin, "PUT", at+"/field-order",
		object{"custom_ids": []string{"mine", "due", "nobody", "due"}}), "/custom_ids/2", "/custom_ids/3",
		"/custom_ids")
	a.want(a.call(a.admin, "PUT", at+"/field-order",
		object{"custom_ids": []string{"mine", "due", "urgent", "amount", "order_number"}}), 200)
	if got, want := ids(), "Mine:u due:s urgent:s amount:s order_number:s"; got != want || version() != before {
		t.Errorf("after ordering: %s at version %v, want %s at %v", got, version(), want, before)
	}
	a.want(a.call(a.admin, "PATCH", at+"/fields/mine", object{"kind": "number"}), 200)
	if version() != before+1 {
		t.Errorf("a changed kind left the version at %v", version())
	}

	system := []object{
		{"custom_id": "due", "name": "Due", "kind": "date"},
		{"custom_id": "urgent", "name": "Urgent", "kind": "checkbox", "active": false},
		{"custom_id": "amount", "name": "Amount", "kind": "number", "default": "0"},
		{"custom_id": "order_number", "name": "Order number", "kind": "text"},
	}
	for _, f := range system {
		f["filled_by"] = "participants"
	}
	a.refused(a.call(a.admin, "PUT", at+"/fields", object{"fields": system[1:]}), 409, "managed-resource")
	changed := append([]object{{"custom_id": "due", "name": "Mine now", "kind": "date"}}, system[1:]...)
	a.refused(a.call(a.admin, "PUT", at+"/fields", object{"fields": changed}), 409, "managed-resource")
	a.want(a.call(a.admin, "PUT", at+"/fields",
		object{"fields": append(slices.Clone(system), object{"custom_id": "new", "name": "New", "kind": "text"})}), 200)
	if got, want := ids(), "due:s urgent:s amount:s order_number:s new:u"; got != want || version() != before+2 {
		t.Errorf("after replacing: %s at version %v, want %s at %v", got, version(), want, before+2)
	}
	a.refused(a.call(a.admin, "DELETE", at+"/fields/due", nil), 409, "managed-resource")
	a.want(a.call(a.admin, "DELETE", at+"/fields/NEW", nil), 200)
	a.refused(a.call(a.admin, "DELETE", at+"/fields/new", nil), 404, "not-found")
}

func TestRule26_AnotherAccountsIDsInABodyReadAsMissing(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order := a.templateType("acme-crm")
	template := a.template(order)
	stranger := a.dashboard("other", "ada") // whose account has a workspace `sales` too
	a.refusedFields(a.call(stranger, "POST", "/v1/templates",
		object{"name": "Mine", "workspace_id": "sales", "template_type_id": order}), "/template_type_id")
	a.refusedFields(a.call(stranger, "POST", "/v1/contracts", contractOf(template)), "/template_id")
	missing := a.call(stranger, "POST", "/v1/contracts", contractOf("tpl_none"))
	foreign := a.call(stranger, "POST", "/v1/contracts", contractOf(template))
	if got, want := string(foreign.raw), string(missing.raw); got != want {
		t.Errorf("another account's template reads as %s, a missing one as %s", got, want)
	}
}
