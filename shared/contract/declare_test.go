package contract

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

type noInput struct{}

type noOutput struct{}

// emptyTable lets a test declare rows of its own.
func emptyTable(t *testing.T) {
	t.Helper()
	rows, documentation := all, handlers
	all, handlers = nil, nil
	t.Cleanup(func() { all, handlers = rows, documentation })
}

func goodRow() Operation {
	return Operation{
		ID: "do-it", Method: http.MethodPost, Path: "/v1/things/{thing_id}", Function: Webhooks, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Writes: domain.Records{domain.RecordWebhook},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Do it.",
	}
}

// declared is what declare panics with; empty when the row is taken.
func declared(o Operation) (refusal string) {
	defer func() {
		if r := recover(); r != nil {
			refusal = r.(string)
		}
	}()
	declare[noInput, noOutput](group{}, o)
	return ""
}

func TestDeclare_PanicsOnARowThatSaysTooLittleOrContradictsItself(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Operation)
		want   string
	}{
		"no auth": {func(o *Operation) { o.Auth = nil }, "no auth model is named"},
		"an unknown model": {func(o *Operation) {
			o.Auth = auth.AnyOf(auth.Rule{Model: "cookie"})
		}, `unknown auth model "cookie"`},
		"the zero model": {func(o *Operation) {
			o.Auth = auth.AnyOf(auth.Rule{})
		}, `unknown auth model ""`},
		"a model twice": {func(o *Operation) {
			o.Auth = append(o.Auth, auth.Dashboard(domain.Member))
		}, "named twice"},
		"dashboard without a role": {func(o *Operation) {
			o.Auth = auth.AnyOf(auth.Dashboard(""))
		}, "dashboard needs a role"},
		"integration without a scope": {func(o *Operation) {
			o.Auth = auth.AnyOf(auth.Integration(""))
		}, "integration needs a scope"},
		"callbacks to nowhere": {func(o *Operation) {
			o.Auth = auth.AnyOf(auth.WebhookSecret())
		}, "names the installation"},
		"a redirect to nobody":        {func(o *Operation) { o.Status = 303 }, "a redirect"},
		"a target without a redirect": {func(o *Operation) { o.RedirectsTo = "somebody" }, "a redirect"},
		"a redirect without Location": {func(o *Operation) { o.Status, o.RedirectsTo = 303, "somebody" }, "a redirect"},
		"an acting user for nobody": {func(o *Operation) {
			o.ActingUser = RequiredActingUser
		}, "acting user without the integration model"},
		"an id that is no id":        {func(o *Operation) { o.ID = "DoIt" }, "not kebab-case"},
		"no id":                      {func(o *Operation) { o.ID = "" }, "not kebab-case"},
		"a path without a version":   {func(o *Operation) { o.Path = "/things" }, "the path is not"},
		"a path with a slash behind": {func(o *Operation) { o.Path += "/" }, "the path is not"},
		"a method that nobody knows": {func(o *Operation) { o.Method = "TRACE" }, "unknown method"},
		"no function":                {func(o *Operation) { o.Function = "elsewhere" }, "no function owns it"},
		"no status":                  {func(o *Operation) { o.Status = 0 }, "no success status"},
		"a failure as success":       {func(o *Operation) { o.Status = 404 }, "no success status"},
		"a redirect to nowhere":      {func(o *Operation) { o.Status = 302 }, "a redirect"},
		"a file that no input takes": {func(o *Operation) { o.File = logoFile }, "embeds Upload"},
		"no family":                  {func(o *Operation) { o.Family = "" }, "needed"},
		"no since":                   {func(o *Operation) { o.Since = "" }, "needed"},
		"no summary":                 {func(o *Operation) { o.Summary = "" }, "needed"},
		"a mutation without writes":  {func(o *Operation) { o.Writes = nil }, "declares no writes"},
		"a read with writes":         {func(o *Operation) { o.Method = http.MethodGet }, "a read declares writes"},
		"a read with events": {func(o *Operation) {
			o.Method, o.Writes, o.Emits = http.MethodGet, nil, []events.Type{events.ContractSigned}
		}, "a read declares writes"},
	} {
		t.Run(name, func(t *testing.T) {
			emptyTable(t)
			row := goodRow()
			test.change(&row)
			if got := declared(row); !strings.Contains(got, test.want) ||
				!strings.Contains(got, "contract: operation") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(all) != 0 {
				t.Error("the row is in the table")
			}
		})
	}
}

