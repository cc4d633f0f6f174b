package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/contract"
)

// API is the REST API. Its body (gatewaybody.go) has the contract's operations and the console's pages, and nothing
// besides. The functions authorise callers, since every emulator runs the functions.
type API struct {
	drawing *Drawing
	api     awsapigateway.CfnRestApi
	callees map[contract.Function]*Function
}

// API adds the gateway, without any operation yet.
func (d *Drawing) API() *API {
	// A deployment is a snapshot of the body: a changed body needs a new one, which is a new logical id.
	body := digest(gatewayBody(d.Stack, gatewayRoutes(), func(f contract.Function) string { return string(f) }))
	suffix := ""
	if d.stage.Emulated {
		suffix = "-" + body
	}
	a := &API{drawing: d, callees: map[contract.Function]*Function{}}
	a.api = awsapigateway.NewCfnRestApi(d.Stack, jsii.String("gateway"+suffix), &awsapigateway.CfnRestApiProps{
		Name:                  d.Stack.StackName(),
		EndpointConfiguration: &awsapigateway.CfnRestApi_EndpointConfigurationProperty{Types: jsii.Strings("REGIONAL")},
		// The emulators read these here, and AWS in the body.
		BinaryMediaTypes:       jsii.Strings(binaryMediaTypes...),
		MinimumCompressionSize: jsii.Number(compressFrom),
	})
	deployment := awsapigateway.NewCfnDeployment(d.Stack, jsii.String("gateway-deployment-"+body),
		&awsapigateway.CfnDeploymentProps{
			RestApiId: a.api.Ref(),
		})
	if d.stage.Emulated {
		a.answerOnMiniStack(deployment)
	}
	a.serve(deployment, "gateway-stage"+suffix)
	d.watchAPI()
	d.boxes = append(d.boxes, a)
	d.output("ApiId", a.api.Ref())
	d.output("ApiUrl", awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("https://"), a.api.Ref(), jsii.String(".execute-api."), d.Stack.Region(), jsii.String("."),
		d.Stack.UrlSuffix(), jsii.String("/" + d.stage.Name),
	}))
	return a
}

// serve puts the deployment under the stage's name, with its access log.
func (a *API) serve(deployment awsapigateway.CfnDeployment, id string) {
	d := a.drawing
	log := awslogs.NewLogGroup(d.Stack, jsii.String("api-log"), &awslogs.LogGroupProps{
		Retention:     d.stage.LogRetention,
		RemovalPolicy: d.kept(),
	})
	stage := awsapigateway.NewCfnStage(d.Stack, jsii.String(id), &awsapigateway.CfnStageProps{
		RestApiId:      a.api.Ref(),
		DeploymentId:   deployment.Ref(),
		StageName:      jsii.String(d.stage.Name),
		MethodSettings: d.throttles(),
		AccessLogSetting: &awsapigateway.CfnStage_AccessLogSettingProperty{
			DestinationArn: log.LogGroupArn(), Format: jsii.String(accessLog()),
		},
	})
	if d.stage.Console.Domain != "" {
		a.domain(stage)
	}
	if !d.stage.GatewayLogRoleExists {
		stage.AddResourceDependency(d.gatewaysMayLog(),
			jsii.String("API Gateway refuses an access log before the role is set"))
	}
}

// throttles are the rates of the operations' rows, as far as the stage allows them. Other routes have the stage's rate.
// A path's slashes are ~1 here (AWS::ApiGateway::Stage MethodSetting, "ResourcePath").
func (d *Drawing) throttles() []any {
	setting := func(path, method string, r contract.Rate) any {
		return &awsapigateway.CfnStage_MethodSettingProperty{
			ResourcePath: &path, HttpMethod: &method,
			ThrottlingRateLimit:  jsii.Number(min(r.PerSecond, d.stage.RequestsPerSecond)),
			ThrottlingBurstLimit: jsii.Number(min(r.Burst, d.stage.RequestBurst)),
		}
	}
	all := []any{setting("/*", "*", contract.Rate{PerSecond: d.stage.RequestsPerSecond, Burst: d.stage.RequestBurst})}
	for _, o := range contract.All() {
		all = append(all, setting("/"+strings.ReplaceAll(o.Path, "/", "~1"), o.Method, o.Rate))
	}
	return all
}

