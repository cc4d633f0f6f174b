package functions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// poison is what spoils an object from within, as its members.
var poison = map[string]string{
	"a name twice":           `"x":{"a":1,"a":2}`,
	"its own name twice":     `"x":1,"x":1`,
	"a name too long":        `"` + strings.Repeat("k", 257) + `":1`,
	"past every float":       `"x":1e400`,
	"past DynamoDB's":        `"x":[-1e126]`,
	"deeper than a decoder":  `"x":` + strings.Repeat(`{"a":`, 10001) + "1" + strings.Repeat("}", 10001),
	"Latin-1":                "\"x\":\"K\xf6ln\"",
	"half a surrogate pair":  `"x":"\ud83d"`,
	"a name of half a pair":  `"x":{"\udc00":1}`,
	"a cut character in it":  "\"x\":[\"\xe2\x82\"]",
	"a surrogate as in CESU": "\"x\":\"\xed\xa0\xbd\xed\xb8\x80\"",
}

func TestRule26_APoisonousItemFailsAloneWithItsID(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	raw := func(item object) string {
		b, err := json.Marshal(item)
		must(t, err)
		return strings.TrimSuffix(string(b), "}")
	}
	for path, c := range map[string]struct {
		item  func(id string) object
		under string // where the poison goes
	}{
		"/v1/events":          {func(id string) object { return a.external(id) }, `"data":{%s}`},
		"/v1/import/accounts": {func(id string) object { return object{"id": id, "name": id} }, `%s`},
		"/v1/import/users": {func(id string) object {
			return userItem("customer", id, id+"@customer.test")
		}, `%s`},
		"/v1/import/workspaces": {func(id string) object {
			return object{"account_id": "customer", "id": id, "name": id}
		}, `%s`},
	} {
		n := 0
		for name, members := range poison {
			n++
			ids := []string{fmt.Sprintf("first-%d", n), fmt.Sprintf("bad-%d", n), fmt.Sprintf("last-%d", n)}
			bad := c.item(ids[1])
			delete(bad, "data")
			got := a.call(platform, "POST", path, `{"items":[`+raw(c.item(ids[0]))+`},`+raw(bad)+
				`,`+fmt.Sprintf(c.under, members)+`},`+raw(c.item(ids[2]))+`}]}`)
			if got.status != 200 {
				t.Errorf("%s, %s: got %d %.300s", path, name, got.status, got.raw)
				continue
			}
			for i, want := range []string{"created", "failed", "created"} {
				if got.str("items", i, "result") != want || got.str("items", i, "id") != ids[i] {
					t.Errorf("%s, %s: item %d of id %s is not %s: %.400s", path, name, i, ids[i], want, got.raw)
				}
			}
		}
	}
}

func TestRule26_AFailedItemSaysItsIDAndNothingOfRightFields(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	without := func(item object, names ...string) object {
		for _, name := range names {
			delete(item, name)
		}
		return item
	}
	for path, cases := range map[string][]struct {
		item     object
		id       string
		pointers []string
	}{
		"/v1/events": {
			{a.external("e1", object{"type": "x"}), "e1", []string{"/type"}},
			{a.external("e2", object{"workspace_id": "nope"}), "e2", []string{"/workspace_id"}},
			{a.external("e3", object{"data": []int{1}}), "e3", []string{"/data"}},
			{a.external("e4", object{"account_id": 7}), "e4", []string{"/account_id"}},
			{a.external("e5", object{"timestamp": "yesterday"}), "e5", []string{"/timestamp"}},
			{a.external("e6", object{"timestamp": 7, "data": nil}), "e6", []string{"/timestamp", "/data"}},
			{without(a.external("e7"), "account_id"), "e7", []string{"/account_id"}},
			{without(a.external("e8", object{"template_type_id": 7}), "extension_type"), "e8",
				[]string{"/template_type_id"}},
			{a.external("e9", object{"account_id": strings.Repeat("a", 3000)}), "e9", []string{"/account_id"}},
			{a.external("ea", object{"extension_id": 7}), "ea", []string{"/extension_id"}},
		},
		"/v1/import/users": {
			{userItem("customer", "u1", "u1@customer.test", object{"role": "king"}), "u1", []string{"/role"}},
			{userItem("customer", "u2", "u2@customer.test", object{"workspaces": []string{"nope"}}), "u2",
				[]string{"/workspaces/0"}},
			{userItem("customer", "u3", "u3@customer.test", object{"name": 5}), "u3", []string{"/name"}},
			{userItem("customer", "u4", "u4@customer.test", object{"account_id": nil, "workspaces": []string{"sales"}}),
				"u4", []string{"/account_id"}},
			{userItem("customer", "u5", "u5@customer.test", object{"workspaces": []any{7, "sales"}}), "u5",
				[]string{"/workspaces/0"}},
			{object{"id": 7, "account_id": "customer", "email": "u6@customer.test", "name": "U", "role": "member",
				"workspaces": []string{}}, "", []string{"/id"}},
		},
		"/v1/import/templates": {
			{object{"account_id": []int{}, "id": "t1", "name": "T", "workspace_id": "sales",
				"template_type_id": a.templateType("acme-crm")}, "t1", []string{"/account_id"}},
		},
	} {
		var items []object
		for _, c := range cases {
			items = append(items, c.item)
		}
		got := a.want(a.call(platform, "POST", path, object{"items": items}), 200)
		for n, c := range cases {
			var pointers []string
			list, _ := got.at("items", n, "errors").([]any)
			for i := range list {
				pointers = append(pointers, strings.TrimPrefix(got.str("items", n, "errors", i, "pointer"),
					fmt.Sprintf("/items/%d", n)))
			}
			if got.str("items", n, "result") != "failed" || got.str("items", n, "id") != c.id ||
				strings.Join(pointers, " ") != strings.Join(c.pointers, " ") {
				t.Errorf("%s: item %d: got %v, want id %q and %v", path, n, got.at("items", n), c.id, c.pointers)
			}
		}
	}
}

