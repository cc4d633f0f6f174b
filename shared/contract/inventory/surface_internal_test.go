package inventory

import (
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/contract"
)

func operation(t *testing.T, id string) (contract.Operation, *huma.OpenAPI) {
	t.Helper()
	for _, o := range contract.All() {
		if o.ID == id {
			return o, contract.OpenAPI()
		}
	}
	t.Fatalf("there is no operation %s", id)
	return contract.Operation{}, nil
}

func TestRule23_AFileIsAnInputWithItsLimit(t *testing.T) {
	o, doc := operation(t, "put-extension-logo")
	all := inputs(doc, documentedOperation(doc, o))
	want := Input{In: "file", Name: "/logo", Type: "image/png, image/jpeg", Required: true,
		Limits: "at most 262144 bytes"}
	if got := all[len(all)-1]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRule23_AFileIsAnAnswerAndSoIsNotModified(t *testing.T) {
	o, doc := operation(t, "read-catalogue-logo")
	got := responses(doc, documentedOperation(doc, o), o)
	headers := []string{"Cache-Control", "Content-Disposition", "Content-Security-Policy", "ETag",
		"X-Content-Type-Options"}
	want := []Response{{Status: 200, ContentType: "image/jpeg, image/png", Type: "file", Headers: headers},
		{Status: 304, Headers: []string{"ETag"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRule23_ARedirectIsAnAnswerWithItsLocation(t *testing.T) {
	documented := &huma.Operation{Responses: map[string]*huma.Response{
		"303": {Headers: map[string]*huma.Param{"Location": {}, "Referrer-Policy": {}}}, "422": {},
	}}
	got := responses(nil, documented, contract.Operation{Status: 303})
	want := []Response{{Status: 303, Headers: []string{"Location", "Referrer-Policy"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
