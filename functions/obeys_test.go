package functions_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"plugboard/shared/contract"
)

// answers validates answers by the document, by another implementation of JSON Schema than the API's.
var answers = sync.OnceValues(func() (*jsonschema.Compiler, error) {
	encoded, err := contract.EncodeOpenAPI() // as the code is now: the committed one may be stale while one works
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	return c, c.AddResource("openapi.json", document)
})

// obeys holds an answer in JSON to its schema in the document: no value is outside of its enum, nothing required is
// missing, and nothing is there that the document does not know.
func obeys(t testing.TB, o contract.Operation, a answer) {
	t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || strings.HasSuffix(o.Path, ".json") {
		return
	}
	c, err := answers()
	must(t, err)
	escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(o.Path)
	schema, err := c.Compile(fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/application~1json/schema",
		escaped,
		strings.ToLower(o.Method), a.status))
	must(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.raw))
	must(t, err)
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s answers against the document: %v\n%s", o.ID, err, a.raw)
	}
}

// Each operation's answer is as the document says, among them the views of managed webhooks with every auth scheme.
func TestAnswers_ObeyTheDocument(t *testing.T) {
	s := newScene(newWorld(t))
	for _, o := range contract.All() {
		if o.Mutates() {
			continue // observed holds these, in scenes of their own
		}
		caller, r := s.right(o.Auth[0]), requests[o.ID]
		if r.prepare != nil {
			r.prepare(s, caller)
		}
		path, body := r.of(s, o)
		if r.dressed != nil {
			caller = r.dressed(s, caller)
		}
		obeys(t, o, s.want(s.call(caller, o.Method, path, body), o.Status))
	}
	b := crmBlueprint(s.receiver.URL)
	hooks := b["webhooks"].([]object)
	for n, auth := range []object{
		nil, {"scheme": "basic", "username": "u", "password": "{{api_key}}"},
		{"scheme": "bearer", "token": "{{api_key}}"},
		{"scheme": "oauth2", "token_url": s.receiver.URL, "client_id": "c", "client_secret": "{{api_key}}"},
	} {
		hook := object{"key": fmt.Sprint("auth-", n), "url": s.receiver.URL, "event_types": []string{"contract.signed"}}
		if auth != nil {
			hook["auth"] = auth
		}
		hooks = append(hooks, hook)
	}
	b["webhooks"] = hooks
	s.list("acme-schemes", []string{"", "addendum"}, b)
	values := object{"customer_id": "C-1", "api_key": "k"}
	s.want(s.call(s.admin, "PUT", "/v1/installations/acme-schemes", givenTo("acme-schemes", values)), 202)
	s.settle()
	list := s.want(s.call(s.admin, "GET", "/v1/webhooks?limit=100", nil), 200)
	obeys(t, contract.ListWebhooks.Operation, list)
	schemes := map[string]bool{}
	for n := range list.at("items").([]any) {
		schemes[list.str("items", n, "auth", "scheme")] = true
		read := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+list.str("items", n, "id"), nil), 200)
		obeys(t, contract.ReadWebhook.Operation, read)
	}
	if len(schemes) != 4 {
		t.Errorf("the webhooks have the schemes %v", schemes)
	}
}