func TestDeclare_PanicsOnADuplicate(t *testing.T) {
	emptyTable(t)
	if got := declared(goodRow()); got != "" {
		t.Fatal(got)
	}
	sameID, samePath := goodRow(), goodRow()
	sameID.Path = "/v1/others"
	samePath.ID, samePath.Path = "do-other", "/v1/things/{other_id}"
	if got, want := declared(sameID), "the ID is taken"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := declared(samePath), "the same method and path as do-it"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDeclare_FillsInWhatARowMayLeaveOut(t *testing.T) {
	emptyTable(t)
	if got := declared(goodRow()); got != "" {
		t.Fatal(got)
	}
	got := All()[0]
	if got.MaxBody != DefaultMaxBody || got.Owner != DefaultOwner || got.ActingUser != NoActingUser {
		t.Errorf("got %d, %q, %q; want the defaults", got.MaxBody, got.Owner, got.ActingUser)
	}
}

// What store leaves out of a recorded answer it finds in structs, slices and pointers alone; and what is left out
// must not show as an empty credential.
func TestRule25_ShownOnceStandsWhereARecordedAnswerLosesIt(t *testing.T) {
	found := 0
	for i, o := range All() {
		found += shownOnce(t, o, handlers[i].output, handlers[i].output.Name(), true)
	}
	if found < 5 {
		t.Errorf("got %d places where something is shown once, want those that the contract has", found)
	}
}

// shownOnce counts the places under of. reachable is whether store gets there.
func shownOnce(t *testing.T, o Operation, of reflect.Type, path string, reachable bool) int {
	switch of.Kind() {
	case reflect.Interface:
		if of == reflect.TypeFor[domain.ParameterValue]() { // one that is not secret, and was checked
			return 0
		}
		t.Errorf("%s of %s can hold anything, a credential too", path, o.ID)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return shownOnce(t, o, of.Elem(), path, reachable)
	case reflect.Map:
		return shownOnce(t, o, of.Elem(), path, false)
	case reflect.Struct:
		found := 0
		for i := range of.NumField() {
			f := of.Field(i)
			at := path + "." + f.Name
			switch {
			case f.Type == reflect.TypeFor[domain.ShownOnce]():
				found++
				if !reachable || !f.IsExported() || o.Mutates() && !omittedWhenEmpty(f) {
					t.Errorf("%s of %s must be exported, outside maps, and omitempty, as the recorded answer has none",
						at, o.ID)
				}
			case f.Type == reflect.TypeFor[domain.HandOffURL]():
				found++
				if !reachable || !f.IsExported() {
					t.Errorf("%s of %s must be exported and outside maps, for the recorded answer to lose its code",
						at, o.ID)
				}
			case f.IsExported() || f.Anonymous:
				found += shownOnce(t, o, f.Type, at, reachable && f.IsExported())
			}
		}
		return found
	case reflect.String:
		if of == reflect.TypeFor[domain.ShownOnce]() {
			t.Errorf("%s of %s is a bare credential", path, o.ID)
		}
	}
	return 0
}

// Who is asked for everything at once must be able to agree to it.
func TestRule6_EveryReasonForConsentFitsIntoOneUpgrade(t *testing.T) {
	code, _ := reflect.TypeFor[domain.ConsentReason]().FieldByName("Code")
	reasons := strings.Split(code.Tag.Get("enum"), ",")
	consent, _ := reflect.TypeOf(UpgradeExtensionInput{}.Body).FieldByName("Consent")
	// A preview names a code for each thing that has it.
	if got, err := strconv.Atoi(consent.Tag.Get("maxItems")); err != nil || got < 100*len(reasons) {
		t.Errorf("an upgrade takes %d codes, of %d that there are, each many times", got, len(reasons))
	}
}
