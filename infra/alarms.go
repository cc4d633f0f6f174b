package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/metric"
)

// RUNBOOK.md says what to do about each alarm.

// alarm tells the alarms topic when the metric reaches the threshold; having none is good news, unless it is said otherwise.
func (d *Drawing) alarm(scope constructs.Construct, id, text string, of awscloudwatch.Metric, threshold float64, otherwise ...func(*awscloudwatch.AlarmProps)) {
	props := &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(text),
		Metric:             of,
		Threshold:          jsii.Number(threshold),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		EvaluationPeriods:  jsii.Number(1),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	}
	for _, change := range otherwise {
		change(props)
	}
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), props)
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(d.alarms))
	d.alarmed = append(d.alarmed, alarm)
}

// spokenOfAfter is for how many minutes something must go on to be spoken of: one sweep may come late.
const spokenOfAfter = 5

// SpeaksOf tells the alarms topic when a metric that is put every minute, of none too, was not 0 for five minutes, and
// when it was not put: what counts it may have stopped, or be unable to look.
func (d *Drawing) SpeaksOf(name metric.Name, text string) {
	d.alarm(d.Stack, strings.ToLower(string(name)), text+" Or redelivery, which looks every minute, does not.", awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metric.Namespace), MetricName: jsii.String(string(name)), DimensionsMap: &map[string]*string{metric.StageDimension: &d.stage.Name},
		Statistic: jsii.String("Maximum"), Period: awscdk.Duration_Minutes(jsii.Number(1)),
	}), 1, func(p *awscloudwatch.AlarmProps) {
		p.EvaluationPeriods, p.TreatMissingData = jsii.Number(spokenOfAfter), awscloudwatch.TreatMissingData_BREACHING
	})
}
