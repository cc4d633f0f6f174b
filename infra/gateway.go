package main

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/contract"
)

// API is the REST API. Its resources and methods are the contract's operations, nothing besides: what a caller may
// do is decided in the functions, where every emulator runs it too.
type API struct {
	drawing *Drawing
	api     awsapigateway.RestApi
}

// API adds the gateway, without any method yet.
func (d *Drawing) API() *API {
	log := awslogs.NewLogGroup(d.Stack, jsii.String("api-log"), &awslogs.LogGroupProps{
		Retention:     d.stage.LogRetention,
		RemovalPolicy: d.removal(true),
	})
	a := &API{drawing: d, api: awsapigateway.NewRestApi(d.Stack, jsii.String("api"), &awsapigateway.RestApiProps{
		RestApiName:   d.Stack.StackName(),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// Every body reaches the function as it was sent: base64 where the gateway thinks it is binary.
		BinaryMediaTypes: jsii.Strings("*/*"),
		// The account-wide role by which gateways write logs; CDK retains it, as other APIs may use it by then.
		CloudWatchRole: jsii.Bool(true),
		DeployOptions: &awsapigateway.StageOptions{
			StageName:            jsii.String(d.stage.Name),
			ThrottlingRateLimit:  jsii.Number(d.stage.RequestsPerSecond),
			ThrottlingBurstLimit: jsii.Number(d.stage.RequestBurst),
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(log),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(jsii.String(accessLog())),
		},
	})}
	a.api.Node().TryRemoveChild(jsii.String("Endpoint")) // CDK's own output of the address, under a random name
	for _, answer := range gatewayAnswers {
		a.answer(answer)
	}
	d.boxes = append(d.boxes, a)
	d.output("ApiId", a.api.RestApiId())
	d.output("ApiUrl", awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("https://"), a.api.RestApiId(), jsii.String(".execute-api."), d.Stack.Region(), jsii.String("."),
		d.Stack.UrlSuffix(), jsii.String("/" + d.stage.Name),
	}))
	return a
}

func (a *API) node() string  { return "api" }
func (a *API) shape() string { return "([API Gateway])" }

// Calls routes the function's operations to it. One permission covers them all: one for each method would pass
// the 20 KB that a function's policy may have at some 40 routes.
func (a *API) Calls(fn *Function) {
	integration := awsapigateway.NewLambdaIntegration(fn.function, &awsapigateway.LambdaIntegrationOptions{
		ScopePermissionToMethod: jsii.Bool(false),
	})
	for _, op := range contract.OwnedBy(fn.Name) {
		a.api.Root().ResourceForPath(jsii.String(op.Path)).AddMethod(jsii.String(op.Method), integration, nil)
	}
	a.drawing.Arrows = append(a.drawing.Arrows, Arrow{From: a, Verb: "calls", To: fn})
}

// gatewayAnswer is what API Gateway says by itself, in the shape of the functions' problem documents (RFC 9457).
type gatewayAnswer struct {
	id     string
	kind   awsapigateway.ResponseType
	status int
	code   string
	title  string
}

var gatewayAnswers = []gatewayAnswer{
	// API Gateway's name for a path or method that it does not know.
	{"no-such-operation", awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN(), 404, "no-such-operation", "There is no such operation."},
	{"too-large", awsapigateway.ResponseType_REQUEST_TOO_LARGE(), 413, "too-large", "The body is over 10 MB."},
	{"throttled", awsapigateway.ResponseType_THROTTLED(), 429, "throttled", "Too many requests: wait a moment and try again."},
	{"timed-out", awsapigateway.ResponseType_INTEGRATION_TIMEOUT(), 504, "unavailable", "The answer took too long: it is safe to repeat the request with its Idempotency-Key."},
	{"other-4xx", awsapigateway.ResponseType_DEFAULT_4XX(), 0, "refused", "The gateway refused the request."},
	{"other-5xx", awsapigateway.ResponseType_DEFAULT_5XX(), 0, "unavailable", "Something failed on our side: it is safe to repeat the request with its Idempotency-Key."},
}

// answer sets one; where it names no status, API Gateway's own stays, which a template cannot tell.
func (a *API) answer(g gatewayAnswer) {
	problem := map[string]any{"type": "about:blank", "title": g.title, "code": g.code, "request_id": "$context.requestId"}
	options := &awsapigateway.GatewayResponseOptions{
		Type:            g.kind,
		ResponseHeaders: &map[string]*string{"Content-Type": jsii.String("'application/problem+json'")},
	}
	if g.status != 0 {
		problem["status"] = g.status
		options.StatusCode = jsii.String(fmt.Sprint(g.status))
	}
	options.Templates = &map[string]*string{"application/json": jsii.String(mustJSON(problem))}
	a.api.AddGatewayResponse(jsii.String(g.id), options)
}

// accessLog is one line per request, of those too that reach no function. It has the route and not the path, so
// that no id and no query is in it.
func accessLog() string {
	return mustJSON(map[string]string{
		"request_id": "$context.requestId",
		"method":     "$context.httpMethod",
		"route":      "$context.resourcePath",
		"status":     "$context.status",
		"answer":     "$context.error.responseType",
		"ms":         "$context.responseLatency",
		"bytes":      "$context.responseLength",
	})
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
