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

func (l *life) templateInLegal() string {
	l.t.Helper()
	made := object{"name": "Legal", "workspace_id": "legal", "template_type_id": l.typeID}
	return l.want(l.call(l.admin, "POST", "/v1/templates", made), 201).str("id")
}

// A template has a workspace, and values that its contracts begin with.
func TestRule28_AMemberSeesNoTemplateOfAnotherWorkspace(t *testing.T) {
	l := newLife(t)
	inLegal := l.templateInLegal()
	l.putUser(l.account, "noa", "noa@customer.test", "member")
	nowhere := l.dashboard("customer", "noa")
	for _, by := range []who{l.member, nowhere} {
		l.refused(l.call(by, "GET", "/v1/templates/"+inLegal, nil), 404, "not-found")
	}
	l.want(l.call(l.member, "GET", "/v1/templates/"+l.template, nil), 200)
	l.want(l.call(l.admin, "GET", "/v1/templates/"+inLegal, nil), 200)
	for _, test := range []struct {
		by   who
		want int
	}{
		{l.admin, 2}, {l.member, 1}, {nowhere, 0}, {platformFor(l.account), 2},
		{bearer("integration for nobody", l.token), 2},
	} {
		if got := l.want(l.call(test.by, "GET", "/v1/templates", nil), 200); len(got.at("items").([]any)) != test.want {
			t.Errorf("%s lists %s, want %d", test.by.name, got.raw, test.want)
		}
	}
}

// The log shows a member that something was sent, and not what a contract of another workspace holds.
func TestRule28_AMemberReadsNoRequestOfAnotherWorkspacesContract(t *testing.T) {
	l := newLife(t)
	l.settle()
	ours := object{"name": "Ours", "url": l.receiver.URL, "event_types": []string{"contract.created"}}
	hook := l.want(l.call(l.admin, "POST", "/v1/webhooks", ours), 201).str("id")
	inLegal := l.templateInLegal()
	for _, made := range []object{contractOf(inLegal), contractOf(l.template)} {
		if made["template_id"] == inLegal {
			made["workspace_id"] = "legal"
		}
		l.want(l.call(l.integration(adminEmail), "POST", "/v1/contracts", made), 201)
	}
	l.settle()
	log := l.want(l.call(l.member, "GET", "/v1/webhooks/"+hook+"/deliveries", nil), 200)
	if n := len(log.at("items").([]any)); n != 3 { // with the ping
		t.Fatalf("the log has %d deliveries: %s", n, log.raw)
	}
	hidden := 0
	for n := range 3 {
		request := "/v1/webhooks/" + hook + "/deliveries/" + log.str("items", n, "id") + "/request"
		audience := "/v1/events/" + log.str("items", n, "event_id") + "/audience"
		whole := l.want(l.call(l.admin, "GET", request, nil), 200)
		l.want(l.call(l.admin, "GET", audience, nil), 200)
		if !strings.Contains(whole.str("payload"), `"workspace_id":"legal"`) {
			l.want(l.call(l.member, "GET", request, nil), 200)
			l.want(l.call(l.member, "GET", audience, nil), 200)
			continue
		}
		hidden++
		l.refused(l.call(l.member, "GET", request, nil), 403, "other-workspace")
		l.refused(l.call(l.member, "GET", audience, nil), 404, "not-found")
	}
	if hidden != 1 {
		t.Errorf("%d requests were hidden, want the one of the contract in legal", hidden)
	}
}