// gatewaysMayLog sets the account-wide role by which gateways write logs. The stack leaves it behind when it is
// deleted, as other APIs of the account may use it by then.
func (d *Drawing) gatewaysMayLog() awsapigateway.CfnAccount {
	role := awsiam.NewRole(d.Stack, jsii.String("gateway-log-role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(
				jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs")),
		},
	})
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	account := awsapigateway.NewCfnAccount(d.Stack, jsii.String("gateway-account"),
		&awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return account
}

// domain puts the API under the platform's own name.
func (a *API) domain(stage awsapigateway.CfnStage) {
	d, console := a.drawing, a.drawing.stage.Console
	name := awsapigateway.NewCfnDomainName(d.Stack, jsii.String("domain"), &awsapigateway.CfnDomainNameProps{
		DomainName:             &console.Domain,
		RegionalCertificateArn: &console.Certificate,
		EndpointConfiguration: &awsapigateway.CfnDomainName_EndpointConfigurationProperty{
			Types: jsii.Strings("REGIONAL")},
		SecurityPolicy: jsii.String("TLS_1_2"),
	})
	awsapigateway.NewCfnBasePathMapping(name, jsii.String("mapping"), &awsapigateway.CfnBasePathMappingProps{
		DomainName: name.Ref(), RestApiId: a.api.Ref(), Stage: stage.Ref(),
	})
	d.output("DomainTarget", name.AttrRegionalDomainName())
}

func (a *API) node() string  { return "api" }
func (a *API) shape() string { return "([API Gateway])" }

// Calls routes the function's operations, or its pages, to it. One permission covers them all: one for each method
// would pass the 20 KB that a function's policy may have at some 40 routes.
func (a *API) Calls(fn *Function) {
	d := a.drawing
	a.callees[fn.Name] = fn
	var routes []gatewayRoute
	for _, r := range gatewayRoutes() {
		if a.callees[r.Function] != nil {
			routes = append(routes, r)
		}
	}
	a.api.SetBody(gatewayBody(d.Stack, routes, func(f contract.Function) string {
		return fmt.Sprintf("arn:%s:apigateway:%s:lambda:path/2015-03-31/functions/%s/invocations",
			*d.Stack.Partition(), *d.Stack.Region(), *a.callees[f].function.FunctionArn())
	}))
	awslambda.NewCfnPermission(fn.function, jsii.String("api"), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: fn.function.FunctionArn(),
		Principal: jsii.String("apigateway.amazonaws.com"),
		SourceArn: d.Stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: a.api.Ref(),
			ResourceName: jsii.String(d.stage.Name + "/*/*"),
		}),
	})
	fn.allow(Grant{Env: limitOf(d.stage)})
	d.Arrows = append(d.Arrows, Arrow{From: a, Verb: "calls", To: fn, Grant: Grant{Env: limitOf(d.stage)}})
}

// limitOf has a function limit each account and partner. The gateway cannot tell them apart.
func limitOf(s Stage) map[string]*string {
	return map[string]*string{"CALLER_REQUESTS_PER_SECOND": jsii.String(fmt.Sprint(s.CallerPerSecond))}
}

// digest is short enough for a logical id, and another for another value.
func digest(v any) string {
	sum := sha256.Sum256([]byte(mustJSON(v)))
	return hex.EncodeToString(sum[:4])
}

// accessLog is one line per request, of those too that reach no function. It has the route and not the path, so
// that no id and no query is in it. The gateway knows where a request came from and not who called: the line of the
// function's log with the same request_id names the caller.
func accessLog() string {
	return mustJSON(map[string]string{
		"request_id": "$context.requestId",
		"source":     "$context.identity.sourceIp",
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
