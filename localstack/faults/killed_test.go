package faults_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/localstack/faults"
	"plugboard/shared/domain"
)

// Killed processes, and messages delivered twice (design rules 16, 18 and 19).

// patient retries soon, and then later than a message can wait.
var patient = domain.SendPolicy{RetryWaitSeconds: []int{5, 3600}}

func killedBetweenPostAndAcknowledgement(s *scene) string {
	var once sync.Once
	dying := make(chan *process, 1)
	dies := s.hook("dies", patient)
	dies.Behaves(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { (<-dying).kill() })
		w.WriteHeader(http.StatusOK)
	})
	s.hook("fine", patient)
	s.hook("fails", patient).Behaves(faults.First(1, faults.Status(500), faults.Status(200)))
	s.accept(3)
	s.fanOut()
	batch := s.receive(s.place.Quick)
	p := s.start("delivery", batch)
	dying <- p
	var answer lambda.SQSEventResponse
	if p.ends(&answer) {
		s.t.Error("the process came to its end")
	}
	s.delivered(s.place.Quick, batch, answer, false)
	return fmt.Sprintf("%d messages in the process's hands", len(batch.Records))
}

// fourHooks are webhooks whose endpoints accept a delivery at the first attempt, the second, the third, and never.
func (s *scene) fourHooks() {
	s.hook("fine", patient)
	s.hook("second", patient).Behaves(faults.First(1, faults.Status(500), faults.Status(200)))
	s.hook("third", patient).Behaves(faults.First(2, faults.Status(503), faults.Status(200)))
	s.hook("never", patient).Behaves(faults.Status(404))
}

func firstAttemptsKilled(s *scene) string { return s.deliveryKilled(func() {}) }

func retriesKilled(s *scene) string {
	return s.deliveryKilled(func() {
		s.deliver(s.place.Quick)
		s.pass(10 * time.Second)
	})
}

// deliveryKilled kills delivery at the messages that exist after an event was fanned out and do ran.
func (s *scene) deliveryKilled(do func()) string {
	s.t.Helper()
	s.fourHooks()
	var batch lambda.SQSEvent
	var answer lambda.SQSEventResponse
	times := s.killedEverywhere("delivery", func() any {
		s.accept(1)
		s.fanOut()
		do()
		batch = s.receive(s.place.Quick)
		return batch
	}, &answer, func(done bool) { s.delivered(s.place.Quick, batch, answer, done) })
	return s.killings(times)
}

func (s *scene) killings(times int) string {
	s.t.Helper()
	if times < 2 {
		s.t.Errorf("it has effects, and was killed %d times", times)
	}
	return fmt.Sprintf("%d times: before each effect and before its answer", times)
}

func fanOutKilled(s *scene) string {
	for n := range 12 {
		s.hook(fmt.Sprintf("whk_%02d", n), patient)
	}
	var answer struct{}
	times := s.killedEverywhere("fanout", func() any {
		s.accept(2)
		s.batch, s.tries = s.stream(), 0
		return s.batch
	}, &answer, s.fannedOut)
	return s.killings(times)
}

// The stream tries a batch eleven times. Redelivery repairs what the stream gave up.
func fanOutGivenUp(s *scene) string {
	s.hook("fine", patient)
	s.hook("also", patient)
	s.proxy.Follow(func(c faults.Call) faults.Fate {
		if c.SQS() {
			return faults.Refuse(http.StatusServiceUnavailable, "ServiceUnavailable")
		}
		return nil
	})
	s.accept(20)
	for range streamTries {
		s.fanOut()
	}
	if s.givenUp != 1 {
		s.t.Errorf("the stream gave up %d batches, want 1", s.givenUp)
	}
	return fmt.Sprintf("%d tries of a batch", streamTries)
}

func redeliveryKilled(s *scene) string {
	s.hook("later", domain.SendPolicy{RetryWaitSeconds: []int{1800, 3600}}).
		Behaves(faults.First(1, faults.Status(500), faults.Status(200)))
	s.hook("never", domain.SendPolicy{RetryWaitSeconds: []int{1800}}).Behaves(faults.Status(500))
	var answer struct{}
	times := s.killedEverywhere("redelivery", func() any {
		s.accept(3)
		s.fanOut()
		for s.deliver(s.place.Quick) {
		}
		s.accept(1) // fan-out never hears of this event
		s.stream()
		s.pass(time.Hour)
		return nil
	}, &answer, func(bool) {})
	return s.killings(times)
}

// Two processes get the same messages at once, as when a visibility timeout is shorter than the work.
func twiceAtOnce(s *scene) string {
	s.fourHooks()
	other := s.place.services(s.tables.AWS, s.now, testEgress)
	rounds := 0
	for n := range 5 {
		s.accept(2)
		s.fanOut()
		for range 3 { // then their retries, which are two messages each
			batch := s.receive(s.place.Quick)
			var both sync.WaitGroup
			var answers [2]lambda.SQSEventResponse
			for i, one := range []services{s.services, other} {
				both.Go(func() { answers[i], _ = one.delivery.Handle(s.t.Context(), batch) })
			}
			both.Wait()
			if failed := append(answers[0].BatchItemFailures, answers[1].BatchItemFailures...); len(failed) > 0 {
				s.t.Errorf("%d messages failed in round %d", len(failed), n)
			}
			s.delivered(s.place.Quick, batch, answers[0], true)
			s.pass(10 * time.Second)
			rounds++
		}
		s.settle()
	}
	return fmt.Sprintf("%d batches by two processes each", rounds)
}
