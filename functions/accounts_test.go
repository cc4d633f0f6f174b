package functions_test

import (
	"strings"
	"testing"

	"plugboard/shared/domain"
)

// accountIDs are the ids of all accounts, read in pages of that size.
func (w *world) accountIDs(limit string) string {
	w.t.Helper()
	var ids []string
	for at := "/v1/accounts?limit=" + limit; ; {
		page := w.want(w.call(platform, "GET", at, nil), 200)
		for n := range page.at("items").([]any) {
			ids = append(ids, page.str("items", n, "id"))
			if page.at("items", n, "listed") != nil {
				w.t.Errorf("an answer shows an internal field: %s", page.raw)
			}
		}
		if page.str("next_cursor") == "" {
			return strings.Join(ids, " ")
		}
		at = "/v1/accounts?limit=" + limit + "&cursor=" + page.str("next_cursor")
	}
}

func TestListAccounts_AllByTheirIDsInPages(t *testing.T) {
	w := newWorld(t)
	if got := w.accountIDs("50"); got != "" {
		t.Errorf("of none: got %q", got)
	}
	for _, id := range []string{"b", "a", "Z", "c-1"} {
		w.want(w.call(platform, "PUT", "/v1/accounts/"+id, object{"name": id}), 200)
	}
	items := []object{{"id": "d", "name": "D"}, {"id": "a", "name": "a"}}
	w.want(w.call(platform, "POST", "/v1/import/accounts", object{"items": items}), 200)
	for _, limit := range []string{"1", "2", "5", "100"} {
		if got, want := w.accountIDs(limit), "Z a b c-1 d"; got != want {
			t.Errorf("in pages of %s: got %s, want %s", limit, got, want)
		}
	}
	deletion := w.want(w.call(platform, "DELETE", "/v1/accounts/b", nil), 202)
	list := w.want(w.call(platform, "GET", "/v1/accounts", nil), 200)
	if list.str("items", 2, "id") != "b" || list.str("items", 2, "state") != "deleting" {
		t.Errorf("while b is being deleted (%s): got %s", deletion.raw, list.raw)
	}
}

// An account of before there was the list comes into it with the platform's next sync, though nothing else changes.
func TestListAccounts_AnOldAccountIsListedByTheNextPut(t *testing.T) {
	w := newWorld(t)
	for _, id := range []domain.AccountID{"old", "older"} {
		w.tables.Given(&domain.Account{ID: id, Name: "Old", State: domain.AccountActive, CreatedAt: w.now(),
			UpdatedAt: w.now()})
	}
	if got := w.accountIDs("50"); got != "" {
		t.Errorf("before: got %q", got)
	}
	w.want(w.call(platform, "PUT", "/v1/accounts/old", object{"name": "Old"}), 200)
	sync := object{"items": []object{{"id": "older", "name": "Old"}, {"id": "old", "name": "Old"}}}
	report := w.want(w.call(platform, "POST", "/v1/import/accounts", sync), 200)
	if report.at("updated") != 1.0 || report.at("unchanged") != 1.0 {
		t.Errorf("got %s", report.raw)
	}
	if got := w.accountIDs("50"); got != "old older" {
		t.Errorf("after the sync: got %q", got)
	}
	report = w.want(w.call(platform, "POST", "/v1/import/accounts", sync), 200)
	if report.at("unchanged") != 2.0 {
		t.Errorf("the next sync: got %s", report.raw)
	}
}
