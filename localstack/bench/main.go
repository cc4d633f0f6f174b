// Command bench measures the cost of a delivery. It runs the real handler with its store and SDK clients against a
// receiver and a stub of AWS in processes of their own, so that only the function's CPU time counts. The stub answers
// at once and counts requests and capacity units as AWS bills them. Beside each row runs a plain loop that signs and
// posts the same bodies with the same concurrency. Both run in turns of a twentieth of a second, so that other load
// on the machine slows both. Lambda's runtime API is in neither.
//
// `bench latency` measures how long events take through the deployed stack. `bench memory` compares sizes of functions.
//
// Printed ratios and counts hold on any machine; rates hold for this one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// roles are the processes that this program starts itself as.
var roles = map[string]func(context.Context, []string) error{
	"aws":      serveAWS,
	"receiver": serveReceiver,
	"layout":   layOut,
	"worker":   work,
	"latency":  latency,
	"memory":   choose,
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if part, ok := roles[args[0]]; ok {
			return part(ctx, args[1:])
		}
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	seconds := flags.Float64("seconds", 2, "how long each row of the table is measured, and its limit as long")
	only := flags.String("rows", "", "measure the rows whose names this regular expression matches")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, time.Duration(*seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	defer b.close()
	return b.table(ctx, os.Stdout, wanted)
}

// load is the work of a worker.
type load struct {
	Kind     string `json:"kind"`  // one of kinds
	Batch    int    `json:"batch"` // messages; for a pipeline events, for a sweep due retries
	Body     int    `json:"body"`  // bytes of an event
	Webhooks int    `json:"webhooks"`
	Heard    int    `json:"heard"`   // webhooks that get deliveries; 0 for all
	Pending  int    `json:"pending"` // retries that wait for the next day
	Late     bool   `json:"late"`    // the deliveries have waited in the queue for long
	URL      string `json:"url"`
}

// result is a worker's measurement.
type result struct {
	Deliveries int           `json:"deliveries"`
	Batches    int           `json:"batches"`
	Received   int           `json:"received"` // SQS requests, billed
	CPU        time.Duration `json:"cpu"`
	Wall       time.Duration `json:"wall"`
	Mallocs    uint64        `json:"mallocs"`
	Resident   int64         `json:"resident"`   // peak, in bytes
	Goroutines int           `json:"goroutines"` // left running, without those of idle connections
	Logged     int64         `json:"logged"`     // bytes
	Counts     counts        `json:"counts"`
}

func (r result) perDelivery(n float64) float64 { return n / float64(r.Deliveries) }

// rate is deliveries per CPU-second.
func (r result) rate() float64 { return float64(r.Deliveries) / r.CPU.Seconds() }

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
