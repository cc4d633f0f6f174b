package functions_test

import (
	"sync"
	"testing"
	"time"
)

// What a session reaches besides, TestAuth_EveryOperationRefusesEveryWrongCaller says: nothing.

// signing is a published contract with two participants and a session of each.
type signing struct {
	*life
	kim, lee who
}

func newSigning(t *testing.T) *signing {
	s := &signing{life: newLife(t)}
	body := contractOf(s.template, [2]string{"order_number", "1"}, [2]string{"urgent", "true"})
	body["participants"] = []object{{"name": "Kim", "email": "kim@example.test"},
		{"name": "Lee", "email": "lee@example.test"}}
	made := s.create(body)
	s.want(s.call(s.member, "POST", s.at+"/publish", nil), 200)
	s.kim, s.lee = s.sessionOf(s.id, made.str("participants", 0, "id")),
		s.sessionOf(s.id, made.str("participants", 1, "id"))
	return s
}

// dead expects a session to prove nothing at any door.
func (l *life) dead(session who) {
	l.t.Helper()
	l.refused(l.call(session, "GET", "/v1/session/contract", nil), 401, "unauthenticated")
	l.refused(l.call(session, "PATCH", "/v1/session/data-fields", newValues), 401, "unauthenticated")
	l.refused(l.call(session, "POST", "/v1/session/sign", nil), 401, "unauthenticated")
	l.refused(l.call(session, "POST", "/v1/session/decline", nil), 401, "unauthenticated")
}

// Rule 5: what an extension's token made ends with it, and what the account made does not.
func TestRule5_ASessionThatAnExtensionMadeEndsWithIt(t *testing.T) {
	s := newSigning(t)
	through := s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.template)), 201)
	at := "/v1/contracts/" + through.str("id")
	s.want(s.call(s.integration(adminEmail), "POST", at+"/publish", nil), 200)
	sessions := at + "/participants/" + through.str("participants", 0, "id") + "/sessions"
	made := bearer("the extension's session",
		s.want(s.call(s.integration(adminEmail), "POST", sessions, object{}), 201).str("token"))
	ours := bearer("the account's session", s.want(s.call(s.admin, "POST", sessions, object{}), 201).str("token"))
	read := func(by who) answer { return s.call(by, "GET", "/v1/session/contract", nil) }
	installation := "/v1/installations/" + mainExtension

	s.want(read(made), 200)
	s.want(s.call(s.admin, "POST", installation+"/suspend", nil), 200)
	s.refused(read(made), 403, "installation-suspended")
	s.refused(s.call(made, "POST", "/v1/session/sign", nil), 403, "installation-suspended")
	s.want(read(ours), 200)
	s.want(s.call(s.admin, "POST", installation+"/resume", nil), 200)
	s.want(read(made), 200)

	s.want(s.call(s.admin, "POST", installation+"/disable", nil), 202)
	s.dead(made)
	s.settle()
	s.enable()
	s.dead(made)
	s.want(read(ours), 200)
}

func TestSession_SeesAndFillsItsContractOnly(t *testing.T) {
	s := newSigning(t)
	first := s.id
	s.want(s.call(s.admin, "PATCH", "/v1/template-types/"+s.typeID+"/fields/urgent", object{"active": false}), 200)
	seen := s.want(s.call(s.kim, "GET", "/v1/session/contract", nil), 200)
	if seen.str("id") != first || seen.str("participant", "name") != "Kim" || seen.str("others", 0, "name") != "Lee" ||
		seen.at("others", 0, "email") != nil || seen.at("account_id") != nil {
		t.Errorf("the participant sees %s", seen.raw)
	}
	active := map[string]any{}
	for n := range seen.at("data_fields").([]any) {
		active[seen.str("data_fields", n, "custom_id")] = seen.at("data_fields", n, "active")
	}
	if len(active) != 4 || active["order_number"] != true || active["urgent"] != false || active["due"] != true {
		t.Errorf("the participant sees the fields %v", active)
	}
	s.refusedFields(s.call(s.kim, "PATCH", "/v1/session/data-fields",
		object{"data_fields": []object{{"custom_id": "urgent", "value": "false"},
			{"custom_id": "due", "value": "soon"}}}), "/data_fields/0/custom_id", "/data_fields/1/value")
	s.refused(s.call(s.kim.with("If-Match", `"1"`), "PATCH", "/v1/session/data-fields", newValues), 412, "stale")
	s.want(s.call(s.kim.with("If-Match", seen.header.Get("ETag")), "PATCH", "/v1/session/data-fields", newValues), 200)
	s.want(s.call(s.kim, "PATCH", "/v1/session/data-fields", newValues), 200) // again: nothing to change
	if got := valuesOf(s.want(s.call(s.member, "GET", s.at, nil), 200)); got != "order_number=8 amount=9 urgent=true" {
		t.Errorf("the contract's values are %s", got)
	}
	s.tells("contract.created contract.published data_field.updated")
	s.refused(s.call(s.kim, "GET", s.at, nil), 403, "wrong-credential")
}

