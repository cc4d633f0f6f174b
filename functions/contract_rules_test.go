package functions_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/functions/contracts"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

func TestRule8_NoDoorChangesAManagedDefinition(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	hooks := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
	hook := "/v1/webhooks/" + hooks.str("items", 0, "id")
	field := "/v1/template-types/" + typeID + "/fields/order_number"
	own := a.integration(adminEmail)
	doors := map[string]answer{
		"delete the webhook":              a.call(a.admin, "DELETE", hook, nil),
		"change the webhook's URL":        a.call(a.admin, "PATCH", hook, object{"url": "https://evil.test/"}),
		"change its filter, and pause it": a.call(a.admin, "PATCH", hook, object{"event_types": nil, "paused": true}),
		"delete the template type":        a.call(a.admin, "DELETE", "/v1/template-types/"+typeID, nil),
		"rename the template type": a.call(a.admin, "PATCH", "/v1/template-types/"+typeID,
			object{"name": "Mine"}),
		"delete the field": a.call(a.admin, "DELETE", field, nil),
		"replace all fields without it": a.call(a.admin, "PUT", "/v1/template-types/"+typeID+"/fields",
			object{"fields": []object{}}),
		"change the field's kind":      a.call(a.admin, "PATCH", field, object{"kind": "date"}),
		"rename the field":             a.call(a.admin, "PATCH", field, object{"name": "Mine"}),
		"give the field a default":     a.call(a.admin, "PATCH", field, object{"default": "x", "active": false}),
		"the same by the token itself": a.call(own, "PATCH", field, object{"name": "Mine"}),
	}
	before := a.dump()
	for door, got := range doors {
		if got.status != 409 || got.str("code") != "managed-resource" ||
			!strings.Contains(got.str("detail"), mainExtension) {
			t.Errorf("to %s answered %d %s, want 409 managed-resource naming %s", door, got.status, got.raw,
				mainExtension)
		}
	}
	if active := a.want(a.call(a.admin, "GET", "/v1/template-types/"+typeID, nil), 200).at("fields",
		0, "active"); active != true || before != a.dump() {
		t.Errorf("a refused change left something behind")
	}
	a.want(a.call(a.admin, "PATCH", field, object{"active": false}), 200)
	a.want(a.call(a.admin, "PATCH", hook, object{"paused": true}), 200)
}

func TestRule9_NobodyButProvisioningMakesSystemThings(t *testing.T) {
	a := newActors(newWorld(t))
	a.refusedFields(a.call(a.admin, "POST", "/v1/template-types", object{
		"name": "Mine", "extension_type": "acme-crm",
		"fields": []object{{"custom_id": "a", "name": "A", "kind": "text", "source": "system"}},
	}), "/extension_type", "/fields/0/source")
	a.refused(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": mainExtension, "name": "Thief", "template_type_keys": []string{}}), 409, "slug-taken")
	a.refusedFields(a.call(a.partner, "POST", "/v1/extensions", object{"slug": "acme_crm", "name": "Look-alike",
		"template_type_keys": []string{"a_b"}}), "/slug", "/template_type_keys/0")
}

func TestRule11_SubmitRefusesWithAllTheReasons(t *testing.T) {
	a := newActors(newWorld(t))
	bad := crmBlueprint("ftp://crm.test")
	types := bad["template_types"].([]object)
	types[1]["key"] = "nowhere"
	types[0]["fields"] = append(types[0]["fields"].([]object), object{"custom_id": " Order_Number", "name": "Again",
		"kind": "text"}, object{"custom_id": "when", "name": "When", "kind": "date", "default": "soon"})
	hook := bad["webhooks"].([]object)[0]
	hook["event_types"] = []string{"contract.signed", "contract.eaten"}
	hook["headers"] = object{"X-A": "{{nobody}}", "Webhook-Id": "mine"}
	hook["context"] = object{"key": "{{api_key}}"}
	bad["scopes"] = []string{"everything"}
	bad["dependencies"] = []object{{"extension_id": mainExtension}, {"extension_id": "nowhere"}}
	a.refusedFields(a.call(a.partner, "POST", "/v1/extensions/"+mainExtension+"/versions", object{"blueprint": bad}),
		"/blueprint/scopes/0",
		"/blueprint/template_types/0/fields/4/custom_id", "/blueprint/template_types/0/fields/5/default",
		"/blueprint/template_types/1/key",
		"/blueprint/webhooks/0/url", "/blueprint/webhooks/0/event_types/1", "/blueprint/webhooks/0/headers/Webhook-Id",
		"/blueprint/webhooks/0/headers/X-A", "/blueprint/webhooks/0/context/key",
		"/blueprint/dependencies/0/extension_id", "/blueprint/dependencies/1/extension_id",
	)
	if got := a.want(a.call(a.partner, "GET", "/v1/extensions/"+mainExtension, nil),
		200).at("latest_version"); got != 1.0 {
		t.Errorf("a refused submission raised the version to %v", got)
	}
}

// refusedFields expects 422 with exactly these pointers.
func (a *actors) refusedFields(got answer, want ...string) {
	a.t.Helper()
	pointers := got.pointers()
	slices.Sort(pointers)
	slices.Sort(want)
	if got.status != 422 || !slices.Equal(pointers, want) {
		a.t.Errorf("got %d with pointers %q, want 422 with %q: %s", got.status, pointers, want, got.raw)
	}
}

func TestRule12_EveryWrongValueIsReportedAtOnceAndNothingIsCreated(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	template := a.template(typeID)
	a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+typeID+"/fields/urgent", object{"active": false}), 200)
	long := strings.Repeat("ä", 1025)
	a.refusedFields(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template,
		[2]string{"order_number", long}, [2]string{"ORDER_NUMBER", "2"}, [2]string{"amount", "a lot"},
		[2]string{"due", "2026-02-30"}, [2]string{"urgent", "true"}, [2]string{"reason", "foreign"},
	)), "/data_fields/0/value", "/data_fields/1/custom_id", "/data_fields/2/value", "/data_fields/3/value",
		"/data_fields/4/custom_id", "/data_fields/5/custom_id")
	if left := a.stored("contract"); len(left) != 0 {
		t.Errorf("a refused creation left %d contracts", len(left))
	}
	made := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(template, [2]string{"order_number", strings.Repeat("ä", 1024)})), 201)
	if got := len(made.at("values").([]any)); got != 2 {
		t.Errorf("the contract has %d values, want the one given and the default of the amount: %s", got, made.raw)
	}
}

