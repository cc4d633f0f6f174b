package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// template is what CloudFormation would get.
type template struct {
	Resources map[string]resource
	Outputs   map[string]any
	file      string
	drawing   *Drawing
}

type resource struct {
	Type       string
	Properties map[string]any
	// What becomes of it with the stack.
	DeletionPolicy string
}

// of is the resources of one type, by logical id.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

var synthesised = map[string]func() (template, error){}

func init() {
	for name := range stages {
		synthesised[name] = sync.OnceValues(func() (template, error) { return synthesise(stages[name], name) })
	}
}

// synthesise does it in a folder of that name.
func synthesise(stage Stage, folder string) (template, error) {
	build, err := os.MkdirTemp("", "plugboard-build")
	if err != nil {
		return template{}, err
	}
	defer os.RemoveAll(build)
	for _, function := range folders() { // the template names the code by its hash only
		at := filepath.Join(build, stage.Architecture, function)
		if err := os.MkdirAll(at, 0o700); err != nil {
			return template{}, err
		}
		if err := os.WriteFile(filepath.Join(at, "bootstrap"), []byte(function), 0o600); err != nil {
			return template{}, err
		}
	}
	out, err := filepath.Abs(filepath.Join("..", "build", "cdk.out", "test-"+folder))
	if err != nil {
		return template{}, err
	}
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(out)})
	t := template{drawing: Plugboard(app, stage, build),
		file: filepath.Join(out, "plugboard-"+stage.Name+".template.json")}
	app.Synth(nil)
	text, err := os.ReadFile(t.file)
	if err != nil {
		return template{}, err
	}
	return t, json.Unmarshal(text, &t)
}

// folders are the functions that exist.
func folders() []string {
	mains, _ := filepath.Glob("../functions/*/lambda/main.go")
	var names []string
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(filepath.Dir(main))))
	}
	return names
}

// everyStage runs the test on each stage's template.
func everyStage(t *testing.T, test func(t *testing.T, stack template)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(stages)) {
		t.Run(name, func(t *testing.T) {
			stack, err := synthesised[name]()
			if err != nil {
				t.Fatal(err)
			}
			test(t, stack)
		})
	}
}

// is tells whether a property has the value, whatever Go type JSON gave it.
func is(got, want any) bool { return text(got) == text(want) }

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// target is the logical id that a Ref or GetAtt names.
func target(v any) string {
	m, _ := v.(map[string]any)
	if ref, ok := m["Ref"].(string); ok {
		return ref
	}
	if att, ok := m["Fn::GetAtt"].([]any); ok {
		return att[0].(string)
	}
	return ""
}

// CloudFormation ends at 500 resources and at 1 MB of a template.
func TestStack_FitsCloudFormation(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		text, err := os.ReadFile(stack.file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d resources in %d bytes", len(stack.Resources), len(text))
		if got := len(stack.Resources); got > 150 {
			t.Errorf("resources: got %d, want at most 150", got)
		}
		if got := len(text); got > 500<<10 {
			t.Errorf("bytes: got %d, want at most half of what CloudFormation takes", got)
		}
	})
}

func TestStack_HasAFunctionForEachFolder(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		var got []string
		for _, f := range stack.drawing.Functions {
			got = append(got, string(f.Name))
		}
		slices.Sort(got)
		if want := folders(); !slices.Equal(got, want) {
			t.Errorf("functions: got %v, want the folders %v", got, want)
		}
	})
}

func TestGateway_MayInvokeEachFunctionByOnePermission(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		permissions := map[string]int{}
		for _, p := range stack.of("AWS::Lambda::Permission") {
			if !is(p.Properties["Principal"], "apigateway.amazonaws.com") {
				continue
			}
			permissions[target(p.Properties["FunctionName"])]++
		}
		if got, want := len(permissions), len(contract.Functions); got != want {
			t.Errorf("functions with a permission: got %d, want %d", got, want)
		}
		for id, got := range permissions {
			if got != 1 {
				t.Errorf("%s: got %d permissions, want 1", id, got)
			}
		}
	})
}

