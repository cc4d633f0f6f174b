package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/functions/contracts"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// life is a contract of the main extension's type and what happened to it.
type life struct {
	*actors
	id, at, typeID, template string
}

func newLife(t *testing.T) *life {
	l := &life{actors: newActors(newWorld(t))}
	l.enable()
	l.typeID = l.templateType("acme-crm")
	l.template = l.actors.template(l.typeID)
	l.create(contractOf(l.template, [2]string{"order_number", "1"}, [2]string{"urgent", "true"}))
	return l
}

func (l *life) create(body object) answer {
	l.t.Helper()
	made := l.want(l.call(l.member, "POST", "/v1/contracts", body), 201)
	l.id = made.str("id")
	l.at = "/v1/contracts/" + l.id
	return made
}

// told are the types of the contract's events, sorted.
func (l *life) told() string {
	l.t.Helper()
	var types []string
	for _, e := range l.stored("event") {
		if text(e, "contract_id") == l.id {
			types = append(types, eventType(e))
		}
	}
	slices.Sort(types)
	return strings.Join(types, " ")
}

func (l *life) tells(want string) {
	l.t.Helper()
	if got := l.told(); got != want {
		l.t.Errorf("the events are %q, want %q", got, want)
	}
}

func TestContract_DeletedIsGoneButForItsRecord(t *testing.T) {
	l := newLife(t)
	l.want(l.call(l.member, "POST", l.at+"/publish", nil), 200)
	l.refused(l.call(l.member, "DELETE", l.at, nil), 409, "contract-state")
	canceled := l.want(l.call(l.member, "POST", l.at+"/cancel", nil), 200)
	l.refused(l.call(l.member, "POST", l.at+"/cancel", nil), 409, "contract-state")
	l.refused(l.call(l.member.with("If-Match", `"1"`), "DELETE", l.at, nil), 412, "stale")
	l.want(l.call(l.member.with("If-Match", canceled.header.Get("ETag")), "DELETE", l.at, nil), 204)
	for _, path := range []string{"", "/publish", "/cancel"} {
		method := "POST"
		if path == "" {
			method = "GET"
		}
		l.refused(l.call(l.member, method, l.at+path, nil), 404, "not-found")
	}
	l.refused(l.call(l.member, "DELETE", l.at, nil), 404, "not-found")
	if list := l.want(l.call(l.member, "GET", "/v1/contracts", nil), 200); list.at("items", 0) != nil {
		t.Errorf("the list shows a deleted contract: %s", list.raw)
	}
	left, err := l.tables.Contract(t.Context(), l.account, domain.ContractID(l.id))
	must(t, err)
	if left.State != domain.Deleted || len(left.Values) != 0 || len(left.Participants) != 0 || left.Name == "" {
		t.Errorf("what is left is %+v, want the record without values and participants", left)
	}
	l.tells("contract.canceled contract.created contract.deleted contract.published")
}

func TestContract_ExpiresOnItsDayAndNotBefore(t *testing.T) {
	l := newLife(t)
	body := contractOf(l.template)
	today := l.now()
	body["expires_on"] = today.Format(time.DateOnly)
	l.refusedFields(l.call(l.member, "POST", "/v1/contracts", body), "/expires_on")
	body["expires_on"] = today.AddDate(0, 0, 2).Format(time.DateOnly)
	l.create(body)
	expire := func() answer { return l.call(platformFor(l.account), "POST", l.at+"/expire", nil) }
	l.refused(expire(), 409, "contract-state")
	l.want(l.call(l.member, "POST", l.at+"/publish", nil), 200)
	l.refused(expire(), 409, "not-due")
	l.pass(24 * time.Hour)
	l.refused(expire(), 409, "not-due")
	l.pass(24 * time.Hour)
	if got := l.want(expire(), 200).str("state"); got != "expired" {
		t.Errorf("the contract is %s, want expired", got)
	}
	l.tells("contract.created contract.expired contract.published")
}

