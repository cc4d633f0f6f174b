package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/metric"
)

// Dashboard shows whether deliveries flow, and where they do not: first what partners notice, then what waits, then
// what the machines do. It is the last thing to be drawn, since it shows every function, queue, table and alarm before
// it.
func (d *Drawing) Dashboard() {
	board := awscloudwatch.NewDashboard(d.Stack, jsii.String("dashboard"), &awscloudwatch.DashboardProps{
		DashboardName:   d.Stack.StackName(),
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(3)),
	})
	board.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Alarms"), Alarms: &d.alarmed, Width: jsii.Number(24), Height: jsii.Number(4),
	}))
	sum, p50, p99 := "Sum", "p50", "p99"
	ours := func(statistic string, names ...metric.Name) (all []awscloudwatch.IMetric) {
		for _, n := range names {
			all = append(all, d.metric(metric.Namespace, string(n), statistic, string(n)+" "+statistic,
				map[string]*string{metric.StageDimension: &d.stage.Name}, time.Minute))
		}
		return all
	}
	board.AddWidgets(
		graph("Attempts, by how they ended",
			ours(sum, metric.Delivered, metric.Failed, metric.Exhausted, metric.Skipped, metric.Cancelled)...),
		graph("From event to first attempt, ms",
			append(ours(p50, metric.FirstAttempt), ours(p99, metric.FirstAttempt)...)...),
		graph("Endpoints' time, ms", append(ours(p50, metric.AttemptTime), ours(p99, metric.AttemptTime)...)...),
	)
	board.AddWidgets(
		graph("Attempts that became due", ours(sum, metric.Due, metric.Overdue)...),
		graph("Accepted a minute ago and not sent on", ours("Maximum", metric.Unsent)...),
	)
	var waiting, dead, errors, slowest, throttled []awscloudwatch.IMetric
	for _, box := range d.boxes {
		switch box := box.(type) {
		case *Queue:
			waiting = append(waiting, d.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", box.Name,
				map[string]*string{"QueueName": box.queue.AttrQueueName()}, time.Minute))
		case *Function:
			of := map[string]*string{"FunctionName": box.function.FunctionName()}
			errors = append(errors, d.metric("AWS/Lambda", "Errors", sum, string(box.Name), of, time.Minute))
			slowest = append(slowest, d.metric("AWS/Lambda", "Duration", p99, string(box.Name), of, time.Minute))
		case *Table:
			// ThrottledRequests would need each operation's name as well.
			of := map[string]*string{"TableName": box.table.TableName()}
			for _, name := range []string{"ReadThrottleEvents", "WriteThrottleEvents"} {
				throttled = append(throttled, d.metric("AWS/DynamoDB", name, sum, box.Name+" "+name, of, time.Minute))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.dead)) {
		dead = append(dead, d.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", name,
			map[string]*string{"QueueName": d.dead[name].AttrQueueName()}, time.Minute))
	}
	board.AddWidgets(
		graph("Age of the oldest message, s", waiting...),
		graph("In dead-letter queues: faults of ours", dead...),
		graph("Events taken from the stream", ours(sum, metric.Events)...),
	)
	board.AddWidgets(
		graph("Open breakers", ours("Maximum", metric.OpenBreakers)...),
		graph("Deliveries parked while a breaker is open, moved to the slow queue, and waiting their turn",
			ours(sum, metric.Parked, metric.Moved, metric.Paced)...),
	)
	board.AddWidgets(
		graph("Functions' errors", errors...),
		graph("Functions' duration, p99, ms", slowest...),
		graph("Throttled by DynamoDB", throttled...),
	)
}

// metric is labelled where it is shown.
func (d *Drawing) metric(namespace, name, statistic, label string, dimensions map[string]*string,
	period time.Duration) awscloudwatch.IMetric {
	props := &awscloudwatch.MetricProps{
		Namespace: &namespace, MetricName: &name, Statistic: &statistic, DimensionsMap: &dimensions,
		Period: awscdk.Duration_Seconds(jsii.Number(period.Seconds())),
	}
	if label != "" {
		props.Label = &label
	}
	return awscloudwatch.NewMetric(props)
}

// graph is a third of a row.
func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	if len(metrics) == 0 {
		panic(fmt.Sprintf("the dashboard has nothing to show of %q", title))
	}
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics,
		Width: jsii.Number(8)})
}
