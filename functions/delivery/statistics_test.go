package delivery

import (
	"fmt"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

func lineTo(webhook string, at time.Time, outcome domain.Outcome) domain.Attempt {
	return domain.Attempt{Account: acct, Webhook: domain.WebhookID(webhook), At: at, Outcome: outcome, Milliseconds: 30}
}

func TestStatistics_AQuietProcessWritesAtOnceAndThenOnceAMinute(t *testing.T) {
	s, at := newStatistics(), time.Date(2026, 11, 30, 10, 20, 0, 0, time.UTC)
	one := []domain.Attempt{lineTo("whk_1", at, domain.OutcomeDelivered)}
	if due := allDue(s, one, at); len(due) != 1 || due[0].Delivered != 1 || !due[0].Hour.Equal(at.Truncate(time.Hour)) {
		t.Fatalf("the first attempt is written as %+v", due)
	}
	for range 100 {
		at = at.Add(500 * time.Millisecond)
		if due := allDue(s, one, at); len(due) != 0 {
			t.Fatalf("%s: a second write within a minute: %+v", at, due)
		}
	}
	if due := allDue(s, nil, at.Add(20*time.Second)); len(due) != 1 || due[0].Delivered != 100 {
		t.Errorf("after a minute: %+v, want the hundred that waited", due)
	}
	if due := allDue(s, nil, at.Add(time.Hour)); len(due) != 0 {
		t.Errorf("the counts were written again: %+v", due)
	}
}

func TestStatistics_ABusyProcessWritesFewEarly(t *testing.T) {
	s, at := newStatistics(), time.Date(2026, 11, 30, 10, 20, 0, 0, time.UTC)
	writes, counted := 0, 0
	after := func(lines []domain.Attempt) {
		for _, hour := range allDue(s, lines, at) {
			writes, counted = writes+1, counted+hour.Delivered
		}
	}
	const webhooks = 1000
	for n := range webhooks {
		after([]domain.Attempt{lineTo(fmt.Sprintf("whk_%d", n), at, domain.OutcomeDelivered)})
	}
	if writes != statisticsAtOnce {
		t.Errorf("%d webhooks in a moment made %d writes, want %d", webhooks, writes, statisticsAtOnce)
	}
	at = at.Add(time.Minute)
	after(nil)
	if writes > statisticsAtOnce+statisticsWrites {
		t.Errorf("one batch made %d writes, want %d at most", writes-statisticsAtOnce, statisticsWrites)
	}
	for range webhooks / statisticsWrites {
		after(nil)
	}
	if writes != webhooks || counted != webhooks {
		t.Errorf("%d writes hold %d attempts, want %d each", writes, counted, webhooks)
	}
}

func TestStatistics_WhatWaitsIsBounded(t *testing.T) {
	s, at := newStatistics(), time.Date(2026, 11, 30, 10, 20, 0, 0, time.UTC)
	counted := 0
	for n := range statisticsMost + 500 {
		for _, hour := range allDue(s, []domain.Attempt{lineTo(fmt.Sprintf("whk_%d", n), at, domain.OutcomeFailed)},
			at) {
			counted += hour.Failed
		}
	}
	if len(s.waiting) > statisticsMost || counted+len(s.waiting) != statisticsMost+500 {
		t.Errorf("%d wait and %d are written of %d", len(s.waiting), counted, statisticsMost+500)
	}
}

func TestStatistics_AnHourThatEndsHasItsOwnCounts(t *testing.T) {
	s, at := newStatistics(), time.Date(2026, 11, 30, 10, 59, 59, 0, time.UTC)
	allDue(s, []domain.Attempt{lineTo("whk_1", at, domain.OutcomeDelivered)}, at)
	allDue(s, []domain.Attempt{lineTo("whk_1", at, domain.OutcomeDelivered),
		lineTo("whk_1", at.Add(time.Second), domain.OutcomeFailed)}, at)
	due := allDue(s, nil, at.Add(2*time.Minute))
	if len(due) != 2 || due[0].Delivered != 1 || due[1].Failed != 1 || !due[1].Hour.Equal(due[0].Hour.Add(time.Hour)) {
		t.Errorf("got %+v", due)
	}
}

// When the process ends, what waits in it is lost: nothing that is older than a minute of its work.
func TestStatistics_WhatAProcessLosesIsItsLastMinute(t *testing.T) {
	s, at := newStatistics(), time.Date(2026, 11, 30, 10, 20, 0, 0, time.UTC)
	sent, written := 0, 0
	for second := range 600 {
		at = at.Add(time.Second)
		var lines []domain.Attempt
		for n := range 10 {
			lines = append(lines, lineTo(fmt.Sprintf("whk_%d", (second*7+n)%50), at, domain.OutcomeDelivered))
		}
		sent += len(lines)
		for _, hour := range allDue(s, lines, at) {
			written += hour.Delivered
		}
		lost := sent - written
		for _, counts := range s.waiting {
			if age := at.Sub(counts.since); age >= statisticsEvery {
				t.Fatalf("after %d seconds, counts of %s would be lost", second, age)
			}
		}
		if lost > 60*10 {
			t.Fatalf("after %d seconds, %d attempts would be lost, more than those of a minute", second, lost)
		}
	}
}

// The figures are those of the log: a message that comes again is counted once.
func TestStatistics_FiguresAreTheLogs(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL)
	k.deliver(k.to(w, "1"))
	k.receiver.answers(status(503, ""))
	k.deliver(k.to(w, "2"))
	k.clock.forward(time.Minute)
	k.receiver.answers(nil)
	k.deliver(k.to(w, "3"))
	hours, err := k.Statistics(t.Context(), acct, w.ID, k.clock.read().Add(-2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var all domain.AttemptCounts
	for _, h := range hours {
		all.Merge(h.AttemptCounts)
	}
	if all.Delivered != 2 || all.Failed != 1 || all.Within(95) == 0 {
		t.Errorf("the figures are %+v, want two delivered and one failed", all)
	}
	// A log that fails lets the message come again. Only then is it counted.
	k.clock.forward(time.Minute)
	batch := k.batch(k.to(w, "4"))
	k.on(k.Tables.At(k.clock.read, storetest.Failing("BatchWriteItem")), k.queue)
	if failed := k.work(batch); len(failed) != 1 {
		t.Fatalf("%d messages failed, want the one", len(failed))
	}
	k.on(k.Tables.At(k.clock.read), k.queue)
	k.work(batch)
	if hours, err = k.Statistics(t.Context(), acct, w.ID, k.clock.read().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all = (domain.AttemptCounts{}); len(hours) > 0 {
		for _, h := range hours {
			all.Merge(h.AttemptCounts)
		}
	}
	if all.Delivered != 3 {
		t.Errorf("a message that came again is counted %d times, want once", all.Delivered-2)
	}
	if other, err := k.Statistics(t.Context(), "acct-43", w.ID, k.clock.read().Add(-2*time.Hour)); err != nil ||
		len(other) != 0 {
		t.Errorf("another account reads %v %v", other, err)
	}
}

func allDue(s *statistics, lines []domain.Attempt, at time.Time) []domain.WebhookHour {
	waited, fresh := s.after(lines, at)
	return append(waited, fresh...)
}
