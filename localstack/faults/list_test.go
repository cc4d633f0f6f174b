package faults_test

import (
	"fmt"
	"testing"
	"time"
)

// fault is one that a scene is put through. stage says what it did, for the line that is printed; when it returns, the
// scene is settled, and the ledger closed: every accepted event is delivered or in a visible end, none is lost, what came
// twice came as the same, and the dead-letter queues hold faults alone.
type fault struct {
	name  string
	stage func(*scene) string
}

// list is every fault that is staged in process. Another one is another line.
var list = []fault{
	{"a process killed between POST and acknowledgement", killedBetweenPostAndAcknowledgement},
	{"delivery killed at every write, in first attempts", firstAttemptsKilled},
	{"delivery killed at every write, in retries", retriesKilled},
	{"fan-out killed at every write", fanOutKilled},
	{"fan-out gives up, and the stream with it", fanOutGivenUp},
	{"redelivery killed at every write", redeliveryKilled},
	{"the same message delivered twice at once", twiceAtOnce},
	{"DynamoDB throttles", dynamoDBThrottles},
	{"DynamoDB fails, cuts off, and does not say what it did", dynamoDBFails},
	{"DynamoDB is down for twenty minutes", dynamoDBDown},
	{"SQS takes messages and says that it did not", queueFalters},
	{"the queue is unreachable for a minute", queueUnreachable},
	{"receivers that hang, drip, reset, flood, redirect and are late", receivers},
	{"receivers that come round", receiversComeRound},
	{"a name that is rebound", rebound},
	{"an expired certificate", expired},
	{"poison messages", poison},
	{"clocks ten minutes apart", clocksApart},
}

func TestFaults(t *testing.T) {
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			began := time.Now()
			s := newScene(t)
			staged := f.stage(s)
			b := s.over()
			fmt.Printf("fault: %s (%s)\n       %s; %.1f s\n", f.name, staged, b, time.Since(began).Seconds())
		})
	}
}
