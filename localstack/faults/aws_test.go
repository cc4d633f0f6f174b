package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"plugboard/localstack/faults"
	"plugboard/shared/domain"
)

// Faults of AWS, made by the proxy before the emulator.

// under accepts and works events while the touched calls meet these fates in turn; nil lets a call pass.
func (s *scene) under(touched func(faults.Call) bool, fates ...faults.Fate) string {
	s.fourHooks()
	var calls, hit atomic.Int64
	s.proxy.Follow(func(c faults.Call) faults.Fate {
		if !touched(c) {
			return nil
		}
		fate := fates[int(calls.Add(1))%len(fates)]
		if fate != nil {
			hit.Add(1)
		}
		return fate
	})
	s.accept(10)
	s.settle()
	if hit.Load() == 0 {
		s.t.Error("no call was touched")
	}
	return fmt.Sprintf("%d of %d calls", hit.Load(), calls.Load())
}

// One or two calls in a row are touched: the SDK tries three times. Of many concurrent calls, one meets all three.
func dynamoDBThrottles(s *scene) string {
	return s.under(faults.Call.DynamoDB,
		faults.Refuse(http.StatusBadRequest, "ProvisionedThroughputExceededException"), nil,
		faults.Refuse(http.StatusBadRequest, "ThrottlingException"),
		faults.Refuse(http.StatusBadRequest, "RequestLimitExceeded"), nil, nil,
	)
}

func dynamoDBFails(s *scene) string {
	return s.under(faults.Call.DynamoDB,
		faults.Refuse(http.StatusInternalServerError, "InternalServerError"), nil, faults.Cut, faults.Unanswered, nil,
		faults.Unanswered, faults.Refuse(http.StatusServiceUnavailable, "ServiceUnavailable"), nil,
	)
}

// until refuses the touched calls for a time of the test's clock.
func (s *scene) until(d time.Duration, touched func(faults.Call) bool, fate faults.Fate) *atomic.Int64 {
	var hit atomic.Int64
	end := s.now().Add(d)
	s.proxy.Follow(func(c faults.Call) faults.Fate {
		if !touched(c) || s.now().After(end) {
			return nil
		}
		hit.Add(1)
		return fate
	})
	return &hit
}

// A message comes again every six minutes, and would be a dead letter after the fifth time.
func dynamoDBDown(s *scene) string {
	s.fourHooks()
	s.accept(10)
	s.fanOut()
	hit := s.until(20*time.Minute, faults.Call.DynamoDB,
		faults.Refuse(http.StatusInternalServerError, "InternalServerError"))
	s.accept(10)
	s.settle()
	return fmt.Sprintf("%d calls refused; the stream gave up %d batches", hit.Load(), s.givenUp)
}

func queueUnreachable(s *scene) string {
	s.fourHooks()
	s.accept(10)
	s.fanOut()
	hit := s.until(time.Minute, faults.Call.SQS, faults.Cut)
	s.accept(10)
	s.settle()
	return fmt.Sprintf("%d calls cut off; the stream gave up %d batches", hit.Load(), s.givenUp)
}

// queueFalters makes SQS accept whole batches and report all but the first message as failed, now and then. Each of
// those is sent again.
func queueFalters(s *scene) string {
	fate := func(w http.ResponseWriter, pass func(http.ResponseWriter)) {
		sent := httptest.NewRecorder()
		pass(sent)
		var out struct{ Successful, Failed []map[string]any }
		if err := json.Unmarshal(sent.Body.Bytes(), &out); err != nil {
			s.t.Errorf("SQS answered %s", sent.Body)
		}
		if len(out.Successful) > 1 {
			for _, e := range out.Successful[1:] {
				out.Failed = append(out.Failed, map[string]any{"Id": e["Id"], "Code": "InternalError",
					"Message": "as the test wants it", "SenderFault": false})
			}
			out.Successful = out.Successful[:1]
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		json.NewEncoder(w).Encode(out)
	}
	return s.under(func(c faults.Call) bool { return c.Operation == "SendMessageBatch" },
		fate, nil, nil, nil, faults.Unanswered, nil, nil, nil)
}

func poison(s *scene) string {
	s.fourHooks()
	s.accept(3)
	s.fanOut()
	bodies := []string{"no JSON", `{"id":"dlv_1_2","event_id":"evt_1","webhook_id":"fine","attempt":1}`, `[]`, `{}`}
	for _, body := range bodies {
		_, err := s.sqs.SendMessage(s.t.Context(), &sqs.SendMessageInput{QueueUrl: &s.place.Quick, MessageBody: &body})
		must(s.t, err)
		s.ledger.Poisoned(body)
	}
	s.accept(3)
	return fmt.Sprintf("%d among the deliveries of 6 events", len(bodies))
}

// clocksApart sets delivery's clock ten minutes ahead of the others, then behind, then the others' clocks.
func clocksApart(s *scene) string {
	s.fourHooks()
	s.hook("policy", domain.SendPolicy{RetryWaitSeconds: []int{1, 60, 1000}}).
		Behaves(faults.First(3, faults.Status(500), faults.Status(200)))
	right := s.services
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		wrong := s.place.services(s.tables.AWS, func() time.Time { return s.now().Add(off) }, testEgress)
		s.delivery = wrong.delivery
		s.accept(5)
		s.settle()
		s.services = services{fanout: wrong.fanout, delivery: right.delivery, redelivery: wrong.redelivery}
		s.accept(5)
		s.settle()
		s.services = right
	}
	return "delivery ahead and behind, then fan-out and redelivery"
}
