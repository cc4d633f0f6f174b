package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/events"
)

func TestOpenAPI_CommittedDocumentIsCurrent(t *testing.T) {
	want, err := EncodeOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := EncodeOpenAPI()
	if !bytes.Equal(want, again) {
		t.Fatal("the same contract was encoded in two ways")
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`\. Codes: [a-z0-9, -]+\."`)
	for name, got := range map[string][]byte{"openapi.json": committed, "openapi.json.gz": OpenAPIJSON()} {
		if !bytes.Equal(codes.ReplaceAll(got, []byte(`"`)), want) {
			t.Errorf("shared/contract/%s is stale: run make inventory", name)
		}
	}
}

func (o Operation) in(doc *huma.OpenAPI) *huma.Operation {
	item := doc.Paths[o.Path]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch,
		http.MethodDelete: item.Delete,
	}[o.Method]
}

func TestOpenAPI_HasEveryOperationAndItsDeclaredAnswersAlone(t *testing.T) {
	doc := OpenAPI()
	if len(All()) == 0 {
		t.Fatal("there is no operation")
	}
	for _, o := range All() {
		d := o.in(doc)
		if d == nil || d.OperationID != o.ID {
			t.Errorf("%s is not at %s %s", o.ID, o.Method, o.Path)
			continue
		}
		var want []string
		for _, status := range append(o.Statuses(), o.Status) {
			want = append(want, strconv.Itoa(status))
		}
		if o.Revalidates {
			want = append(want, "304")
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(d.Responses)); !slices.Equal(got, want) {
			t.Errorf("%s: got the answers %v, want %v", o.ID, got, want)
		}
		for _, status := range o.Statuses() {
			answer := d.Responses[strconv.Itoa(status)].Content["application/problem+json"]
			if answer == nil || answer.Schema.Ref != "#/components/schemas/Problem" {
				t.Errorf("%s: the answer %d is no problem document", o.ID, status)
			}
		}
		if len(d.Security) != len(o.Auth) {
			t.Errorf("%s: got %d ways in, want %d", o.ID, len(d.Security), len(o.Auth))
		}
		if body := d.RequestBody != nil; body && d.RequestBody.Required == o.emptyBody {
			t.Errorf("%s: the body may be left out: %v in the document, %v when served", o.ID, !d.RequestBody.Required,
				o.emptyBody)
		}
	}
}

func TestOpenAPI_NothingIsNullableButAFilter(t *testing.T) {
	var document any
	if err := json.Unmarshal(OpenAPIJSON(), &document); err != nil {
		t.Fatal(err)
	}
	// null takes a parameter away, as in a JSON merge patch; absent leaves it.
	removable := []string{
		"/components/schemas/UpdateWebhookRequest/properties/headers/additionalProperties",
	}
	var look func(path string, v any)
	look = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if kinds, ok := v["type"].([]any); ok && slices.Contains(kinds, any("null")) &&
				!slices.Contains(removable, path) && v[nullable] == nil {
				t.Errorf("%s may be null", path)
			}
			for k, inner := range v {
				look(path+"/"+k, inner)
			}
		case []any:
			for i, inner := range v {
				look(path+"/"+strconv.Itoa(i), inner)
			}
		}
	}
	look("", document)
}

func TestOpenAPI_WhatIsAlwaysSentIsRequired(t *testing.T) {
	doc := OpenAPI()
	check := func(name string, typ reflect.Type, schema *huma.Schema) {
		if typ == nil || typ.Kind() != reflect.Struct {
			t.Errorf("%s is of no struct", name)
			return
		}
		var want []string
		for _, f := range reflect.VisibleFields(typ) {
			if f.IsExported() && !f.Anonymous && !omittedWhenEmpty(f) {
				want = append(want, jsonName(f))
			}
		}
		got := slices.Clone(schema.Required)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v required, want %v", name, got, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas.Map())) {
		check(name, doc.Components.Schemas.TypeFromRef("#/components/schemas/"+name),
			doc.Components.Schemas.Map()[name])
	}
	for _, row := range events.Catalogue {
		body := doc.Webhooks[string(row.Type)].Post.RequestBody.Content["application/json"].Schema
		check(string(row.Type), reflect.TypeOf(row.Payload), body.Properties["data"])
	}
}