// What an arrow grants is all that its function may do, besides writing its own log: CDK adds nothing.
func TestFunctions_MayDoWhatTheirArrowsSay(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		granted := map[string][]string{}
		for id, p := range stack.of("AWS::IAM::Policy") {
			statements := p.Properties["PolicyDocument"].(map[string]any)["Statement"].([]any)
			for _, s := range statements {
				statement := s.(map[string]any)
				if is(statement["Resource"], "*") || strings.Contains(text(statement["Action"]), "*") {
					t.Errorf("%s has a wildcard: %s", id, text(statement))
				}
				actions, ok := statement["Action"].([]any)
				if !ok {
					actions = []any{statement["Action"]}
				}
				name, _, _ := strings.Cut(id, "role")
				for _, action := range actions {
					granted[name] = append(granted[name], action.(string))
				}
			}
		}
		for _, f := range stack.drawing.Functions {
			want := []string{"logs:CreateLogStream", "logs:PutLogEvents"}
			for _, arrow := range stack.drawing.Arrows {
				_, calledByOther := arrow.From.(*Function)
				if arrow.From == Box(f) || arrow.To == Box(f) && !calledByOther {
					want = append(want, arrow.Grant.Actions...)
					if besides := arrow.Grant.Besides; besides != nil {
						want = append(want, besides.Actions...)
					}
				}
				if _, stream := arrow.From.(*Table); stream && arrow.To == Box(f) {
					want = append(want, "sqs:SendMessage") // to the stream's dead-letter queue
				}
			}
			got := granted[string(f.Name)]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s may do\ngot  %v\nwant %v", f.Name, got, want)
			}
		}
		for id, r := range stack.of("AWS::IAM::Role") {
			if r.Properties["ManagedPolicyArns"] != nil && !strings.HasPrefix(id, "gatewaylogrole") {
				t.Errorf("%s has a managed policy: they allow more than one function needs", id)
			}
		}
	})
}

func TestFunctions_KnowWhatTheirArrowsSay(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for id, r := range stack.of("AWS::Lambda::Function") {
			name, _, _ := strings.Cut(id, "function")
			want := map[string]bool{"STAGE": true, "GOGC": true}
			for _, arrow := range stack.drawing.Arrows {
				f, ok := arrow.From.(*Function)
				if _, gateway := arrow.From.(*API); gateway {
					f, ok = arrow.To.(*Function)
				}
				if ok && string(f.Name) == name {
					for variable := range arrow.Grant.Env {
						want[variable] = true
					}
				}
			}
			variables := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			got, wanted := slices.Sorted(maps.Keys(variables)), slices.Sorted(maps.Keys(want))
			if !slices.Equal(got, wanted) {
				t.Errorf("%s: variables: got %v, want %v", name, got, wanted)
			}
		}
	})
}

func TestFunctions_KeepTheirLogsForTheStagesTime(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		logs := stack.of("AWS::Logs::LogGroup")
		for id, log := range logs {
			if log.Properties["RetentionInDays"] == nil {
				t.Errorf("%s is kept for ever", id)
			}
		}
		for id, f := range stack.of("AWS::Lambda::Function") {
			config, _ := f.Properties["LoggingConfig"].(map[string]any)
			if _, ok := logs[target(config["LogGroup"])]; !ok {
				t.Errorf("%s has no log group of the stack", id)
			}
		}
	})
}

