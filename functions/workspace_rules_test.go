package functions_test

import (
	"slices"
	"strings"
	"testing"
)

func TestRule28_AMemberUsesNoContractOfAnotherWorkspace(t *testing.T) {
	l := newLife(t)
	inSales := l.id
	legal := l.want(l.call(l.admin, "POST", "/v1/templates",
		object{"name": "Legal", "workspace_id": "legal", "template_type_id": l.typeID}), 201).str("id")
	body := contractOf(legal)
	body["workspace_id"] = "legal"
	made := l.want(l.call(l.integration(adminEmail), "POST", "/v1/contracts", body), 201)
	inLegal, at := made.str("id"), "/v1/contracts/"+made.str("id")
	sessions := "/participants/" + made.str("participants", 0, "id") + "/sessions"
	l.putUser(l.account, "noa", "noa@customer.test", "member")
	nowhere := l.dashboard("customer", "noa")
	nobody := bearer("integration for nobody", l.token)

	calls := []struct {
		method, path string
		body         any
		dashboard    bool // no token may
	}{
		{"GET", "", nil, false}, {"PATCH", "", object{"name": "Theirs"}, false},
		{"PATCH", "/data-fields", newValues, false},
		{"POST", "/publish", nil, false}, {"POST", "/cancel", nil, false}, {"DELETE", "", nil, false},
		{"POST", sessions, object{}, false},
		{"POST", "/sign", nil, true}, {"POST", "/decline", nil, true},
	}
	for _, by := range []who{l.member, nowhere, l.integration(memberEmail)} {
		for _, c := range calls {
			if c.dashboard && by.name == "integration" {
				continue
			}
			foreign := l.call(by, c.method, "/v1/contracts/con_none"+c.path, c.body)
			got := l.call(by, c.method, at+c.path, c.body)
			l.refused(got, 404, "not-found")
			if got.str("detail") != foreign.str("detail") {
				t.Errorf("%s %s %s: got %s, and of a missing one %s", by.name, c.method, c.path, got.raw, foreign.raw)
			}
		}
	}
	listed := func(by who, query string) string {
		list := l.want(l.call(by, "GET", "/v1/contracts"+query, nil), 200)
		var names []string
		for n := range list.at("items").([]any) {
			names = append(names, map[string]string{inSales: "sales", inLegal: "legal"}[list.str("items", n, "id")])
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		by          who
		query, want string
	}{
		{l.member, "", "sales"}, {l.member, "?workspace_id=sales", "sales"}, {l.member, "?workspace_id=legal", ""},
		{nowhere, "", ""}, {l.admin, "", "legal sales"}, {l.admin, "?workspace_id=legal", "legal"},
		{l.integration(memberEmail), "", ""}, {l.integration(adminEmail), "", "legal"}, {nobody, "", "legal"},
	} {
		if got := listed(test.by, test.query); got != test.want {
			t.Errorf("%s lists%s %q, want %q", test.by.name, test.query, got, test.want)
		}
	}
	l.want(l.call(nobody, "GET", at, nil), 200)
	l.want(l.call(l.integration(adminEmail), "POST", at+"/publish", nil), 200)
	l.want(l.call(l.admin, "POST", at+"/sign", nil), 200)
	l.putUser(l.account, "mel", memberEmail, "member", "sales", "legal")
	l.want(l.call(l.member, "GET", at, nil), 200)
}