// Generators drop components that no path leads to, and then webhooks that refer to them do not compile.
func TestOpenAPI_WebhooksReferToNothingButWhatPathsReach(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal(OpenAPIJSON(), &document); err != nil {
		t.Fatal(err)
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	reached := map[string]bool{}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			ref, _ := v["$ref"].(string)
			if name, ok := strings.CutPrefix(ref, componentSchemas); ok && !reached[name] {
				reached[name] = true
				look(schemas[name])
			}
			for _, inner := range v {
				look(inner)
			}
		case []any:
			for _, inner := range v {
				look(inner)
			}
		}
	}
	look(document["paths"])
	byPaths := maps.Clone(reached)
	look(document["webhooks"])
	for name := range reached {
		if !byPaths[name] {
			t.Errorf("webhooks alone refer to %s", name)
		}
	}
	for name := range schemas {
		if !reached[name] {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

func TestOpenAPI_WebhooksShowEveryEventWithItsSample(t *testing.T) {
	doc := OpenAPI()
	if got, want := len(doc.Webhooks), len(events.Catalogue); got != want {
		t.Errorf("got %d webhooks, want %d", got, want)
	}
	for _, row := range events.Catalogue {
		item := doc.Webhooks[string(row.Type)]
		if item == nil || item.Post == nil {
			t.Errorf("%s is missing", row.Type)
			continue
		}
		body := item.Post.RequestBody.Content["application/json"]
		sample, _ := body.Example.(json.RawMessage)
		if !bytes.Equal(sample, events.Sample(row.Type)) {
			t.Errorf("%s: got %s, want the sample", row.Type, sample)
		}
		var value any
		if err := json.Unmarshal(sample, &value); err != nil {
			t.Fatal(err)
		}
		var result huma.ValidateResult
		body.Schema.PrecomputeMessages()
		huma.Validate(doc.Components.Schemas, body.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value,
			&result)
		for _, err := range result.Errors {
			t.Errorf("%s: the sample is not of its schema: %v", row.Type, err)
		}
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := bytes.Cut([]byte(f.Tag.Get("json")), []byte(","))
	return string(name)
}

func TestOpenAPI_SaysWhereItIsWhoseItIsAndWhoMayCall(t *testing.T) {
	doc := OpenAPI()
	served, err := url.Parse("https://id.execute-api.eu-north-1.amazonaws.com/prod/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Servers) != 1 {
		t.Fatalf("got %d servers, want the stage", len(doc.Servers))
	}
	stage, err := served.Parse(doc.Servers[0].URL)
	if want := "https://id.execute-api.eu-north-1.amazonaws.com/prod/"; err != nil || stage.String() != want {
		t.Errorf("got the stage %s, %v; want %s", stage, err, want)
	}
	if doc.Info.Contact == nil || doc.Info.Contact.Name == "" || doc.Info.License == nil ||
		doc.Info.License.Identifier != "Apache-2.0" {
		t.Errorf("got the contact %v and the licence %v", doc.Info.Contact, doc.Info.License)
	}
	described := map[string]bool{}
	for _, tag := range doc.Tags {
		described[tag.Name] = tag.Description != ""
	}
	operations := map[string]*huma.Operation{}
	for _, o := range All() {
		operations[o.ID] = o.in(doc)
	}
	for name, item := range doc.Webhooks {
		operations[name] = item.Post
		if len(item.Post.Security) != 1 || doc.Components.SecuritySchemes[signedBy] == nil ||
			item.Post.Security[0][signedBy] == nil {
			t.Errorf("%s: got the security %v, want the signature", name, item.Post.Security)
		}
	}
	for id, o := range operations {
		if o.Summary == "" || o.Description == "" || o.Description == o.Summary {
			t.Errorf("%s: got the summary %q and the description %q", id, o.Summary, o.Description)
		}
		for _, tag := range o.Tags {
			if !described[tag] {
				t.Errorf("%s has the tag %s, which nothing describes", id, tag)
			}
		}
	}
}

func TestOpenAPI_DescriptionsSayWhoMayCallAndWhatFollows(t *testing.T) {
	for id, want := range map[string]string{
		"enable-extension": "Open to signed-in admins of the account. The work goes on after the answer; its end is " +
			"told by `installation.enabled`, `installation.failed`. Safe to repeat with the same `Idempotency-Key`. " +
			"Since 0.1.0.",
		"create-contract": "Open to signed-in members of the account and API tokens with the scope " +
			"`contracts:write`. A token names the user for whom it acts, by the header `Plugboard-User`. The change " +
			"and its event are one transaction: `contract.created`. Safe to repeat with the same `Idempotency-Key`. " +
			"Since 0.1.0.",
		"read-openapi": "Open to everyone, without a credential. An `If-None-Match` with the current ETag is " +
			"answered by 304. Since 0.1.0.",
	} {
		i := slices.IndexFunc(All(), func(o Operation) bool { return o.ID == id })
		if got := All()[i].description(); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", id, got, want)
		}
	}
}

func TestOpenAPI_NoFileIsMeasuredInCharacters(t *testing.T) {
	if found := regexp.MustCompile(`"format": "binary",\s+"maxLength"|"maxLength": \d+,[^{}]*"format": "binary"`).
		Find(OpenAPIJSON()); found != nil {
		t.Errorf("got %s", found)
	}
}
