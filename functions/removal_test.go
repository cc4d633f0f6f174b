package functions_test

import (
	"bytes"
	"testing"
)

func TestRule27_ADeletedUserIsNobodyAnywhereAndWhatTheUserMadeStays(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.enableHandOff()
	made := a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(a.template(a.templateType("acme-crm")))), 201).str("id")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 200)
	code := a.handOff("").code
	a.putUser(a.account, "zoe", "zoe@customer.test", "admin")
	at := "/v1/accounts/customer/users/ada"
	a.want(a.call(platform, "DELETE", at, nil), 204)
	a.refused(a.call(platform, "DELETE", at, nil), 404, "not-found")

	a.refused(a.call(a.admin, "GET", "/v1/me", nil), 401, "unauthenticated")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 422)
	a.want(a.exchange(a.partner, code), 422)
	zoe := a.dashboard(a.account, "zoe")
	if got := a.want(a.call(zoe, "GET", "/v1/contracts/"+made, nil), 200); got.str("created_by") != "ada" {
		t.Errorf("the contract reads %s", got.raw)
	}
	a.putUser(a.account, "zoe", adminEmail, "admin") // the e-mail is free
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 200)
	a.want(a.call(a.dashboard("other", "ada"), "GET", "/v1/me", nil), 200)
	a.putUser(a.account, "ada", "again@customer.test", "member")
	a.refused(a.call(a.admin, "POST", "/v1/tokens", object{"name": "N", "scopes": []string{}}), 403, "missing-role")

	a.want(a.call(platform, "DELETE", "/v1/accounts/customer", nil), 202)
	a.refused(a.call(platform, "DELETE", at, nil), 404, "not-found")
}

func TestRule27_ADeletedTemplateIsGoneForNewContractsAlone(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	template := a.template(typeID)
	made := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template, [2]string{"order_number", "7"})), 201).str("id")
	a.want(a.call(a.admin, "DELETE", "/v1/templates/"+template, nil), 204)

	got := a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(template)), 422)
	if pointers := got.pointers(); len(pointers) != 1 || pointers[0] != "/template_id" {
		t.Errorf("got %s", got.raw)
	}
	offered := a.want(a.call(a.admin, "GET", "/v1/helpers/contract-create-data?extension_type=acme-crm", nil), 200)
	if bytes.Contains(offered.raw, []byte(template)) {
		t.Errorf("the helper still offers %s", offered.raw)
	}
	at := "/v1/contracts/" + made
	a.want(a.call(a.admin, "PATCH", at+"/data-fields", object{"data_fields": []object{{"custom_id": "order_number", "value": "8"}}}), 200)
	a.want(a.call(a.integration(adminEmail), "POST", at+"/publish", nil), 200)
	if left := a.want(a.call(a.admin, "POST", at+"/sign", nil), 200); left.str("template_id") != template || left.str("values", 0, "value") != "8" {
		t.Errorf("the contract reads %s", left.raw)
	}

	// The type of its own is free with the last template of it.
	own := a.ownTypeInUse()
	a.refused(a.call(a.integration(adminEmail), "DELETE", "/v1/templates/own-1", nil), 404, "not-found") // no extension's
	a.want(a.call(a.admin, "DELETE", "/v1/templates/own-1", nil), 204)
	a.refused(a.call(a.admin, "DELETE", "/v1/template-types/"+own, nil), 409, "template-type-in-use")
	a.want(a.call(platformFor(a.account), "DELETE", "/v1/templates/own-2", nil), 204)
	a.want(a.call(a.admin, "DELETE", "/v1/template-types/"+own, nil), 204)
	a.want(a.call(a.integration(adminEmail), "DELETE", "/v1/templates/"+a.template(typeID), nil), 204)
}