func TestContract_ContentOfADraftChanges(t *testing.T) {
	l := newLife(t)
	made := l.want(l.call(l.member, "GET", l.at, nil), 200)
	kim := made.str("participants", 0, "id")
	l.refusedFields(l.call(l.member, "PATCH", l.at,
		object{"participants": []object{{"name": "A", "email": "a@x.test"}, {"name": "B", "email": "A@X.test"}}}),
		"/participants/1/email")
	same := l.want(l.call(l.member, "PATCH", l.at, object{"name": made.str("name")}), 200)
	if same.header.Get("ETag") != made.header.Get("ETag") {
		t.Errorf("what changes nothing raised the version to %s", same.header.Get("ETag"))
	}
	changed := l.want(l.call(l.member.with("If-Match", same.header.Get("ETag")), "PATCH", l.at, object{
		"name": "Renamed", "participants": []object{{"name": "Lee", "email": "lee@example.test"},
			{"name": "Kim B.", "email": "KIM@example.test"}},
	}), 200)
	if changed.str("name") != "Renamed" || changed.str("participants", 1, "id") != kim ||
		changed.str("participants", 0, "id") == "" {
		t.Errorf("the contract is now %s, want it renamed, and Kim the participant that she was", changed.raw)
	}
	l.refused(l.call(l.member.with("If-Match", same.header.Get("ETag")), "PATCH", l.at, object{"name": "Mine"}), 412,
		"stale")
	l.want(l.call(l.member, "POST", l.at+"/publish", nil), 200)
	l.refused(l.call(l.member, "PATCH", l.at, object{"name": "Late"}), 409, "contract-state")
	l.tells("contract.content_updated contract.created contract.published")
}

func TestRule12_ValuesChangeAllOrNone(t *testing.T) {
	l := newLife(t)
	values := l.at + "/data-fields"
	l.want(l.call(l.admin, "PATCH", "/v1/template-types/"+l.typeID+"/fields/urgent", object{"active": false}), 200)
	given := func(pairs ...[2]string) object { return object{"data_fields": contractOf("", pairs...)["data_fields"]} }
	l.refusedFields(l.call(l.member, "PATCH", values, given(
		[2]string{"order_number", "2"}, [2]string{"Order_Number", "3"}, [2]string{"amount", "a lot"},
		[2]string{"urgent", "false"}, [2]string{"reason", "foreign"},
	)), "/data_fields/1/custom_id", "/data_fields/2/value", "/data_fields/3/custom_id", "/data_fields/4/custom_id")
	l.refused(l.call(l.member.with("If-Match", `"9"`), "PATCH", values, given([2]string{"order_number", "2"})), 412,
		"stale")
	before := l.want(l.call(l.member, "PATCH", values, given([2]string{"order_number", "1"})), 200)
	l.tells("contract.created")
	after := l.want(l.call(l.member.with("If-Match", before.header.Get("ETag")), "PATCH", values,
		given([2]string{"ORDER_NUMBER", "2"}, [2]string{"due", "2026-12-24"}, [2]string{"amount", "0"})), 200)
	if got, want := valuesOf(after), "order_number=2 amount=0 urgent=true due=2026-12-24"; got != want {
		t.Errorf("the values are %q, want %q: those not given stay, of inactive fields too", got, want)
	}
	l.tells("contract.created data_field.updated")
	for _, e := range l.stored("event") {
		if eventType(e) != "data_field.updated" {
			continue
		}
		event, err := l.tables.Event(t.Context(), l.account, domain.ContractID(l.id), domain.EventID(text(e, "id")))
		must(t, err)
		if body := string(event.Body); strings.Contains(body, `"urgent"`) || strings.Contains(body, `"amount"`) ||
			!strings.Contains(body, `"value":"2026-12-24"`) {
			t.Errorf("the event tells of other values than those that changed: %s", body)
		}
	}
	l.want(l.call(l.member, "POST", l.at+"/publish", nil), 200)
	l.want(l.call(l.member, "PATCH", values, given([2]string{"order_number", "3"})), 200)
	l.want(l.call(l.member, "POST", l.at+"/sign", nil), 200)
	l.refused(l.call(l.member, "PATCH", values, given([2]string{"order_number", "4"})), 409, "contract-state")
}

func valuesOf(a answer) string {
	var all []string
	for n := range a.at("values").([]any) {
		all = append(all, a.str("values", n, "custom_id")+"="+a.str("values", n, "value"))
	}
	return strings.Join(all, " ")
}