func TestQueues_HaveADeadLetterQueueWithAnAlarm(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		queues := stack.of("AWS::SQS::Queue")
		timeouts := map[string]float64{}
		for id, f := range stack.of("AWS::Lambda::Function") {
			timeouts[id] = f.Properties["Timeout"].(float64)
		}
		alarmed := map[string][]string{} // queue to metrics
		for id, a := range stack.of("AWS::CloudWatch::Alarm") {
			if len(a.Properties["AlarmActions"].([]any)) == 0 {
				t.Errorf("alarm %s tells nobody", id)
			}
			for _, d := range a.Properties["Dimensions"].([]any) {
				if d.(map[string]any)["Name"] != "QueueName" {
					continue
				}
				queue := target(d.(map[string]any)["Value"])
				alarmed[queue] = append(alarmed[queue], a.Properties["MetricName"].(string))
			}
		}
		consumed := 0
		for _, m := range stack.of("AWS::Lambda::EventSourceMapping") {
			id := target(m.Properties["EventSourceArn"])
			queue, ok := queues[id]
			if !ok {
				continue // the stream
			}
			consumed++
			redrive, _ := queue.Properties["RedrivePolicy"].(map[string]any)
			dead := target(redrive["deadLetterTargetArn"])
			if !is(redrive["maxReceiveCount"], 5) || queues[dead].Type == "" {
				t.Errorf("%s: redrive policy: got %v", id, redrive)
			}
			if !is(queues[dead].Properties["MessageRetentionPeriod"], 14*24*3600) {
				t.Errorf("%s does not keep messages for 14 days", dead)
			}
			if !slices.Contains(alarmed[dead], "ApproximateNumberOfMessagesVisible") {
				t.Errorf("%s has no alarm", dead)
			}
			if !slices.Contains(alarmed[id], "ApproximateAgeOfOldestMessage") {
				t.Errorf("%s has no alarm on its age", id)
			}
			if got, least := queue.Properties["VisibilityTimeout"].(float64),
				6*timeouts[target(m.Properties["FunctionName"])]; got < least {
				t.Errorf("%s: visibility timeout: got %v s, want ≥ %v s", id, got, least)
			}
			if !is(m.Properties["FunctionResponseTypes"], []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s: one failure returns the whole batch", id)
			}
			if m.Properties["ScalingConfig"] == nil {
				t.Errorf("%s may take all of the account's concurrency", id)
			}
		}
		if consumed == 0 {
			t.Error("no queue has a consumer")
		}
	})
}

func TestSchedule_SendsTheDailyCheckToAQueueThatTakesItFromNobodyElse(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		rules, policies := stack.of("AWS::Events::Rule"), stack.of("AWS::SQS::QueuePolicy")
		if len(rules) != 2 {
			t.Fatalf("got %d rules, want two", len(rules))
		}
		for id, r := range rules {
			if id == wakesRedelivery {
				continue
			}
			target := r.Properties["Targets"].([]any)[0].(map[string]any)
			var message events.Provision
			if err := json.Unmarshal([]byte(target["Input"].(string)), &message); err != nil || message.Check == nil ||
				*message.Check != (events.DriftCheck{}) {
				t.Errorf("%s sends %v, %v", id, target["Input"], err)
			}
			if !is(r.Properties["ScheduleExpression"], "rate(1 day)") ||
				!strings.Contains(text(target["Arn"]), "provisions") {
				t.Errorf("%s: got %s", id, text(r.Properties))
			}
			allowed := 0
			for name, p := range policies {
				document := text(p.Properties["PolicyDocument"])
				if !strings.Contains(document, `"Effect":"Allow"`) {
					continue
				}
				allowed++
				if !strings.Contains(document, id) || !strings.Contains(document, "events.amazonaws.com") ||
					!strings.Contains(text(p.Properties["Queues"]), "provisions") {
					t.Errorf("%s: got %s", name, document)
				}
			}
			if allowed != 1 {
				t.Errorf("%d queues take messages of others, want one", allowed)
			}
		}
	})
}

const wakesRedelivery = "everyminute"

func TestSchedule_WakesRedeliveryEveryMinuteAndMayCallNothingElse(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		rule, ok := stack.of("AWS::Events::Rule")[wakesRedelivery]
		if !ok || !is(rule.Properties["ScheduleExpression"], "rate(1 minute)") ||
			!strings.Contains(text(rule.Properties["Targets"]), "redeliveryfunction") {
			t.Fatalf("got %s", text(rule.Properties))
		}
		allowed := 0
		for id, p := range stack.of("AWS::Lambda::Permission") {
			if !is(p.Properties["Principal"], "events.amazonaws.com") {
				continue
			}
			if allowed++; !strings.Contains(text(p.Properties["SourceArn"]), wakesRedelivery) ||
				!strings.Contains(text(p.Properties["FunctionName"]), "redeliveryfunction") {
				t.Errorf("%s: got %s", id, text(p.Properties))
			}
		}
		if allowed != 1 {
			t.Errorf("%d functions may be called by a rule, want one", allowed)
		}
		alarms := 0
		for _, a := range stack.of("AWS::CloudWatch::Alarm") {
			if is(a.Properties["MetricName"], "Errors") &&
				strings.Contains(text(a.Properties["Dimensions"]), "redeliveryfunction") {
				alarms++
			}
		}
		if alarms != 1 {
			t.Errorf("%d alarms tell that redelivery fails, want one", alarms)
		}
	})
}

