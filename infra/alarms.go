package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/metric"
)

// runbookRow is the row of RUNBOOK.md that says what to do when an alarm speaks; the alarm's description ends with it.
type runbookRow string

const (
	deadLetters       runbookRow = "dead letters"
	queueBacklog      runbookRow = "queue backlog"
	streamBacklog     runbookRow = "stream backlog"
	functionErrors    runbookRow = "function errors"
	functionThrottles runbookRow = "function throttles"
	apiErrors         runbookRow = "API errors"
	apiLatency        runbookRow = "API latency"
	tableThrottles    runbookRow = "table throttles"
	tableConflicts    runbookRow = "table conflicts"
)

// alarm tells the topic when the metric reaches the threshold. Missing data is good news, and there is none at first,
// so that no alarm speaks at its creation.
func (d *Drawing) alarm(scope constructs.Construct, id string, row runbookRow, text string, of awscloudwatch.IMetric,
	threshold float64,
	changes ...func(*awscloudwatch.AlarmProps)) awscloudwatch.Alarm {
	props := &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(fmt.Sprintf("%s RUNBOOK.md: %s.", text, row)),
		Metric:             of,
		Threshold:          jsii.Number(threshold),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		EvaluationPeriods:  jsii.Number(1),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	}
	for _, change := range changes {
		change(props)
	}
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), props)
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(d.alarms))
	d.alarmed = append(d.alarmed, alarm)
	return alarm
}

// alarmDelay is how many minutes a fault must last before an alarm speaks: one sweep may come late.
const alarmDelay = 5

// RunbookRowsOf tells the topic when a metric was not 0 for five minutes, and when it stopped coming. Redelivery puts
// it every minute, also when it is 0. Silence is the state INSUFFICIENT_DATA, in which an alarm begins: it tells only
// who leaves OK for it, whereas missing data that counts as breaching would speak at the creation.
func (d *Drawing) RunbookRowsOf(name metric.Name, text string) {
	alarm := d.alarm(d.Stack, strings.ToLower(string(name)), runbookRow(name),
		text+" Or redelivery, which looks every minute, does not.",
		d.metric(metric.Namespace, string(name), "Maximum",
			"", map[string]*string{metric.StageDimension: &d.stage.Name}, time.Minute),
		1, sustained(alarmDelay), func(p *awscloudwatch.AlarmProps) {
			p.TreatMissingData = awscloudwatch.TreatMissingData_MISSING
		})
	alarm.AddInsufficientDataAction(awscloudwatchactions.NewSnsAction(d.alarms))
}

// sustained has an alarm speak after so many periods in a row.
func sustained(periods float64) func(*awscloudwatch.AlarmProps) {
	return func(p *awscloudwatch.AlarmProps) { p.EvaluationPeriods = jsii.Number(periods) }
}

// alarmPeriod is what the alarms of machines count over.
const alarmPeriod = 5 * time.Minute

// What is normal stays below these, in five minutes. A failed call of a worker is repeated, a conflict and a throttled
// write are too.
const (
	errorsMost    = 6 // Lambda repeats an asynchronous call twice: two calls
	throttlesMost = 10
	conflictsMost = 100
	apiErrorsMost = 5
	latencyMost   = 5 * time.Second // of one request in twenty, a quarter of an hour long
)

func (d *Drawing) watchFunction(f *Function) {
	of := map[string]*string{"FunctionName": f.function.FunctionName()}
	d.alarm(f.function, "errors", functionErrors,
		fmt.Sprintf("%s has failed %d times in five minutes.", f.Name, errorsMost),
		d.metric("AWS/Lambda", "Errors", "Sum", "", of, alarmPeriod), errorsMost)
	d.alarm(f.function, "throttles", functionThrottles,
		fmt.Sprintf("Lambda has refused %d calls of %s in five minutes.", throttlesMost, f.Name),
		d.metric("AWS/Lambda", "Throttles", "Sum", "", of, alarmPeriod), throttlesMost)
}

// watchTable watches conflicts of state only: the log has no transactions that two requests share.
func (d *Drawing) watchTable(t *Table) {
	scope := constructs.NewConstruct(d.tables, jsii.String(t.Name+"-alarms"))
	of := map[string]*string{"TableName": t.table.TableName()}
	throttled := func(id, name string, of map[string]*string) {
		d.alarm(scope, id, tableThrottles, fmt.Sprintf("DynamoDB has refused %d requests to the %s table, by %s, in "+
			"five minutes.", throttlesMost, t.Name, id),
			d.metric("AWS/DynamoDB", name, "Sum", "", of, alarmPeriod), throttlesMost)
	}
	throttled("reads", "ReadThrottleEvents", of)
	throttled("writes", "WriteThrottleEvents", of)
	if t.Index != nil {
		throttled("index-writes", "WriteThrottleEvents",
			map[string]*string{"TableName": t.table.TableName(), "GlobalSecondaryIndexName": &t.Index.Name})
	}
	if t.Restorable {
		d.alarm(scope, "conflicts", tableConflicts,
			fmt.Sprintf("Transactions on the %s table have met %d times in five minutes.", t.Name, conflictsMost),
			d.metric("AWS/DynamoDB", "TransactionConflict", "Sum", "", of, alarmPeriod), conflictsMost)
	}
}

func (d *Drawing) watchAPI() {
	of := map[string]*string{"ApiName": d.Stack.StackName(), "Stage": &d.stage.Name}
	d.alarm(d.Stack, "api-errors", apiErrors,
		fmt.Sprintf("The API has answered %d requests with 5xx in five minutes.", apiErrorsMost),
		d.metric("AWS/ApiGateway", "5XXError", "Sum", "", of, alarmPeriod), apiErrorsMost)
	d.alarm(d.Stack, "api-latency", apiLatency, fmt.Sprintf("One request in twenty takes %s or more.", latencyMost),
		d.metric("AWS/ApiGateway", "Latency", "p95", "", of, alarmPeriod), float64(latencyMost.Milliseconds()),
		sustained(3))
}

// subscribeAlarms has the topic take alarms of this account over TLS, and hands them on. A topic with a policy of its
// own loses SNS's, which lets CloudWatch publish.
func (d *Drawing) subscribeAlarms() {
	awssns.NewCfnTopicPolicy(d.alarms, jsii.String("policy"), &awssns.CfnTopicPolicyProps{
		Topics: &[]*string{d.alarms.TopicArn()},
		PolicyDocument: policyDocument(overTLSOnly("sns:Publish", d.alarms.TopicArn()), map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": "cloudwatch.amazonaws.com"},
			"Action": "sns:Publish", "Resource": d.alarms.TopicArn(),
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": d.Stack.Account()}},
		}),
	})
	to := d.stage.AlarmSubscriber
	if to == "" {
		if d.stage.Keep {
			awscdk.Annotations_Of(d.Stack).AddWarningV2(jsii.String("plugboard:nobody-hears-alarms"),
				jsii.String(fmt.Sprintf("Nobody hears the alarms of %s: give it an AlarmSubscriber in infra/stages.go.",
					d.stage.Name)))
		}
		return
	}
	protocol := "email"
	if strings.HasPrefix(to, "https://") {
		protocol = "https"
	}
	awssns.NewCfnSubscription(d.alarms, jsii.String("subscriber"), &awssns.CfnSubscriptionProps{
		TopicArn: d.alarms.TopicArn(), Protocol: &protocol, Endpoint: &to,
	})
}