// The recorded answer of an Idempotency-Key is kept without ids; the request says them again, of broken items too.
func TestRule25_APoisonousItemsIDStandsInTheRecordedAnswer(t *testing.T) {
	a := newActors(newWorld(t))
	key := platform.with("Idempotency-Key", "once")
	body := `{"items":[{"id":"w1","account_id":"customer","name":"W","x":1e400}]}`
	first := a.want(a.call(key, "POST", "/v1/import/workspaces", body), 200)
	second := a.want(a.call(key, "POST", "/v1/import/workspaces", body), 200)
	if string(first.raw) != string(second.raw) || second.str("items", 0, "id") != "w1" {
		t.Errorf("got %s and then %s, want the same with the id", first.raw, second.raw)
	}
	if other := a.call(key, "POST", "/v1/import/workspaces",
		strings.Replace(body, "1e400", "1e401", 1)); other.status != 422 {
		t.Errorf("another item under the same key: got %d %s", other.status, other.raw)
	}
}

// The signature is over the bytes that came, and so is the value that is stored.
func TestRule7_ACallbackStoresTheTextThatWasSignedOrNothing(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	id := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(a.template(a.templateType("acme-crm")))), 201).str("id")
	right := callback(a.callbackSecret)
	const field = "order_number"
	send := func(value string) answer {
		return a.callBack(right, `{"type":"contract.fields","data":{"contract_id":"`+
			id+`","data_fields":[{"custom_id":"`+field+`","value":"`+value+`"}]}}`)
	}
	for _, value := range []string{"K\xf6ln", `\ud83d`, "a\xed\xa0\xbd", `x\udc00y`, "\xc0\x80"} {
		if got := send(value); got.status != 400 || got.str("errors", 0, "pointer") != "/data/data_fields/0/value" {
			t.Errorf("%q: got %d %s", value, got.status, got.raw)
		}
	}
	a.want(send("Kölñ \u0301 😀"), 204)
	if got := a.want(a.call(a.admin, "GET", "/v1/contracts/"+id, nil), 200); !strings.Contains(string(got.raw),
		"\"Kölñ \u0301 😀\"") {
		t.Errorf("got %s, want the text that was signed", got.raw)
	}
}

func TestRule26_ClocksMayDifferByFiveMinutes(t *testing.T) {
	a := newActors(newWorld(t))
	a.want(a.call(platform, "PUT", "/v1/accounts/young", object{"name": "Young"}), 200)
	a.want(a.call(platform, "PUT", "/v1/accounts/young/workspaces/sales", object{"name": "Sales"}), 200)
	now := a.now()
	for written, want := range map[string]string{
		// in the account's first second
		now.Truncate(time.Second).Format(time.RFC3339):                                   "created",
		now.Add(-2 * time.Second).Format(time.RFC3339Nano):                               "created",
		now.Add(-5 * time.Minute).Format(time.RFC3339Nano):                               "created",
		now.Add(5 * time.Minute).Format(time.RFC3339Nano):                                "created",
		strings.ToLower(now.Format(time.RFC3339)):                                        "created",
		now.In(time.FixedZone("", 5*3600+45*60)).Format("2006-01-02T15:04:05.000-07:00"): "created",
		now.Add(-5*time.Minute - time.Second).Format(time.RFC3339):                       "failed",
		now.Add(5*time.Minute + time.Second).Format(time.RFC3339):                        "failed",
		strings.Replace(now.Format(time.RFC3339), "T", " ", 1):                           "failed",
	} {
		item := object{"id": written, "account_id": "young", "type": "contract.signed", "timestamp": written,
			"contract_id": "K-1", "workspace_id": "sales"}
		if got := a.want(a.sendEvents(item), 200); got.str("items", 0, "result") != want {
			t.Errorf("%s, at %s: got %s, want %s", written, now, got.raw, want)
		}
	}
}