func TestStream_FeedsOutboxInsertsWithinLimits(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		var streams []map[string]any
		for _, m := range stack.of("AWS::Lambda::EventSourceMapping") {
			if strings.Contains(text(m.Properties["EventSourceArn"]), "StreamArn") {
				streams = append(streams, m.Properties)
			}
		}
		if len(streams) != 1 {
			t.Fatalf("stream mappings: got %d, want 1", len(streams))
		}
		stream := streams[0]
		for property, want := range map[string]any{
			"FilterCriteria": map[string]any{"Filters": []any{map[string]any{
				"Pattern": `{"dynamodb":{"NewImage":{"outbox":{"S":[{"exists":true}]}}}}`,
			}}},
			"StartingPosition":           "TRIM_HORIZON",
			"BatchSize":                  100,
			"BisectBatchOnFunctionError": true,
			"MaximumRetryAttempts":       10,
			"MaximumRecordAgeInSeconds":  6 * 3600,
		} {
			if !is(stream[property], want) {
				t.Errorf("%s: got %s, want %s", property, text(stream[property]), text(want))
			}
		}
		failure := stream["DestinationConfig"].(map[string]any)["OnFailure"].(map[string]any)["Destination"]
		if id := target(failure); stack.Resources[id].Type != "AWS::SQS::Queue" {
			t.Errorf("failure destination: got %s, want a queue", text(failure))
		}
	})
}

func TestTables_AreOnDemandExpireAndRecover(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for _, declared := range []store.Table{store.AccountsTable, store.DeliveriesTable} {
			var table resource
			for id, r := range stack.of("AWS::DynamoDB::Table") {
				if strings.HasPrefix(id, "tables"+declared.Name) {
					table = r
				}
			}
			for property, want := range map[string]any{
				"BillingMode":             "PAY_PER_REQUEST",
				"TimeToLiveSpecification": map[string]any{"AttributeName": store.ExpiresAt, "Enabled": true},
				"KeySchema": []any{
					map[string]any{"AttributeName": store.PartitionKey, "KeyType": "HASH"},
					map[string]any{"AttributeName": store.SortKey, "KeyType": "RANGE"},
				},
				"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": declared.Restorable},
			} {
				if !is(table.Properties[property], want) {
					t.Errorf("%s: %s: got %s, want %s", declared.Name, property, text(table.Properties[property]),
						text(want))
				}
			}
			if got, want := table.Properties["StreamSpecification"] != nil, declared.Stream; got != want {
				t.Errorf("%s: stream: got %v, want %v", declared.Name, got, want)
			}
			var indexes any
			if index := declared.Index; index != nil {
				indexes = []any{map[string]any{
					"IndexName": index.Name,
					"KeySchema": []any{
						map[string]any{"AttributeName": index.PartitionKey, "KeyType": "HASH"},
						map[string]any{"AttributeName": index.SortKey, "KeyType": "RANGE"},
					},
					"Projection": map[string]any{"NonKeyAttributes": index.Includes, "ProjectionType": "INCLUDE"},
				}}
			}
			if got := table.Properties["GlobalSecondaryIndexes"]; !is(got, indexes) {
				t.Errorf("%s: indexes: got %s, want %s", declared.Name, text(got), text(indexes))
			}
			want := "Delete"
			if stack.drawing.stage.Keep { // the log too: parked and due deliveries are in no other place
				want = "Retain"
			}
			if got := table.Properties["DeletionProtectionEnabled"]; !is(got, stack.drawing.stage.Keep) {
				t.Errorf("%s: deletion protection: got %v", declared.Name, got)
			}
			if table.DeletionPolicy != want {
				t.Errorf("%s: deletion policy: got %s, want %s", declared.Name, table.DeletionPolicy, want)
			}
		}
	})
}

func TestKey_Rotates(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		keys := stack.of("AWS::KMS::Key")
		if len(keys) != 1 {
			t.Errorf("keys: got %d, want 1", len(keys))
		}
		for id, key := range keys {
			if !is(key.Properties["EnableKeyRotation"], true) {
				t.Errorf("%s does not rotate", id)
			}
		}
	})
}

