package domain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"plugboard/shared/domain"
)

// Another implementation reads the same bytes, and says the same of every value.
func TestRule7_ParametersAreTheJSONSchemaThatTheyLookLike(t *testing.T) {
	schemas := []string{
		`{"type":"string","maxLength":256}`, `{"type":"string","minLength":2,"maxLength":3}`,
		`{"type":"string","pattern":"C-[0-9]+","maxLength":256}`,
		`{"type":"string","pattern":"^(a|bc)$","maxLength":256}`, `{"type":"string","enum":["a","bc"]}`,
		`{"type":"string","format":"date","maxLength":256}`,
		`{"type":"string","format":"date-time","maxLength":256}`, `{"type":"string","format":"email","maxLength":256}`,
		`{"type":"string","format":"uri","maxLength":256}`,
		`{"type":"string","format":"uuid","maxLength":256}`, `{"type":"integer"}`,
		`{"type":"integer","minimum":-1,"maximum":7}`, `{"type":"integer","enum":[1,7]}`,
		`{"type":"number"}`, `{"type":"number","minimum":0.5}`, `{"type":"number","maximum":0.5}`, `{"type":"boolean"}`,
		`{"type":"boolean","enum":[true]}`,
	}
	values := []string{
		`"a"`, `"bc"`, `"äöü"`, `"äöüß"`, `"C-1"`, `"xC-12y"`, `"2026-11-25"`, `"2026-02-29"`, `"2026-11-25T10:00:00Z"`,
		`"2026-11-25T10:00:00+01:00"`, `"2026-11-25 10:00:00Z"`,
		`"ada@customer.test"`, `"Ada <ada@customer.test>"`, `"ada"`, `"https://acme.test/a?b#c"`,
		`"mailto:ada@customer.test"`, `"/a"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`,
		`"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"`, `"6ba7b8109dad11d180b400c04fd430c8"`, `0`, `1`, `1.0`, `7`, `8`,
		`-1`, `-2`, `0.5`, `0.25`, `1e3`, `"1"`, `true`, `false`, `"true"`, `[]`, `[1]`, `{}`, `{"a":1}`,
	}
	for _, schema := range schemas {
		b := domain.BlueprintSpec{Parameters: parametersOf(`{"p":`+schema+`}`, "p")}
		if wrong := b.Check(func(string) bool { return true }); len(wrong) > 0 {
			t.Fatalf("%s: %v", schema, wrong)
		}
		raw, err := json.Marshal(b.Parameters)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource("p.json", document); err != nil {
			t.Fatal(err)
		}
		other, err := c.Compile("p.json")
		if err != nil {
			t.Fatalf("%s is no JSON Schema: %v", raw, err)
		}
		accepted := 0
		for _, value := range values {
			var given map[string]domain.ParameterValue
			if err := json.Unmarshal(fmt.Appendf(nil, `{"p":%s}`, value), &given); err != nil {
				t.Fatal(err)
			}
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"p":` + value + `}`))
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := len(b.CheckParameters("", given)) == 0, other.Validate(instance) == nil
			if ours != theirs {
				t.Errorf("%s of %s: we take it: %t, JSON Schema does: %t", value, schema, ours, theirs)
			}
			if ours {
				accepted++
			}
		}
		if accepted == 0 || accepted == len(values) {
			t.Errorf("%s took %d of %d values", schema, accepted, len(values))
		}
	}
}

func TestRule7_ADefaultIsTheValueOfWhatIsNotGiven(t *testing.T) {
	p := parametersOf(`{"region":{"type":"string","default":"eu"},"count":{"type":"integer","default":3},`+
		`"on":{"type":"boolean","default":false},"id":{"type":"string"}}`, "region", "id")
	if wrong := (domain.BlueprintSpec{Parameters: p}).CheckParameters("",
		map[string]domain.ParameterValue{"id": "x"}); len(wrong) > 0 {
		t.Errorf("one with a default is asked for: %v", wrong)
	}
	got := fmt.Sprint(p.WithDefaults(map[string]domain.ParameterValue{"id": "x", "count": 4.0, "region": ""}),
		domain.ParameterTexts(p.WithDefaults(map[string]domain.ParameterValue{"region": nil})))
	if want := "map[count:4 id:x on:false region:eu] map[count:3 on:false region:eu]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRule7_ASchemaThatRefusesItsOwnValuesIsRefused(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"integer","default":1.5}`:                      "/default invalid",
		`{"type":"integer","default":9007199254740994}`:         "/default invalid",
		`{"type":"string","default":"é","pattern":"^[a-z]$"}`:   "/default invalid",
		`{"type":"string","default":""}`:                        "/default invalid",
		`{"type":"string","default":"a\nb"}`:                    "/default control-character",
		`{"type":"string","default":"s3cret","writeOnly":true}`: "/default secret-default",
		`{"type":"string","enum":["a","b"],"default":"c"}`:      "/default invalid",
		`{"type":"string","enum":["a",{"b":1},"a",[1],[1]]}`: "/enum/1 invalid /enum/2 duplicate /enum/3 invalid " +
			"/enum/4 invalid /enum/4 duplicate",
		`{"type":"string","maxLength":2,"enum":["abc"]}`:          "/enum/0 invalid",
		`{"type":"string","minLength":3,"maxLength":2}`:           "/minLength invalid",
		`{"type":"string","minLength":300}`:                       "/minLength invalid",
		`{"type":"number","minimum":3,"maximum":2}`:               "/minimum invalid",
		`{"type":"string","minimum":3}`:                           "/minimum unexpected",
		`{"type":"boolean","pattern":"a","format":"date"}`:        "/pattern unexpected /format unexpected",
		`{"type":"string","pattern":"a(?=b)"}`:                    "/pattern invalid",
		`{"type":"string","pattern":"(a{1000}){1000}"}`:           "/pattern invalid",
		`{"type":"number","minimum":2,"default":1,"maxLength":3}`: "/maxLength unexpected /default invalid",
	} {
		var got string
		for _, f := range (domain.BlueprintSpec{Parameters: parametersOf(`{"p":` + schema + `}`)}).
			Check(func(string) bool { return true }) {
			got += " " + f.Pointer[len("/blueprint/parameters/properties/p"):] + " " + f.Code
		}
		if got != " "+want {
			t.Errorf("%s: got%s, want %s", schema, got, want)
		}
	}
}
