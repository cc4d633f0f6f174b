package functions_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Lambda answers with 6 MB at most, and a body of 256 KB could name far more mistakes than that.
func TestRule26_AnAnswerNamesSoManyMistakesAndCountsTheRest(t *testing.T) {
	a := newActors(newWorld(t))
	const junk = 20_000 // fields, each of which lacks its custom_id, name and kind
	body := `{"name":"T","fields":[` + strings.TrimSuffix(strings.Repeat("{},", junk), ",") + `]}`
	got := a.refused(a.call(a.admin, "POST", "/v1/template-types", body), 422, "invalid")
	want := []string{"/fields"}
	for n := range 33 {
		want = append(want, fmt.Sprintf("/fields/%d/custom_id", n), fmt.Sprintf("/fields/%d/kind", n),
			fmt.Sprintf("/fields/%d/name", n))
	}
	if !slices.Equal(got.pointers(), want) {
		t.Errorf("got %v, want the first 100 in their order", got.pointers())
	}
	if more := got.at("more_errors"); more != float64(3*junk+1-100) {
		t.Errorf("got %v more, want %d", more, 3*junk+1-100)
	}
	if again := a.call(a.admin, "POST", "/v1/template-types", body); !bytes.Equal(again.raw, got.raw) {
		t.Error("the same mistakes are answered in another way")
	}
	few := a.refused(a.call(a.admin, "POST", "/v1/template-types", object{}), 422, "invalid")
	if _, said := few.body["more_errors"]; said {
		t.Errorf("where all are named there are more: %s", few.raw)
	}
}

// A name stands in the pointer to each mistake under it, and a value in what is said of it.
func TestRule26_AnAnswerIsSmallHoweverLongNamesAndValuesAre(t *testing.T) {
	a := newActors(newWorld(t))
	under := func(name string) object {
		values := object{}
		for n := range 200 {
			values[name+fmt.Sprint(n)] = n
		}
		return object{"name": "W", "url": "https://a.test", "event_types": []string{"contract.signed"},
			"headers": values}
	}
	got := a.refused(a.call(a.admin, "POST", "/v1/webhooks", under(strings.Repeat("n", 256))), 400, "malformed")
	if !strings.Contains(got.str("detail"), "more than 256 characters") {
		t.Errorf("it says %q", got.str("detail"))
	}
	got = a.refused(a.call(a.admin, "POST", "/v1/webhooks", under(strings.Repeat("é", 253))), 422, "invalid")
	if len(got.pointers()) != 100 {
		t.Errorf("got %d errors, want 100", len(got.pointers()))
	}
	long := strings.Repeat("x", 100<<10)
	got = a.refused(a.call(a.admin, "POST", "/v1/webhooks",
		object{"name": "W", "url": "https://a.test", "event_types": []string{long, long}}), 422, "invalid")
	if size := len(got.raw); size > 5<<10 {
		t.Errorf("the answer has %d bytes", size)
	}
}