func TestSession_ContractIsSignedWhenAllHaveSigned(t *testing.T) {
	s := newSigning(t)
	once := s.lee.with("Idempotency-Key", "lee signs")
	half := s.want(s.call(s.kim, "POST", "/v1/session/sign", nil), 200)
	if half.str("state") != "published" || half.str("participant", "signed_at") == "" {
		t.Errorf("after one of two signatures the contract is %s", half.raw)
	}
	s.refused(s.call(s.kim, "POST", "/v1/session/sign", nil), 409, "already-signed")
	s.refused(s.call(s.kim, "POST", "/v1/session/decline", nil), 409, "already-signed")
	s.refused(s.call(s.lee, "PATCH", "/v1/session/data-fields", newValues), 409, "already-signed")
	s.refused(s.call(s.member, "PATCH", s.at+"/data-fields", newValues), 409, "already-signed")
	s.refused(s.call(s.lee.with("If-Match", `"2"`), "POST", "/v1/session/sign", nil), 412, "stale")
	s.tells("contract.created contract.published participant.signed")
	whole := s.want(s.call(once, "POST", "/v1/session/sign", nil), 200)
	if whole.str("state") != "signed" {
		t.Errorf("after both signatures the contract is %s", whole.raw)
	}
	s.tells("contract.created contract.published contract.signed participant.signed participant.signed")
	s.dead(s.kim)
	s.dead(s.lee)
	if again := s.want(s.call(once, "POST", "/v1/session/sign", nil), 200); string(again.raw) != string(whole.raw) {
		t.Errorf("the repeated request answers %s, want %s", again.raw, whole.raw)
	}
}

func TestSession_TwoMaySignAtTheSameMoment(t *testing.T) {
	s := newSigning(t)
	var signing sync.WaitGroup
	for _, by := range []who{s.kim, s.lee} {
		signing.Go(func() {
			if got, err := s.try(by, "POST", "/v1/session/sign", nil); err != nil || got.status != 200 {
				t.Errorf("%s: got %d %s %v, want 200", by.name, got.status, got.raw, err)
			}
		})
	}
	signing.Wait()
	if got := s.want(s.call(s.member, "GET", s.at, nil), 200); got.str("state") != "signed" {
		t.Errorf("the contract is %s", got.raw)
	}
	s.tells("contract.created contract.published contract.signed participant.signed participant.signed")
}

func TestSession_OneDeclinesForAll(t *testing.T) {
	s := newSigning(t)
	s.want(s.call(s.kim, "POST", "/v1/session/sign", nil), 200)
	s.want(s.call(s.lee, "POST", "/v1/session/decline", nil), 200)
	got := s.want(s.call(s.member, "GET", s.at, nil), 200)
	if got.str("state") != "declined" || got.str("participants", 1, "declined_at") == "" ||
		got.str("participants", 0, "declined_at") != "" {
		t.Errorf("the contract is %s, want it declined by Lee", got.raw)
	}
	s.tells("contract.created contract.declined contract.published participant.signed")
	s.dead(s.kim)
	s.dead(s.lee)
}

func TestSession_DiesWithItsContractItsParticipantAndItsTime(t *testing.T) {
	s := newSigning(t)
	s.want(s.call(s.member, "POST", s.at+"/cancel", nil), 200)
	s.dead(s.kim)
	s.refused(s.call(s.member, "POST", s.at+"/participants/ptc_none/sessions", object{}), 404, "not-found")
	s.want(s.call(s.member, "DELETE", s.at, nil), 204)
	s.dead(s.kim)

	made := s.create(contractOf(s.template))
	kim := made.str("participants", 0, "id")
	session := s.sessionOf(s.id, kim)
	s.want(s.call(session, "PATCH", "/v1/session/data-fields", newValues), 200)
	s.refused(s.call(session, "POST", "/v1/session/sign", nil), 409, "contract-state")
	s.want(s.call(s.member, "PATCH", s.at,
		object{"participants": []object{{"name": "Kim", "email": "kim@elsewhere.test"}}}), 200)
	s.dead(session)
	s.refused(s.call(s.member, "POST", s.at+"/participants/"+kim+"/sessions", object{}), 404, "not-found")

	made = s.create(contractOf(s.template))
	at := s.at + "/participants/" + made.str("participants", 0, "id") + "/sessions"
	s.refusedFields(s.call(s.member, "POST", at, object{"lifetime_seconds": 43201}), "/lifetime_seconds")
	long := bearer("long", s.want(s.call(s.member, "POST", at, object{"lifetime_seconds": 43200}), 201).str("token"))
	short := bearer("short", s.want(s.call(s.member, "POST", at, object{"lifetime_seconds": 60}), 201).str("token"))
	s.want(s.call(short, "GET", "/v1/session/contract", nil), 200)
	s.pass(time.Minute)
	s.dead(short)
	s.pass(12*time.Hour - time.Minute - 5*time.Second)
	s.want(s.call(long, "GET", "/v1/session/contract", nil), 200)
	s.pass(5 * time.Second)
	s.dead(long)
	for _, i := range s.stored("session") {
		if i["expires_at"] == nil {
			t.Errorf("a session stays in the table for ever: %v", i)
		}
	}
}
