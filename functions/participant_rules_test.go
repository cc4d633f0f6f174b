package functions_test

import (
	"slices"
	"strings"
	"testing"
)

// openers is a published contract made through the main extension, and where sessions of its participant are opened.
type openers struct {
	*life
	sessions string
}

func newOpeners(t *testing.T) *openers {
	o := &openers{life: newLife(t)}
	made := o.want(o.call(o.integration(adminEmail), "POST", "/v1/contracts", contractOf(o.template)), 201)
	o.id, o.at = made.str("id"), "/v1/contracts/"+made.str("id")
	o.want(o.call(o.integration(adminEmail), "POST", o.at+"/publish", nil), 200)
	o.sessions = o.at + "/participants/" + made.str("participants", 0, "id") + "/sessions"
	return o
}

func TestSession_ATokenOpensItByItsOwnScopeOnly(t *testing.T) {
	o := newOpeners(t)
	token := func(scopes ...string) who {
		made := o.want(o.call(o.admin, "POST", "/v1/tokens",
			object{"name": strings.Join(scopes, " "), "scopes": scopes}), 201)
		return bearer(strings.Join(scopes, " "), made.str("token"))
	}
	o.refused(o.call(token("contracts:read", "contracts:write"), "POST", o.sessions, object{}), 403, "missing-scope")
	o.want(o.call(token("participants:act"), "POST", o.sessions, object{}), 201)

	without := crmBlueprint(o.receiver.URL)
	without["scopes"] = slices.DeleteFunc(without["scopes"].([]string), func(s string) bool {
		return s == "participants:act"
	})
	with := crmBlueprint(o.receiver.URL)
	o.submit(mainExtension, without)
	o.submit(mainExtension, with)
	diff := o.want(o.call(o.partner, "GET", versionOf(mainExtension, 2)+"/diff?against=3", nil), 200)
	if !strings.Contains(string(diff.raw), "scope-added") {
		t.Errorf("the scope needs no consent: %s", diff.raw)
	}
}

func TestSession_SaysWhoOpenedItWithTheSignatureAndItsEvent(t *testing.T) {
	o := newOpeners(t)
	opened := o.want(o.call(o.integration(adminEmail), "POST", o.sessions, object{}), 201)
	tokenID := opened.str("opened_by", "token_id")
	if tokenID == "" || opened.str("opened_by", "user_id") != "ada" ||
		opened.str("opened_by", "extension_id") != mainExtension {
		t.Errorf("the session was opened by %s", opened.raw)
	}
	ours := o.want(o.call(o.admin, "POST", o.sessions, object{}), 201)
	if ours.str("opened_by", "user_id") != "ada" || ours.at("opened_by", "token_id") != nil ||
		ours.at("opened_by", "extension_id") != nil {
		t.Errorf("the admin's session was opened by %s", ours.raw)
	}
	kim := bearer("kim", opened.str("token"))
	signed := o.want(o.call(kim, "POST", "/v1/session/sign", nil), 200)
	if signed.at("participant", "session_opened_by") != nil {
		t.Errorf("the participant sees the account's people: %s", signed.raw)
	}
	read := o.want(o.call(o.admin, "GET", o.at, nil), 200)
	if read.str("participants", 0, "session_opened_by", "token_id") != tokenID ||
		read.str("participants", 0, "session_opened_by", "user_id") != "ada" {
		t.Errorf("the signature is %s", read.raw)
	}
	told := false
	for _, e := range o.stored("event") {
		if eventType(e) == "participant.signed" {
			told = strings.Contains(string(blob(e, "body")), `"session_opened_by":{"user_id":"ada","token_id":"`+
				tokenID+`","extension_id":"`+mainExtension+`"}`)
		}
	}
	if !told {
		t.Error("participant.signed does not say who opened the session")
	}
}

func TestRule29_AFieldSaysWhoFillsIt(t *testing.T) {
	s := newSigning(t)
	at := "/v1/template-types/" + s.typeID + "/fields"
	s.want(s.call(s.admin, "POST", at, object{"custom_id": "note", "name": "Note", "kind": "text"}), 201)
	give := func(values ...object) object { return object{"data_fields": values} }
	note, order := object{"custom_id": "note", "value": "ours"}, object{"custom_id": "order_number", "value": "5"}
	s.refusedFields(s.call(s.kim, "PATCH", "/v1/session/data-fields", give(order, note)), "/data_fields/1/custom_id")
	s.refusedFields(s.call(s.kim, "PATCH", "/v1/session/data-fields", object{"data_fields": []object{note}, "more": 1}),
		"/data_fields/0/custom_id", "/more")
	s.want(s.call(s.member, "PATCH", s.at+"/data-fields", give(order, note)), 200)
	fillers := func() string {
		seen := s.want(s.call(s.kim, "GET", "/v1/session/contract", nil), 200)
		var all []string
		for n := range seen.at("data_fields").([]any) {
			all = append(all, seen.str("data_fields", n, "custom_id")+":"+seen.str("data_fields", n, "filled_by"))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	if got, want := fillers(), "amount:participants due:participants note:account order_number:participants "+
		"urgent:participants"; got != want {
		t.Errorf("the fields are filled by %s, want %s", got, want)
	}
	before := s.want(s.call(s.kim, "GET", "/v1/session/contract", nil), 200).at("fields_version")
	s.refused(s.call(s.admin, "PATCH", at+"/order_number", object{"filled_by": "account"}), 409, "managed-resource")
	s.want(s.call(s.admin, "PATCH", at+"/note", object{"filled_by": "participants"}), 200)
	s.refused(s.call(s.kim, "PATCH", "/v1/session/data-fields",
		object{"data_fields": []object{order}, "fields_version": before}), 409, "data-field-changed")
	s.want(s.call(s.kim, "PATCH", "/v1/session/data-fields", give(object{"custom_id": "note", "value": "theirs"})), 200)
	s.want(s.call(s.admin, "PATCH", at+"/note", object{"filled_by": "account"}), 200)
	s.refusedFields(s.call(s.kim, "PATCH", "/v1/session/data-fields", give(note)), "/data_fields/0/custom_id")
}
