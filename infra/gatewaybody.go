package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"plugboard/functions/console"
	"plugboard/shared/contract"
)

// binaryMediaTypes has every body reach the function as it was sent, in base64 where the gateway takes it for binary.
var binaryMediaTypes = []string{"*/*", "image/*"}

// compressFrom is the size in bytes from which the gateway compresses an answer, for callers that accept it.
const compressFrom = 1024

// pathParameter is one in an operation's path.
var pathParameter = regexp.MustCompile(`\{([a-z_]+)\}`)

// gatewayRoute is a method of a path, and the function that answers it.
type gatewayRoute struct {
	Method, Path string
	Function     contract.Function
}

// gatewayRoutes are the contract's operations and the console's pages.
func gatewayRoutes() []gatewayRoute {
	var all []gatewayRoute
	for _, o := range contract.All() {
		all = append(all, gatewayRoute{o.Method, o.Path, o.Function})
	}
	for _, r := range console.Routes() {
		all = append(all, gatewayRoute{r.Method, r.Path, contract.Console})
	}
	return all
}

// gatewayBody is what API Gateway imports: paths, methods and integrations. It is OpenAPI 3.0, as REST APIs take no
// 3.1, and has no schemas, as each would become a model. It is inline, as a body from S3 would not resolve the
// functions' ARNs. Every method is named: MiniStack knows no any-method.
func gatewayBody(stack awscdk.Stack, routes []gatewayRoute, uri func(contract.Function) string) map[string]any {
	paths := map[string]any{}
	for _, o := range routes {
		methods, ok := paths[o.Path].(map[string]any)
		if !ok {
			methods = map[string]any{}
			paths[o.Path] = methods
		}
		route := map[string]any{
			"responses": map[string]any{},
			"x-amazon-apigateway-integration": map[string]any{
				"type": "aws_proxy", "httpMethod": "POST", "passthroughBehavior": "when_no_match",
				"uri": uri(o.Function),
			},
		}
		var parameters []any
		for _, name := range pathParameter.FindAllStringSubmatch(o.Path, -1) {
			parameters = append(parameters, map[string]any{"name": name[1], "in": "path", "required": true,
				"schema": map[string]any{"type": "string"}})
		}
		if parameters != nil {
			route["parameters"] = parameters
		}
		methods[strings.ToLower(o.Method)] = route
	}
	answers := map[string]any{}
	for _, g := range gatewayAnswers {
		answers[g.kind] = g.body()
	}
	return map[string]any{
		"openapi": "3.0.1",
		"info": map[string]any{"title": *stack.StackName(),
			"version": contract.Version},
		"paths":                                  paths,
		"x-amazon-apigateway-binary-media-types": binaryMediaTypes,
		"x-amazon-apigateway-minimum-compression-size": compressFrom,
		"x-amazon-apigateway-gateway-responses":        answers,
	}
}

// gatewayAnswer is what API Gateway says by itself, in the shape of the functions' problem documents (RFC 9457).
type gatewayAnswer struct {
	kind   string // API Gateway's response type
	status int    // 0: API Gateway's own stays, which a template cannot tell
	code   string
	title  string
}

var gatewayAnswers = []gatewayAnswer{
	// API Gateway's name for a path or method that it does not know.
	{"MISSING_AUTHENTICATION_TOKEN", 404, "no-such-operation", "There is no such operation."},
	// With an Authorization header API Gateway takes such a request for one signed for AWS, which no operation is.
	{"INVALID_SIGNATURE", 404, "no-such-operation", "There is no such operation."},
	{"EXPIRED_TOKEN", 404, "no-such-operation", "There is no such operation."},
	{"RESOURCE_NOT_FOUND", 404, "no-such-operation", "There is no such operation."},
	// API Gateway takes 10 MB; Lambda takes 6 MB in base64, which is 4.5 MB.
	{"REQUEST_TOO_LARGE", 413, "too-large", "The body is larger than any operation takes: the most is 4 MB."},
	{"THROTTLED", 429, "throttled", "Too many requests: wait a moment and try again."},
	{"INTEGRATION_TIMEOUT", 504, "unavailable",
		"The answer took too long: it is safe to repeat the request with its Idempotency-Key."},
	{"DEFAULT_4XX", 0, "refused", "The gateway refused the request."},
	{"DEFAULT_5XX", 0, "unavailable", "Something failed on our side, or the body is over 4 MB. A smaller request is " +
		"safe to repeat with its Idempotency-Key."},
}

// body is the answer as the API's body declares it.
func (g gatewayAnswer) body() map[string]any {
	problem := map[string]any{"type": "about:blank", "title": g.title, "code": g.code,
		"request_id": "$context.requestId"}
	answer := map[string]any{"responseParameters": map[string]any{
		"gatewayresponse.header.Content-Type": "'application/problem+json'"}}
	if g.status != 0 {
		problem["status"] = g.status
		answer["statusCode"] = fmt.Sprint(g.status)
	}
	answer["responseTemplates"] = map[string]any{"application/json": mustJSON(problem)}
	return answer
}

// answerOnMiniStack declares the answers a second time, as resources: MiniStack ignores them in the body. Both
// emulators take both; on AWS the second declaration could only contradict the first.
func (a *API) answerOnMiniStack(deployment awsapigateway.CfnDeployment) {
	for _, g := range gatewayAnswers {
		answer := g.body()
		props := &awsapigateway.CfnGatewayResponseProps{
			RestApiId: a.api.Ref(), ResponseType: jsii.String(g.kind),
			ResponseParameters: answer["responseParameters"], ResponseTemplates: answer["responseTemplates"],
		}
		if status, ok := answer["statusCode"].(string); ok {
			props.StatusCode = &status
		}
		deployment.AddResourceDependency(awsapigateway.NewCfnGatewayResponse(a.api, jsii.String(g.kind), props),
			jsii.String("a deployment is a snapshot"))
	}
}