// Design rule 21: what is open on a developer's machine is open nowhere else.
func TestPrivateTargets_AreAllowedLocallyOnly(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		local := stack.drawing.stage.Name == "local"
		for id, f := range stack.of("AWS::Lambda::Function") {
			variables := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			if allowed, ok := variables["ALLOW_PRIVATE_TARGETS"]; ok && !is(allowed, fmt.Sprint(local)) {
				t.Errorf("%s: ALLOW_PRIVATE_TARGETS: got %v", id, allowed)
			}
			if !local && variables["OIDC_JWKS"] != nil {
				t.Errorf("%s trusts inline keys", id)
			}
		}
	})
}

func TestREADME_ShowsTheStack(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- drawing -->\n")
	got, _, found := strings.Cut(rest, "<!-- /drawing -->")
	if !found {
		t.Fatal("README.md has no <!-- drawing --> … <!-- /drawing --> block")
	}
	stack, err := synthesised["local"]()
	if err != nil {
		t.Fatal(err)
	}
	if want := stack.drawing.Mermaid(); got != want {
		t.Errorf("README.md's drawing is stale: put what `make drawing` prints between its "+
			"markers.\ngot:\n%s\nwant:\n%s", got, want)
	}
}

func TestTemplates_PassCfnLint(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		// W3005: CDK writes a function's dependency on its role and policy out in full.
		ignored := []string{"W3005"}
		if stack.drawing.stage.Emulated {
			ignored = append(ignored, "W3660") // gateway responses beside the body, for MiniStack
		}
		out, err := exec.Command(".venv/bin/cfn-lint",
			append([]string{"--template", stack.file, "--ignore-checks"}, ignored...)...).CombinedOutput()
		if err != nil {
			t.Errorf("cfn-lint (`make test` installs it): %v\n%s", err, out)
		}
	})
}

// A table that was restored stands in for the stack's own everywhere, and that one is left as it is: it is kept.
func TestTables_ARestoredOneStandsInForTheStacks(t *testing.T) {
	stage := stages["prod"]
	stage.Restored = Restored{Of: store.AccountsTable.Name, Table: "accounts-restored",
		Stream: "arn:aws:dynamodb:eu-north-1:123456789012:table/accounts-restored/stream/2026"}
	stack, err := synthesise(stage, "restored")
	if err != nil {
		t.Fatal(err)
	}
	if own := stack.of("AWS::DynamoDB::Table"); len(own) != 1 {
		t.Errorf("the stack has %d tables, want the deliveries' alone", len(own))
	}
	streams, of := 0, 0
	for _, m := range stack.of("AWS::Lambda::EventSourceMapping") {
		if is(m.Properties["EventSourceArn"], stage.Restored.Stream) {
			streams++
		}
	}
	for id, f := range stack.of("AWS::Lambda::Function") {
		variables := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if name, ok := variables["ACCOUNTS_TABLE"]; ok {
			if of++; name != stage.Restored.Table {
				t.Errorf("%s has the table %v", id, name)
			}
		}
	}
	for id, p := range stack.of("AWS::IAM::Policy") {
		if document := text(p.Properties["PolicyDocument"]); strings.Contains(document, "dynamodb:") &&
			!strings.Contains(document, "table/"+stage.Restored.Table) {
			t.Errorf("%s grants nothing on it: %s", id, document)
		}
	}
	if streams != 1 || of != len(stack.drawing.Functions) {
		t.Errorf("%d mappings are of its stream, %d functions know it", streams, of)
	}
}

// A first deployment that fails leaves nothing behind but tables, whose own protection would stop the roll-back.
func TestKept_WhatOutlivesTheStackGoesWithAFailedFirstDeployment(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		want := "Delete"
		if stack.drawing.stage.Keep {
			want = "RetainExceptOnCreate"
		}
		for _, kind := range []string{"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"} {
			if len(stack.of(kind)) == 0 {
				t.Errorf("the stack has no %s", kind)
			}
			for id, r := range stack.of(kind) {
				if r.DeletionPolicy != want {
					t.Errorf("%s: deletion policy: got %s, want %s", id, r.DeletionPolicy, want)
				}
			}
		}
	})
}

