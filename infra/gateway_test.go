package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/functions/console"
	"plugboard/shared/contract"
)

// only is the one resource of its type, with its logical id.
func (t template) only(test *testing.T, kind string) (string, resource) {
	test.Helper()
	found := t.of(kind)
	if len(found) != 1 {
		test.Fatalf("%s: got %d, want 1", kind, len(found))
	}
	for id, r := range found {
		return id, r
	}
	panic("unreachable")
}

// gatewayPaths are those that the API imports.
func gatewayPaths(t *testing.T, stack template) map[string]any {
	t.Helper()
	_, api := stack.only(t, "AWS::ApiGateway::RestApi")
	body, ok := api.Properties["Body"].(map[string]any)
	if !ok {
		t.Fatal("the API has no body")
	}
	return body["paths"].(map[string]any)
}

func TestGateway_RoutesEachOperationOnceAndNothingBesides(t *testing.T) {
	function := regexp.MustCompile(`"Fn::GetAtt":\["([a-z]+)function[0-9A-F]{8}","Arn"\]`)
	everyStage(t, func(t *testing.T, stack template) {
		var got, want []string
		for path, methods := range gatewayPaths(t, stack) {
			for method, route := range methods.(map[string]any) {
				integration := text(route.(map[string]any)["x-amazon-apigateway-integration"])
				owner := function.FindStringSubmatch(integration)
				if owner == nil || !strings.Contains(integration, `"type":"aws_proxy"`) ||
					!strings.Contains(integration, `"httpMethod":"POST"`) {
					t.Fatalf("%s %s calls no function: %s", method, path, integration)
				}
				got = append(got, fmt.Sprint(strings.ToUpper(method), " ", path, " ", owner[1]))
			}
		}
		for _, op := range contract.All() {
			want = append(want, fmt.Sprint(op.Method, " ", op.Path, " ", op.Function))
		}
		for _, page := range console.Routes() {
			want = append(want, fmt.Sprint(page.Method, " ", page.Path, " console"))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("routes:\ngot  %v\nwant %v", got, want)
		}
		for _, kind := range []string{"AWS::ApiGateway::Resource", "AWS::ApiGateway::Method"} {
			if n := len(stack.of(kind)); n > 0 {
				t.Errorf("%d of %s are beside the body", n, kind)
			}
		}
	})
}

// API Gateway's import takes OpenAPI 3.0 and makes a model of each schema; OpenAPI has each path parameter declared.
func TestGateway_ImportsABareSkeleton(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		_, api := stack.only(t, "AWS::ApiGateway::RestApi")
		body := api.Properties["Body"].(map[string]any)
		if !is(body["openapi"], "3.0.1") || body["components"] != nil {
			t.Errorf("got OpenAPI %v with components %v, want 3.0.1 without", body["openapi"], body["components"])
		}
		for _, binary := range []any{api.Properties["BinaryMediaTypes"],
			body["x-amazon-apigateway-binary-media-types"]} {
			if !is(binary, []string{"*/*", "image/*"}) {
				t.Errorf("binary media types: got %s", text(binary))
			}
		}
		for _, least := range []any{api.Properties["MinimumCompressionSize"],
			body["x-amazon-apigateway-minimum-compression-size"]} {
			if !is(least, 1024) {
				t.Errorf("compression: got from %s bytes on, want 1024", text(least))
			}
		}
		for path, methods := range gatewayPaths(t, stack) {
			for method, route := range methods.(map[string]any) {
				if !slices.Contains([]string{"get", "head", "post", "put", "patch", "delete"}, method) {
					t.Errorf("%s: MiniStack does not know the method %s", path, method)
				}
				var declared, want []string
				parameters, _ := route.(map[string]any)["parameters"].([]any)
				for _, p := range parameters {
					declared = append(declared, p.(map[string]any)["name"].(string))
				}
				for _, name := range pathParameter.FindAllStringSubmatch(path, -1) {
					want = append(want, name[1])
				}
				if !slices.Equal(declared, want) {
					t.Errorf("%s %s declares the parameters %v, want %v", method, path, declared, want)
				}
			}
		}
	})
}

// API Gateway refuses /things/{a} beside /things/{b}.
func TestGateway_NamesAPathParameterOneWay(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		names := map[string]string{}
		for path := range gatewayPaths(t, stack) {
			parent := ""
			for _, part := range strings.Split(path, "/") {
				if strings.HasPrefix(part, "{") {
					if other, ok := names[parent]; ok && other != part {
						t.Errorf("%s and %s have the same place in a path", other, part)
					}
					names[parent] = part
				}
				parent += "/" + part
			}
		}
	})
}

