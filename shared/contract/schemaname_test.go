package contract

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

func TestSchemaNames_AreNamesThatAPersonWouldChoose(t *testing.T) {
	good := regexp.MustCompile(`^([A-Z][a-z]+)+$`)
	bad := regexp.MustCompile(
		`(Body|View|Input|Output|Struct|Response|Params)($|[A-Z])|^(Page|List|Import)[A-Z]\w*(Item|View|Summary)$`)
	vague := []string{"Change", "Data", "Error", "Failure", "Field", "Finding", "Item", "Page", "Request", "Result",
		"Setup", "Step", "Upgrade", "Value"}
	operations := map[string]bool{}
	for _, o := range All() {
		operations[o.GoName()] = true
	}
	names := slices.Sorted(maps.Keys(OpenAPI().Components.Schemas.Map()))
	if len(names) < 150 {
		t.Fatalf("got %d schemas, want those of the whole contract", len(names))
	}
	for _, name := range names {
		switch {
		case !good.MatchString(name):
			t.Errorf("%s is not in CamelCase", name)
		case bad.MatchString(name):
			t.Errorf("%s is named for Go or Huma, or as generators name parts of an operation", name)
		case slices.Contains(vague, name):
			t.Errorf("%s says too little: add its Go type to longerNames", name)
		case slices.Contains(names, strings.TrimPrefix(name, "New")) && strings.HasPrefix(name, "New"):
			t.Errorf("%s is the constructor's name of another schema in generated Go", name)
		case operations[name]:
			t.Errorf("%s is an operation's name", name)
		}
	}
}

func TestSchemaNames_FollowTheGoTypesByOneRule(t *testing.T) {
	for _, test := range []struct {
		of         reflect.Type
		hint, want string
	}{
		{reflect.TypeFor[struct{ A int }](), "MakeThingInputBody", "MakeThingRequest"},
		{reflect.TypeFor[struct{ A int }](), "MakeThingOutputBody", "MakeThingResult"},
		{reflect.TypeFor[AccountBody](), "PutAccountInputBody", "AccountRequest"},
		{reflect.TypeFor[*WebhookView](), "", "Webhook"},
		{reflect.TypeFor[domain.Contract](), "", "Contract"},
		{reflect.TypeFor[Page[WebhookView]](), "", "WebhookPage"},
		{reflect.TypeFor[Page[domain.Template]](), "", "TemplatePage"},
		{reflect.TypeFor[Import[AccountItem]](), "", "AccountItemImport"},
		{reflect.TypeFor[fault.Field](), "", "ProblemError"},
	} {
		if got := schemaName(test.of, test.hint); got != test.want {
			t.Errorf("%s with the hint %q: got %s, want %s", test.of, test.hint, got, test.want)
		}
	}
}

func TestSchemaNames_EveryLongerNameIsUsed(t *testing.T) {
	schemas := OpenAPI().Components.Schemas
	for goType, name := range longerNames {
		if got := schemas.TypeFromRef(componentSchemas + name); got == nil || got.String() != goType {
			t.Errorf("%s is for the Go type %s; got %v", name, goType, got)
		}
	}
}
