package domain_test

import (
	"testing"
	"time"

	"plugboard/shared/domain"
)

func TestAskAfter_ATenthOfTheSilenceWithinItsBounds(t *testing.T) {
	for quiet, want := range map[time.Duration]time.Duration{
		-time.Second: time.Second, 0: time.Second, 9 * time.Second: time.Second, 59 * time.Second: 5 * time.Second,
		5 * time.Minute: 30 * time.Second, 24 * time.Hour: 30 * time.Second,
	} {
		if got := domain.AskAfter(quiet); got != want {
			t.Errorf("after %s: got %s, want %s", quiet, got, want)
		}
	}
}

func TestRule31_ADeliveryWaitsForAnAgentWhateverTheBreakerSays(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	open := domain.Health{FailingSince: now, Breaker: domain.Breaker{OpenedAt: now, ProbeAt: now}}
	for name, c := range map[string]struct {
		health   domain.Health
		paused   bool
		age      time.Duration
		accepted time.Duration
		want     domain.Action
	}{
		"new":                           {age: 0, want: domain.ActionPark},
		"a minute before its end":       {age: domain.PulledWithin - time.Minute, want: domain.ActionPark},
		"at its end":                    {age: domain.PulledWithin, want: domain.ActionExpire},
		"old, and accepted a day ago":   {age: domain.PulledWithin, accepted: 24 * time.Hour, want: domain.ActionPark},
		"with an open breaker":          {health: open, want: domain.ActionPark},
		"paused":                        {paused: true, want: domain.ActionSkip},
		"paused, at its end":            {paused: true, age: domain.PulledWithin, want: domain.ActionSkip},
		"of a webhook that is disabled": {health: domain.Health{DisabledAt: now}, want: domain.ActionSkip},
	} {
		to := &domain.Destination{
			Account: domain.Account{ID: "acct-42"}, Webhook: domain.Webhook{URL: domain.AgentURL, Paused: c.paused},
			Health: c.health, ReadAt: now,
		}
		d := domain.Dispatch{EventAt: now.Add(-c.age)}
		if c.accepted > 0 {
			d.Accepted = now.Add(-c.accepted)
		}
		if got := domain.Decide(to, d, now); got.Action != c.want {
			t.Errorf("%s: got %s, want %s", name, got.Action, c.want)
		}
	}
}

func TestRule31_SilenceWarnsOnceAndTheFirstFailureAfterItIsTheFirst(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	h := domain.Health{}.Unpulled(now.Add(-domain.WarnAfter), now)
	if h.State() != domain.HealthWarned || h.Unpulled(now, now.Add(time.Hour)) != h {
		t.Fatalf("got %+v", h)
	}
	later := now.Add(20 * 24 * time.Hour)
	failed := h.After(domain.Attempt{Outcome: domain.OutcomeFailed, Status: 500}, later)
	if failed.State() != domain.HealthWarned || !failed.FailingSince.Equal(later) {
		t.Errorf("after a failure: %s, failing since %s", failed.State(), failed.FailingSince)
	}
	dead := failed.After(domain.Attempt{Outcome: domain.OutcomeFailed, Status: 500}, later.Add(domain.DisableAfter))
	if dead.State() != domain.HealthDisabled {
		t.Errorf("after five days of failures it is %s", dead.State())
	}
	if good := h.After(domain.Attempt{Outcome: domain.OutcomeDelivered}, later); good.State() != domain.HealthGood {
		t.Errorf("after a success it is %s", good.State())
	}
}