// The body alone has them on AWS, where a resource besides would be a second truth; MiniStack reads the resources
// alone.
func TestGateway_AnswersForItselfInProblemDocuments(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		_, api := stack.only(t, "AWS::ApiGateway::RestApi")
		answers := api.Properties["Body"].(map[string]any)["x-amazon-apigateway-gateway-responses"].(map[string]any)
		for kind, status := range map[string]int{
			"MISSING_AUTHENTICATION_TOKEN": http.StatusNotFound, "INVALID_SIGNATURE": http.StatusNotFound,
			"EXPIRED_TOKEN":      http.StatusNotFound,
			"RESOURCE_NOT_FOUND": http.StatusNotFound, "REQUEST_TOO_LARGE": http.StatusRequestEntityTooLarge,
			"THROTTLED": http.StatusTooManyRequests,
		} {
			answer, _ := answers[kind].(map[string]any)
			if !is(answer["statusCode"], fmt.Sprint(status)) ||
				!strings.Contains(text(answer["responseParameters"]), "application/problem+json") ||
				!strings.Contains(text(answer["responseTemplates"]), "request_id") {
				t.Errorf("%s: got %s", kind, text(answer))
			}
		}
		resources := stack.of("AWS::ApiGateway::GatewayResponse")
		if !stack.drawing.stage.Emulated {
			if len(resources) > 0 {
				t.Errorf("%d answers are resources besides", len(resources))
			}
			return
		}
		if len(resources) != len(answers) {
			t.Errorf("%d answers are resources, want %d", len(resources), len(answers))
		}
		for id, r := range resources {
			answer := answers[r.Properties["ResponseType"].(string)].(map[string]any)
			for property, want := range map[string]any{
				"StatusCode": answer["statusCode"], "ResponseParameters": answer["responseParameters"],
				"ResponseTemplates": answer["responseTemplates"],
			} {
				if !is(r.Properties[property], want) {
					t.Errorf("%s: %s: got %s, want the body's %s", id, property, text(r.Properties[property]),
						text(want))
				}
			}
		}
	})
}

// A deployment is a snapshot: without a new one, callers would not see a changed body. The API itself, and so its
// address, stays; on an emulator, which cannot update it, all three are new.
func TestGateway_AChangedBodyIsDeployedAnew(t *testing.T) {
	kinds := []string{"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"}
	ids := func(stage Stage) map[string]string {
		stack, err := synthesise(stage, "body-"+stage.Name)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, kind := range kinds {
			found[kind], _ = stack.only(t, kind)
		}
		return found
	}
	for _, name := range []string{"local", "prod"} {
		stage := stages[name]
		before, again := ids(stage), ids(stage)
		gatewayAnswers = append(gatewayAnswers,
			gatewayAnswer{"QUOTA_EXCEEDED", 429, "throttled", "The usage plan is used up."})
		after := ids(stage)
		gatewayAnswers = gatewayAnswers[:len(gatewayAnswers)-1]
		for _, kind := range kinds {
			if before[kind] != again[kind] {
				t.Errorf("%s: %s is another without a change: %s, %s", name, kind, before[kind], again[kind])
			}
			isNew := before[kind] != after[kind]
			if want := stage.Emulated || kind == "AWS::ApiGateway::Deployment"; isNew != want {
				t.Errorf("%s: %s is new: %v, want %v", name, kind, isNew, want)
			}
		}
	}
	// The id that the API had with a resource for each method: AWS would merge the body into it.
	if id := ids(stages["prod"])["AWS::ApiGateway::RestApi"]; id == "apiC8550315" || id != "gateway" {
		t.Errorf("got the API's logical id %s, want gateway", id)
	}
}

// No stage allows more than a row does.
func TestGateway_LimitsEachOperationByItsRow(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		_, deployed := stack.only(t, "AWS::ApiGateway::Stage")
		got := map[string]map[string]any{}
		for _, s := range deployed.Properties["MethodSettings"].([]any) {
			setting := s.(map[string]any)
			got[setting["HttpMethod"].(string)+" "+setting["ResourcePath"].(string)] = setting
		}
		if want := len(contract.All()) + 1; len(got) != want {
			t.Fatalf("got %d settings, want one for each operation and one for the rest: %d", len(got), want)
		}
		most := stack.drawing.stage
		for _, o := range contract.All() {
			setting := got[o.Method+" /"+strings.ReplaceAll(o.Path, "/", "~1")]
			rate, burst := min(o.Rate.PerSecond, most.RequestsPerSecond), min(o.Rate.Burst, most.RequestBurst)
			if setting["ThrottlingRateLimit"] != rate || setting["ThrottlingBurstLimit"] != burst {
				t.Errorf("%s has %v, want %v a second and %v at once", o.ID, setting, rate, burst)
			}
		}
	})
}
