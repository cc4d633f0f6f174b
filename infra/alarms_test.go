package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// Silence is as bad as what a sweeper would find. Missing data is INSUFFICIENT_DATA, in which an alarm begins, so that
// none speaks at its creation.
func TestAlarms_SpeakOfWhatWasForgottenAndOfSilence(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for _, name := range []metric.Name{metric.Unsent, metric.Overdue} {
			spoken := 0
			for _, a := range stack.of("AWS::CloudWatch::Alarm") {
				p := a.Properties
				if p["MetricName"] == string(name) && p["Namespace"] == metric.Namespace &&
					p["TreatMissingData"] == "missing" && p["Threshold"] == 1.0 &&
					p["EvaluationPeriods"] == 5.0 && p["AlarmActions"] != nil &&
					is(p["InsufficientDataActions"], p["AlarmActions"]) {
					spoken++
				}
			}
			if spoken != 1 {
				t.Errorf("%d alarms speak of %s, want one", spoken, name)
			}
		}
	})
}

func TestAlarms_SpeakNotAtTheirCreation(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for id, a := range stack.of("AWS::CloudWatch::Alarm") {
			missing := a.Properties["TreatMissingData"]
			if missing != "notBreaching" && missing != "missing" {
				t.Errorf("%s: data that is missing, as it is at first, is %v", id, missing)
			}
		}
	})
}

func TestAlarms_WatchTheAPIEveryFunctionAndTheTables(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		watched := map[string]int{} // metric and what it is of
		for _, a := range stack.of("AWS::CloudWatch::Alarm") {
			of := text(a.Properties["Dimensions"])
			watched[fmt.Sprint(a.Properties["MetricName"], " ", of)]++
		}
		want := func(metricName string, parts ...string) {
			t.Helper()
			n := 0
			for key, count := range watched {
				all := strings.HasPrefix(key, metricName+" ")
				for _, part := range parts {
					all = all && strings.Contains(key, part)
				}
				if all {
					n += count
				}
			}
			if n != 1 {
				t.Errorf("%d alarms watch %s of %v, want one", n, metricName, parts)
			}
		}
		want("5XXError", "plugboard-"+stack.drawing.stage.Name, `"Stage"`)
		want("Latency", "plugboard-"+stack.drawing.stage.Name, `"Stage"`)
		for _, f := range stack.drawing.Functions {
			want("Errors", `"Ref":"`+string(f.Name)+"function")
			want("Throttles", `"Ref":"`+string(f.Name)+"function")
		}
		for _, table := range []store.Table{store.AccountsTable, store.DeliveriesTable} {
			want("ReadThrottleEvents", "tables"+table.Name)
			want("WriteThrottleEvents", "tables"+table.Name, `"GlobalSecondaryIndexName","Value":"`+table.Index.Name)
		}
		want("TransactionConflict", "tables"+store.AccountsTable.Name)
	})
}

// Who is woken must find what to do, and the runbook must speak of no alarm that is gone.
func TestRunbook_HasARowForEachAlarmAndForNothingElse(t *testing.T) {
	runbook, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(runbook), "## An alarm speaks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| \*([^*|]+)\*`).FindAllStringSubmatch(section, -1) {
		rows[row[1]] = false
	}
	everyStage(t, func(t *testing.T, stack template) {
		for id, a := range stack.of("AWS::CloudWatch::Alarm") {
			_, row, _ := strings.Cut(a.Properties["AlarmDescription"].(string), "RUNBOOK.md: ")
			row = strings.TrimSuffix(row, ".")
			if _, ok := rows[row]; !ok {
				t.Errorf("%s names the row %q, which RUNBOOK.md has not", id, row)
			}
			rows[row] = true
		}
	})
	for row, used := range rows {
		if !used {
			t.Errorf("no alarm names the row %q", row)
		}
	}
}

func TestAlarms_ReachTheStagesSubscriber(t *testing.T) {
	for subscriber, protocol := range map[string]string{"": "", "ops@example.com": "email",
		"https://pager.example.com/plugboard": "https"} {
		stage := stages["prod"]
		stage.AlarmSubscriber = subscriber
		stack, err := synthesise(stage, "subscriber")
		if err != nil {
			t.Fatal(err)
		}
		if subscriber == "" {
			if n := len(stack.of("AWS::SNS::Subscription")); n > 0 {
				t.Errorf("%d subscribers without one", n)
			}
			continue
		}
		_, s := stack.only(t, "AWS::SNS::Subscription")
		if !is(s.Properties["Endpoint"], subscriber) || !is(s.Properties["Protocol"], protocol) {
			t.Errorf("%s: got %s", subscriber, text(s.Properties))
		}
	}
}

// A topic with a policy of its own loses SNS's, by which CloudWatch publishes.
func TestTopicAndQueues_TakeNothingOverPlainHTTP(t *testing.T) {
	const refused = `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny","Principal":"*"`
	everyStage(t, func(t *testing.T, stack template) {
		_, topic := stack.only(t, "AWS::SNS::TopicPolicy")
		document := text(topic.Properties["PolicyDocument"])
		if !strings.Contains(document, refused) ||
			!strings.Contains(document, `"Service":"cloudwatch.amazonaws.com"`) ||
			!strings.Contains(document, "aws:SourceAccount") {
			t.Errorf("the topic's policy: got %s", document)
		}
		protected := map[string]int{}
		for id, p := range stack.of("AWS::SQS::QueuePolicy") {
			if document := text(p.Properties["PolicyDocument"]); !strings.Contains(document,
				`"Action":"sqs:*",`+refused) {
				t.Errorf("%s: got %s", id, document)
			}
			for _, queue := range p.Properties["Queues"].([]any) {
				protected[target(queue)]++
			}
		}
		for id := range stack.of("AWS::SQS::Queue") {
			if protected[id] != 1 { // of two, the second would replace the first
				t.Errorf("%s has %d policies, want one", id, protected[id])
			}
		}
	})
}

func TestContractsIndex_IsQueriedByWhoNeedsIt(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		var got []string
		for id, p := range stack.of("AWS::IAM::Policy") {
			if strings.Contains(text(p.Properties["PolicyDocument"]), "/index/"+store.ContractsIndex.Name) {
				name, _, _ := strings.Cut(id, "role")
				got = append(got, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, []string{"console", "contracts", "provisioning"}) {
			t.Errorf("got %v, want those that list contracts, console and contracts, and provisioning, which "+
				"erases them", got)
		}
	})
}
