package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/metric"
)

// Alarms. Those of a box are drawn with it; here are the ones on what the functions count. RUNBOOK.md says of each what to
// do.

// lastingMinutes is for how long something must be so, that may pass by itself.
const lastingMinutes = 5

// Alarms adds those on metrics of ours. redelivery says every minute what was forgotten and what is late, also when it is
// nothing: so that it has stopped is told from all being well.
func (d *Drawing) Alarms() {
	scope := constructs.NewConstruct(d.Stack, jsii.String("alarmed"))
	d.alarm(scope, "unsent", "For five minutes events have been accepted that fan-out did not send on by itself: redelivery hands them over.",
		d.ours(metric.Unsent, "Maximum"), 1, lasting)
	d.alarm(scope, "overdue", "For five minutes retries have been more than two minutes late.",
		d.ours(metric.Overdue, "Maximum"), 1, lasting)
	d.alarm(scope, "silent", "redelivery has not looked for forgotten events for five minutes: no retry that is more than 15 minutes away is sent.",
		d.ours(metric.Unsent, "SampleCount"), 1, lasting, silence)
}

// alarm tells the alarms topic when the metric reaches the threshold; having none is good news.
func (d *Drawing) alarm(scope constructs.Construct, id, text string, of awscloudwatch.IMetric, threshold float64, unlike ...func(*awscloudwatch.AlarmProps)) {
	props := &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(text),
		Metric:             of,
		Threshold:          jsii.Number(threshold),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		EvaluationPeriods:  jsii.Number(1),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	}
	for _, change := range unlike {
		change(props)
	}
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), props)
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(d.alarms))
	d.alarmed = append(d.alarmed, alarm)
}

// lasting: in each of so many minutes.
func lasting(p *awscloudwatch.AlarmProps) { p.EvaluationPeriods = jsii.Number(lastingMinutes) }

// silence: less than the threshold, or nothing at all.
func silence(p *awscloudwatch.AlarmProps) {
	p.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	p.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
}
