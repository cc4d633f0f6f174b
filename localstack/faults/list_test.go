package faults_test

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// fault is a fault that a scene is put through. stage returns a line for the output. Afterwards the scene settles and
// the ledger is closed: every accepted event is delivered or ends visibly, none is lost, repeats are identical, and
// the dead-letter queues hold pipeline faults alone.
type fault struct {
	name  string
	stage func(*scene) string
	long  bool // takes more than ten seconds: not in every `make test`
}

// list is every fault staged in process. A new fault is a new line.
var list = []fault{
	{name: "a process killed between POST and acknowledgement", stage: killedBetweenPostAndAcknowledgement},
	{name: "delivery killed at every write, in first attempts", stage: firstAttemptsKilled},
	{name: "delivery killed at every write, in retries", stage: retriesKilled},
	{name: "fan-out killed at every write", stage: fanOutKilled},
	{name: "fan-out gives up, and the stream with it", stage: fanOutGivenUp},
	{name: "redelivery killed at every write", stage: redeliveryKilled, long: true},
	{name: "the same message delivered twice at once", stage: twiceAtOnce},
	{name: "DynamoDB throttles", stage: dynamoDBThrottles, long: true},
	{name: "DynamoDB fails, cuts off, and does not say what it did", stage: dynamoDBFails, long: true},
	{name: "DynamoDB is down for twenty minutes", stage: dynamoDBDown, long: true},
	{name: "SQS takes messages and says that it did not", stage: queueFalters},
	{name: "the queue is unreachable for a minute", stage: queueUnreachable, long: true},
	{name: "receivers that hang, drip, reset, flood, redirect and are late", stage: receivers},
	{name: "receivers that come round", stage: receiversComeRound},
	{name: "a name that is rebound", stage: rebound},
	{name: "an expired certificate", stage: expired},
	{name: "poison messages", stage: poison},
	{name: "clocks ten minutes apart", stage: clocksApart, long: true},
}

func TestFaults(t *testing.T) {
	for _, f := range list {
		if f.long && os.Getenv("FAULTS") != "all" { // `make test-faults`, and so .ci/run
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			began := time.Now()
			s := newScene(t)
			staged := f.stage(s)
			b := s.over()
			fmt.Printf("fault: %s (%s)\n       %s; %.1f s\n", f.name, staged, b, time.Since(began).Seconds())
		})
	}
}
