// Package metric counts by writing log lines: CloudWatch makes metrics of those in its embedded metric format, so that
// nothing is called and nothing is granted. Names are in the catalogue below, and so in the dashboard.
package metric

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"

	"plugboard/shared/domain"
)

// Namespace holds every metric of ours. The stage is their one dimension: an account or a webhook never is, since each
// value of a dimension is a metric of its own, and billed as one.
const (
	Namespace      = "Plugboard"
	StageDimension = "stage"
)

// Name is a metric's.
type Name string

// Unit is CloudWatch's.
type Unit string

const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

const (
	Events    Name = "Events"    // that fan-out took from the stream
	Delivered Name = "Delivered" // attempts, by how they ended
	Failed    Name = "Failed"
	Exhausted Name = "Exhausted"
	Skipped   Name = "Skipped"
	Cancelled Name = "Cancelled"
	// Unsent are events, and what else is in the outbox, that were accepted more than a minute ago and were not sent on;
	// redelivery says it every minute, of none, too, as of the next two: so its silence is told from good news.
	Unsent  Name = "Unsent"
	Due     Name = "Due"     // attempts whose time came, of those further away than a message can wait, sent or not
	Overdue Name = "Overdue" // of these, the ones whose time had been over for more than two minutes
	Parked  Name = "Parked"  // deliveries whose webhook's breaker is open, each time
	Moved   Name = "Moved"   // to the slow lane, of those that came by the quick one
	Paced   Name = "Paced"   // that wait their turn, of so many a second
	// OpenBreakers is how many there are, every minute.
	OpenBreakers Name = "OpenBreakers"
	// FirstAttempt is how long after its event a delivery's first attempt began.
	FirstAttempt Name = "FirstAttempt"
	// AttemptTime is how long an endpoint took.
	AttemptTime Name = "AttemptTime"
)

var units = map[Name]Unit{
	Events: Count, Delivered: Count, Failed: Count, Exhausted: Count, Skipped: Count, Cancelled: Count, Unsent: Count, Due: Count, Overdue: Count,
	Parked: Count, Moved: Count, Paced: Count, OpenBreakers: Count,
	FirstAttempt: Milliseconds, AttemptTime: Milliseconds,
}

// Names is every metric.
func Names() []Name { return slices.Sorted(maps.Keys(units)) }

// Log writes to what CloudWatch Logs reads. Safe for concurrent use.
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

// valuesMost is how many values of one metric CloudWatch takes in a line
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
const valuesMost = 100

// Put writes the values, a line for each hundred of a metric. Metrics without a value are left out.
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
	json.NewEncoder(l.out).Encode(line) // a log that cannot be written to holds nothing up
}
