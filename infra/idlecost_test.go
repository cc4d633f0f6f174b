package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"plugboard/shared/metric"
)

// Dollars a month of us-east-1, at list prices of November 2026:
// https://aws.amazon.com/cloudwatch/pricing/, https://aws.amazon.com/kms/pricing/,
// https://aws.amazon.com/secrets-manager/pricing/, https://aws.amazon.com/sqs/pricing/.
const (
	alarmMetric     = 0.10 // each metric that an alarm looks at
	customMetric    = 0.30
	dashboardPage   = 3.00
	sealingKey      = 1.00
	keptSecret      = 0.40
	millionRequests = 0.40 // of SQS
)

// pollsOfQueue is how often Lambda asks an empty queue in a month of 30 days: five pollers, for 20 s each time.
const pollsOfQueue = 5 * 30 * 24 * 3600 / 20

// everyMinute are the metrics that redelivery puts, idle or not.
var everyMinute = []metric.Name{metric.Unsent, metric.Due, metric.Overdue, metric.OpenBreakers}

// What an idle stack costs is told as the template has it: a new alarm, secret or queue changes the page.
func TestLaunch_TellsWhatTheTemplateCostsWhileNothingHappens(t *testing.T) {
	stack, err := synthesised["prod"]()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("LAUNCH.md")
	if err != nil {
		t.Fatal(err)
	}
	queues, looked := 0, 0
	for _, m := range stack.of("AWS::Lambda::EventSourceMapping") {
		if m.Properties["StartingPosition"] == nil {
			queues++
		}
	}
	alarms := stack.of("AWS::CloudWatch::Alarm")
	for _, a := range alarms {
		looked += max(1, strings.Count(text(a.Properties["Metrics"]), `"MetricStat"`))
	}
	requests := float64(queues*pollsOfQueue) / 1e6
	secrets, keys := len(stack.of("AWS::SecretsManager::Secret")), len(stack.of("AWS::KMS::Key"))
	dashboards := len(stack.of("AWS::CloudWatch::Dashboard"))
	total := requests*millionRequests + redeliveryIdle + float64(keys)*sealingKey + float64(secrets)*keptSecret +
		float64(dashboards)*dashboardPage + float64(len(everyMinute))*customMetric + float64(looked)*alarmMetric
	for _, row := range []string{
		fmt.Sprintf("| pollers of %d queues: five each, long-polling for 20 s: %.1f million SQS requests | %.2f |",
			queues, requests, requests*millionRequests),
		fmt.Sprintf("| redelivery's look every minute: 43,200 invocations, 650,000 reads | %.2f |", redeliveryIdle),
		fmt.Sprintf("| %d sealing key, and a dollar more after each of its first two yearly rotations | %.2f |", keys,
			float64(keys)*sealingKey),
		fmt.Sprintf("| %d secrets, 0.40 each | %.2f |", secrets, float64(secrets)*keptSecret),
		fmt.Sprintf("| %d dashboard | %.2f |", dashboards, float64(dashboards)*dashboardPage),
		fmt.Sprintf("| %d metrics that are put every minute, 0.30 each | %.2f |", len(everyMinute),
			float64(len(everyMinute))*customMetric),
		fmt.Sprintf("| %d alarms, which look at %d metrics, 0.10 each | %.2f |", len(alarms), looked,
			float64(looked)*alarmMetric),
		fmt.Sprintf("| together | %.2f |", total),
	} {
		if !strings.Contains(string(page), row+"\n") {
			t.Errorf("LAUNCH.md lacks the row\n%s", row)
		}
	}
}

// redeliveryIdle is by calculation: 43,200 invocations of 256 MB for 50 ms, and 15 reads each.
const redeliveryIdle = 0.10
