// Package metric counts by writing log lines in CloudWatch's embedded metric format. No call is made and no
// permission is needed. The dashboard shows the names below.
package metric

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"

	"plugboard/shared/domain"
)

// Namespace holds all metrics. Their one dimension is the stage, never an account or a webhook: each value of a
// dimension is a metric of its own, and billed as one.
const (
	Namespace      = "Plugboard"
	StageDimension = "stage"
)

// Name is the name of a metric.
type Name string

// Unit is a unit of CloudWatch.
type Unit string

const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

const (
	Events    Name = "Events"    // events that fan-out read from the stream
	Delivered Name = "Delivered" // attempts by outcome
	Failed    Name = "Failed"
	Exhausted Name = "Exhausted"
	Skipped   Name = "Skipped"
	Cancelled Name = "Cancelled"
	// Unsent counts outbox items that were accepted more than a minute ago and not sent on. Redelivery publishes it
	// every minute, also when it is 0, as it does Due and Overdue: so its silence can raise an alarm.
	Unsent  Name = "Unsent"
	Due     Name = "Due"     // scheduled attempts whose time has come, sent or not
	Overdue Name = "Overdue" // due attempts that are more than two minutes late
	Parked  Name = "Parked"  // deliveries parked because their webhook's breaker is open
	Moved   Name = "Moved"   // deliveries moved to the slow queue
	Paced   Name = "Paced"   // deliveries that wait for their webhook's rate limit
	// OpenBreakers is the number of open breakers, every minute.
	OpenBreakers Name = "OpenBreakers"
	// FirstAttempt is the time from the event to the start of the first attempt.
	FirstAttempt Name = "FirstAttempt"
	// AttemptTime is how long an endpoint took.
	AttemptTime Name = "AttemptTime"
)

var units = map[Name]Unit{
	Events: Count, Delivered: Count, Failed: Count, Exhausted: Count, Skipped: Count, Cancelled: Count, Unsent: Count,
	Due: Count, Overdue: Count,
	Parked: Count, Moved: Count, Paced: Count, OpenBreakers: Count,
	FirstAttempt: Milliseconds, AttemptTime: Milliseconds,
}

// Names is every metric.
func Names() []Name { return slices.Sorted(maps.Keys(units)) }

// Log writes metrics to the function's log. It is safe for concurrent use.
type Log struct {
	stage string
	now   domain.Clock

	mu  sync.Mutex
	out io.Writer
}

// New writes lines to out.
func New(stage string, out io.Writer, now domain.Clock) *Log {
	return &Log{stage: stage, out: out, now: now}
}

// valuesMost is how many values of a metric one line may hold
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
const valuesMost = 100

// Put writes the values, at most valuesMost of a metric in a line. A metric without values is left out.
func (l *Log) Put(values map[Name][]float64) {
	for more := true; more; {
		more = false
		type definition struct {
			Name Name
			Unit Unit
		}
		var definitions []definition
		line := map[string]any{StageDimension: l.stage}
		rest := map[Name][]float64{}
		for name, all := range values {
			if len(all) == 0 {
				continue
			}
			some := all[:min(len(all), valuesMost)]
			rest[name] = all[len(some):]
			more = more || len(rest[name]) > 0
			definitions = append(definitions, definition{name, units[name]})
			line[string(name)] = some
		}
		if len(definitions) == 0 {
			return
		}
		line["_aws"] = map[string]any{
			"Timestamp": l.now().UnixMilli(),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace": Namespace, "Dimensions": [][]string{{StageDimension}}, "Metrics": definitions,
			}},
		}
		l.write(line)
		values = rest
	}
}

func (l *Log) write(line map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	json.NewEncoder(l.out).Encode(line) // a failed write of a metric stops nothing
}