func TestRule13_AFlagThatChangesDuringAnUpdateFailsIt(t *testing.T) {
	l := newLife(t)
	active := true
	flip := func() {
		active = !active
		l.want(l.call(l.admin, "PATCH", "/v1/template-types/"+l.typeID+"/fields/urgent", object{"active": active}), 200)
	}
	seen := int(l.want(l.call(l.admin, "GET", "/v1/template-types/"+l.typeID, nil), 200).at("fields_version").(float64))
	number := 1
	updating := func(version int, during func()) error {
		s := contracts.New(l.tables.At(l.now, between(during)), l.now, domain.NewID)
		number++
		in := &contract.UpdateDataFieldValuesInput{Contract: domain.ContractID(l.id)}
		in.Body.DataFields, in.Body.FieldsVersion = []domain.GivenValue{{CustomID: "order_number",
			Value: fmt.Sprint(number)}}, version
		_, err := s.UpdateValues(auth.With(t.Context(), auth.Caller{Account: l.account}), in)
		return err
	}
	if err := updating(0, flip); !isCode(err, "data-field-changed") {
		t.Errorf("a flag changed during the update gave %v, want data-field-changed", err)
	}
	if err := updating(seen, func() {}); !isCode(err, "data-field-changed") {
		t.Errorf("a flag changed since the caller read it gave %v, want data-field-changed", err)
	}
	if got := valuesOf(l.want(l.call(l.member, "GET", l.at, nil), 200)); !strings.HasPrefix(got, "order_number=1 ") {
		t.Errorf("a refused update left %s", got)
	}
	if err := updating(seen+1, func() {}); err != nil {
		t.Errorf("nothing changed since the caller read it, and the update failed: %v", err)
	}
	if err := updating(0, func() {
		l.want(l.call(l.member, "PATCH", l.at, object{"name": "Faster"}), 200)
	}); !isCode(err, "raced") {
		t.Errorf("another change during the update gave %v, want raced", err)
	}
}

func TestContract_ListsByFilterNewestFirst(t *testing.T) {
	l := newLife(t)
	own := l.want(l.call(l.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	ours := l.actors.template(own)
	newest := []string{l.id}
	for n := range 6 {
		by, template := l.member, ours
		if n%2 == 0 {
			by, template = l.integration(memberEmail), l.template
		}
		newest = append([]string{l.want(l.call(by, "POST", "/v1/contracts", contractOf(template)), 201).str("id")},
			newest...)
	}
	l.want(l.call(l.member, "POST", "/v1/contracts/"+newest[0]+"/publish", nil), 200)
	through := []string{newest[1], newest[3], newest[5]}
	for name, c := range map[string]struct {
		by    who
		query string
		want  []string
	}{
		"all":             {l.member, "", newest},
		"by the platform": {platformFor(l.account), "", newest},
		"of a state":      {l.member, "&state=published", newest[:1]},
		"of no origin": {l.member, "&origin=none",
			[]string{newest[0], newest[2], newest[4], newest[6]}},
		"of no origin, seen by an extension": {l.integration(memberEmail), "&origin=none", nil},
		"of an origin":                       {l.member, "&origin_extension_id=" + mainExtension, through},
		"of a type": {l.member, "&extension_type=acme-crm",
			append(slices.Clone(through), newest[6])},
		"of a workspace":       {l.member, "&workspace_id=sales&state=draft", newest[1:]},
		"of none":              {l.member, "&workspace_id=legal", nil},
		"by the extension":     {l.integration(memberEmail), "", through},
		"of another extension": {l.integration(memberEmail), "&origin_extension_id=" + dependency, nil},
		"of another account":   {l.dashboard("other", "ada"), "", nil},
	} {
		for _, limit := range []int{1, 2, 100} {
			if got := l.pages(c.by, fmt.Sprintf("/v1/contracts?limit=%d%s", limit, c.query), limit); !slices.Equal(got,
				c.want) {
				t.Errorf("%s, by %d: got %q, want %q", name, limit, got, c.want)
			}
		}
	}
	if list := l.want(l.call(l.member, "GET", "/v1/contracts", nil), 200); strings.Contains(string(list.raw),
		"participants") || strings.Contains(string(list.raw), "values") {
		t.Errorf("the list shows values or participants: %s", list.raw)
	}
	l.refusedFields(l.call(l.member, "GET", "/v1/contracts?cursor=!&limit=0", nil), "query.cursor", "query.limit")
	l.refusedFields(l.call(l.member, "GET", "/v1/contracts?origin=none&origin_extension_id="+mainExtension, nil),
		"query.origin")
	first := l.want(l.call(l.member, "GET", "/v1/contracts?limit=1", nil), 200).str("next_cursor")
	l.refusedFields(l.call(l.dashboard("other", "ada"), "GET", "/v1/contracts?cursor="+first, nil), "query.cursor")
	l.refusedFields(l.call(l.member, "GET", "/v1/templates?cursor="+first, nil), "query.cursor")
}

// pages follows the cursors to the end, and gives the ids.
func (l *life) pages(by who, path string, limit int) []string {
	l.t.Helper()
	var ids []string
	for cursor := ""; ; {
		page := l.want(l.call(by, "GET", path+"&cursor="+cursor, nil), 200)
		items := page.at("items").([]any)
		if len(items) > limit {
			l.t.Errorf("%s answered %d items", path, len(items))
		}
		for n := range items {
			ids = append(ids, page.str("items", n, "id"))
		}
		if cursor = page.str("next_cursor"); cursor == "" {
			return ids
		}
	}
}