// Secrets Manager refuses to make a secret with a character of a type whose characters are all excluded.
func TestSecret_CanBeMadeAsItIsAskedFor(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for id, r := range stack.of("AWS::SecretsManager::Secret") {
			how := r.Properties["GenerateSecretString"].(map[string]any)
			if !is(how["RequireEachIncludedType"], false) || !is(how["ExcludePunctuation"], true) ||
				!is(how["PasswordLength"], 48) {
				t.Errorf("%s: got %s", id, text(how))
			}
		}
	})
}

// Browsers call through the platform's own origin: no other page may read an answer (infra/README.md).
func TestGateway_LetsNoOtherOriginIn(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		if template := text(stack.Resources); strings.Contains(template, "Access-Control-") ||
			strings.Contains(strings.ToLower(template), `"options"`) {
			t.Error("the template speaks of CORS")
		}
	})
}

// An account has one role in a region by which API Gateway writes logs: a stage can leave alone the one that is there.
func TestGateway_LeavesTheAccountsLogRoleAloneWhereTheStageSaysSo(t *testing.T) {
	stage := stages["prod"]
	stage.GatewayLogRoleExists = true
	stack, err := synthesise(stage, "log-role")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(stack.of("AWS::ApiGateway::Account")); n != 0 {
		t.Errorf("the stack sets the account's role %d times", n)
	}
	everyStage(t, func(t *testing.T, stack template) {
		if n := len(stack.of("AWS::ApiGateway::Account")); n != 1 {
			t.Errorf("the stack sets the account's role %d times, want once", n)
		}
	})
}

// With fixed addresses the function that posts has them, and no other does.
func TestDelivery_ComesFromFixedAddressesWhereTheStageHasThem(t *testing.T) {
	stage := stages["prod"]
	stage.FixedAddresses = 2
	stack, err := synthesise(stage, "fixed")
	if err != nil {
		t.Fatal(err)
	}
	if n, gateways := len(stack.of("AWS::EC2::EIP")), len(stack.of("AWS::EC2::NatGateway")); n != 2 || gateways != 2 {
		t.Errorf("%d addresses, %d gateways, want 2 and 2", n, gateways)
	}
	for id, f := range stack.of("AWS::Lambda::Function") {
		tells := strings.HasPrefix(id, "webhooksfunction") || strings.HasPrefix(id, "consolefunction")
		if told := strings.Contains(text(f.Properties["Environment"]), "DELIVERY_ADDRESSES"); told != tells {
			t.Errorf("%s knows the addresses that deliveries come from: %v", id, told)
		}
		if inside := f.Properties["VpcConfig"] != nil; inside != strings.HasPrefix(id, "deliveryfunction") {
			t.Errorf("%s is in the network: %v", id, inside)
		}
	}
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html, version 3
	for _, action := range []string{"CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets",
		"DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"} {
		if !strings.Contains(text(stack.of("AWS::IAM::Policy")), `"ec2:`+action+`"`) {
			t.Errorf("delivery may not call ec2:%s", action)
		}
	}
	for _, output := range []string{"Address1", "Address2"} {
		if stack.Outputs[output] == nil {
			t.Errorf("there is no output %s", output)
		}
	}
	everyStage(t, func(t *testing.T, stack template) {
		if n := len(stack.of("AWS::EC2::VPC")); n > 0 {
			t.Errorf("a stage without fixed addresses has %d networks", n)
		}
	})
}

func TestDashboard_ShowsEveryQueueFunctionTableAlarmAndMetric(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		boards := stack.of("AWS::CloudWatch::Dashboard")
		if len(boards) != 1 {
			t.Fatalf("got %d dashboards, want 1", len(boards))
		}
		for _, b := range boards {
			body, err := json.Marshal(b.Properties["DashboardBody"])
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"AWS::SQS::Queue", "AWS::Lambda::Function", "AWS::DynamoDB::Table",
				"AWS::CloudWatch::Alarm"} {
				for id := range stack.of(kind) {
					if !strings.Contains(string(body), `"`+id+`"`) {
						t.Errorf("it does not show %s", id)
					}
				}
			}
			for _, n := range metric.Names() {
				if !strings.Contains(string(body), fmt.Sprintf(`\"%s\",\"%s\",\"%s\",\"%s\"`, metric.Namespace, n,
					metric.StageDimension, stack.drawing.stage.Name)) {
					t.Errorf("it does not show %s", n)
				}
			}
		}
	})
}