func TestRule12_AnExtensionCreatesFromItsOwnTypesOnly(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	own := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	a.refusedFields(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(a.template(own))),
		"/template_id")
	a.refusedFields(a.call(a.integration(memberEmail), "POST", "/v1/contracts",
		object{"name": "x", "workspace_id": "legal", "template_id": "tpl_none"}), "/workspace_id", "/template_id")
	a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(a.template(own))), 201)
}

// between runs do once, right before the store's next transaction.
func between(do func()) func(*dynamodb.Options) {
	done := false
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			if stack.ID() != "TransactWriteItems" {
				return nil
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("between",
				func(ctx context.Context, in middleware.InitializeInput,
					next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if !done {
						done = true
						do()
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		})
	}
}

func TestRule13_AFlagThatChangesDuringCreationFailsIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	template := a.template(typeID)
	seen := int(a.want(a.call(a.admin, "GET", "/v1/template-types/"+typeID, nil), 200).at("fields_version").(float64))
	active := true
	flip := func() {
		active = !active
		a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+typeID+"/fields/urgent", object{"active": active}), 200)
	}
	creating := func(version int, during func()) error {
		s := contracts.New(a.tables.At(a.now, between(during)), a.now, domain.NewID)
		user, err := a.tables.User(t.Context(), a.account, "ada")
		must(t, err)
		in := &contract.CreateContractInput{}
		in.Body.Name, in.Body.Workspace, in.Body.Template, in.Body.FieldsVersion = "Order", "sales",
			domain.TemplateID(template), version
		_, err = s.Create(auth.With(t.Context(), auth.Caller{Account: a.account, User: &user}), in)
		return err
	}
	if err := creating(0, flip); !isCode(err, "data-field-changed") {
		t.Errorf("a flag changed during creation gave %v, want data-field-changed", err)
	}
	if err := creating(seen, func() {}); !isCode(err, "data-field-changed") {
		t.Errorf("a flag changed since the caller read it gave %v, want data-field-changed", err)
	}
	if err := creating(seen+1, func() {}); err != nil {
		t.Errorf("nothing changed since the caller read it, and creation failed: %v", err)
	}
	if got := len(a.stored("contract")); got != 1 {
		t.Errorf("got %d contracts, want the last alone", got)
	}
	at := "/v1/installations/" + mainExtension
	if err := creating(0, func() {
		a.want(a.call(a.admin, "POST", at+"/suspend", nil), 200)
	}); !isCode(err, "data-field-changed") {
		t.Errorf("suspending during creation gave %v, want data-field-changed", err)
	}
	a.want(a.call(a.admin, "POST", at+"/resume", nil), 200)
	if err := creating(0, func() {
		a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
	}); !isCode(err, "data-field-changed") {
		t.Errorf("disabling during creation gave %v, want data-field-changed", err)
	}
}

func TestRule15_OriginIsTheInstallationWhoseTokenCreated(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	through := a.want(a.call(a.integration(memberEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	direct := a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(template)), 201)
	if got := []string{through.str("origin_extension_id"), direct.str("origin_extension_id")}; got[0] !=
		mainExtension || got[1] != "" {
		t.Errorf("the origins are %q, want %s and none", got, mainExtension)
	}
	a.want(a.call(a.integration(memberEmail), "GET", "/v1/contracts/"+through.str("id"), nil), 200)
	a.refused(a.call(a.integration(memberEmail), "GET", "/v1/contracts/"+direct.str("id"), nil), 404, "not-found")
}

func TestContract_LifecycleAndIfMatch(t *testing.T) {
	a := newActors(newWorld(t))
	own := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	made := a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(a.template(own))), 201)
	at := "/v1/contracts/" + made.str("id")
	a.refused(a.call(a.member, "POST", at+"/sign", nil), 409, "contract-state")
	a.refused(a.call(a.member.with("If-Match", `"7"`), "POST", at+"/publish", nil), 412, "stale")
	published := a.want(a.call(a.member.with("If-Match", made.header.Get("ETag")), "POST", at+"/publish", nil), 200)
	a.refused(a.call(a.member.with("If-Match", made.header.Get("ETag")), "POST", at+"/decline", nil), 412, "stale")
	a.want(a.call(platformFor(a.account).with("If-Match", published.header.Get("ETag")), "POST", at+"/sign", nil), 200)
	a.refused(a.call(a.member, "POST", at+"/decline", nil), 409, "contract-state")
	var types []string
	for _, e := range a.stored("event") {
		types = append(types, fmt.Sprint(eventType(e)))
	}
	slices.Sort(types)
	if want := []string{"contract.created", "contract.published", "contract.signed"}; !slices.Equal(types, want) {
		t.Errorf("the events are %v, want %v", types, want)
	}
}
