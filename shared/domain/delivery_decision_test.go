package domain_test

import (
	"strings"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// The rule of each case is in the name of the test that fails.
type dispatchCase struct {
	to   func(*domain.Destination)
	d    func(*domain.Dispatch)
	want domain.Action
	why  string // a part of the reason
}

var decidedAt = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// decide applies the case to a healthy managed webhook of an enabled installation.
func (c dispatchCase) decide() domain.Decision {
	to := domain.Destination{
		Account:      domain.Account{ID: "harbor", CreatedAt: decidedAt.Add(-time.Hour)},
		Webhook:      domain.Webhook{ID: "whk_1", Account: "harbor", Extension: "crm", Epoch: 2},
		Installation: domain.Installation{Extension: "crm", Epoch: 2, State: domain.Enabled},
		ReadAt:       decidedAt,
	}
	d := domain.Dispatch{Extension: "crm", Epoch: 2, EventAt: decidedAt.Add(-time.Minute)}
	if c.to != nil {
		c.to(&to)
	}
	if c.d != nil {
		c.d(&d)
	}
	return domain.Decide(&to, d, decidedAt)
}

func runDispatchCases(t *testing.T, cases map[string]dispatchCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.decide()
			if got.Action != c.want || !strings.Contains(got.Reason, c.why) {
				t.Errorf("got %+v, want %s with %q", got, c.want, c.why)
			}
			stops := c.want == domain.ActionSkip || c.want == domain.ActionCancel
			if stops != (got.Reason != "") {
				t.Errorf("got the reason %q for %s", got.Reason, got.Action)
			}
		})
	}
}

func TestRule5_DecideCancelsOlderEpochsAndSkipsTheSuspended(t *testing.T) {
	runDispatchCases(t, map[string]dispatchCase{
		"an enabled installation": {want: domain.ActionSend},
		"the webhook was deleted": {to: func(to *domain.Destination) {
			to.Gone = "The webhook was deleted."
		}, want: domain.ActionCancel, why: "deleted"},
		"the delivery's epoch is older": {d: func(d *domain.Dispatch) { d.Epoch = 1 }, want: domain.ActionCancel,
			why: "disabled since"},
		"the webhook's epoch is newer": {to: func(to *domain.Destination) { to.Webhook.Epoch = 3 },
			want: domain.ActionCancel, why: "disabled since"},
		"the installation's is newer": {to: func(to *domain.Destination) {
			to.Installation.Epoch = 3
		}, want: domain.ActionCancel, why: "disabled since"},
		"another extension's delivery": {d: func(d *domain.Dispatch) { d.Extension = "desk" },
			want: domain.ActionCancel, why: "disabled since"},
		"suspended": {to: func(to *domain.Destination) {
			to.Installation.State = domain.Suspended
		}, want: domain.ActionSkip, why: "suspended"},
		"still being enabled": {to: func(to *domain.Destination) {
			to.Installation.State = domain.Enabling
		}, want: domain.ActionCancel, why: "not enabled"},
		"upgrading": {to: func(to *domain.Destination) {
			to.Installation.State = domain.Upgrading
		}, want: domain.ActionSend},
		"an older epoch before a pause": {
			to: func(to *domain.Destination) { to.Webhook.Paused = true }, d: func(d *domain.Dispatch) { d.Epoch = 1 },
			want: domain.ActionCancel, why: "disabled since",
		},
	})
}

func TestRule8_DecideSkipsThePausedAndTheDisabled(t *testing.T) {
	own := func(to *domain.Destination) {
		to.Webhook.Extension, to.Webhook.Epoch, to.Installation = "", 0, domain.Installation{}
	}
	direct := func(d *domain.Dispatch) { d.Extension, d.Epoch = "", 0 }
	runDispatchCases(t, map[string]dispatchCase{
		"an account's own webhook": {to: own, d: direct, want: domain.ActionSend},
		"paused": {to: func(to *domain.Destination) {
			own(to)
			to.Webhook.Paused = true
		}, d: direct, want: domain.ActionSkip, why: "paused"},
		"disabled, with its reason": {
			to: func(to *domain.Destination) {
				own(to)
				to.Health.DisabledAt, to.Health.Reason = decidedAt, "410 Gone."
			},
			d:    direct,
			want: domain.ActionSkip, why: "410 Gone.",
		},
		"disabled and paused": {
			to:   func(to *domain.Destination) { own(to); to.Health.DisabledAt, to.Webhook.Paused = decidedAt, true },
			d:    direct,
			want: domain.ActionSkip, why: "disabled",
		},
	})
}

func TestRule17_DecideSendsTheEndToALifecycleEndpoint(t *testing.T) {
	lifecycle := func(to *domain.Destination) { to.Webhook.Lifecycle = true; to.Installation = domain.Installation{} }
	ending := func(to *domain.Destination) {
		lifecycle(to)
		to.Account.State, to.Account.UpdatedAt = domain.AccountDeleting, decidedAt.Add(-time.Second)
	}
	farewell := func(d *domain.Dispatch) { d.Farewell, d.EventAt = true, decidedAt.Add(-time.Second) }
	runDispatchCases(t, map[string]dispatchCase{
		"an older epoch": {to: lifecycle, d: func(d *domain.Dispatch) { d.Epoch = 1 }, want: domain.ActionSend},
		"paused": {to: func(to *domain.Destination) {
			lifecycle(to)
			to.Webhook.Paused = true
		}, want: domain.ActionSkip, why: "paused"},
		"disabled": {to: func(to *domain.Destination) {
			lifecycle(to)
			to.Health.DisabledAt = decidedAt
		}, want: domain.ActionSkip, why: "disabled"},
		"its account's end": {to: ending, d: farewell, want: domain.ActionSend},
		"another event of then": {to: ending, d: func(d *domain.Dispatch) {
			d.EventAt = decidedAt.Add(-time.Second)
		}, want: domain.ActionForget},
		"too late for the end": {to: func(to *domain.Destination) {
			ending(to)
			to.ReadAt = decidedAt.Add(domain.FarewellFor)
		}, d: farewell, want: domain.ActionForget},
		"another webhook's end": {to: func(to *domain.Destination) {
			ending(to)
			to.Webhook.Lifecycle = false
		}, d: farewell, want: domain.ActionForget},
		"the account is gone": {to: func(to *domain.Destination) {
			to.Account = domain.Account{}
		}, want: domain.ActionForget},
		"a later account's life": {d: func(d *domain.Dispatch) {
			d.EventAt = decidedAt.Add(-2 * time.Hour)
		}, want: domain.ActionForget},
	})
}

func TestRule20_DecideKeepsOneEndpointFromDelayingOthers(t *testing.T) {
	open := func(probe time.Duration) func(*domain.Destination) {
		return func(to *domain.Destination) {
			to.Health.Breaker = domain.Breaker{OpenedAt: decidedAt.Add(-time.Minute), ProbeAt: decidedAt.Add(probe)}
		}
	}
	slowQueue := func(d *domain.Dispatch) { d.Slow = true }
	asked := func(d *domain.Dispatch) { d.Slow, d.Asked = true, true }
	pause := func(to *domain.Destination) { to.Health.PausedUntil = decidedAt.Add(time.Second) }
	slow := func(to *domain.Destination) { to.Health.SlowSince = decidedAt.Add(-time.Hour) }
	runDispatchCases(t, map[string]dispatchCase{
		"open, the probe is not due":      {to: open(time.Second), d: slowQueue, want: domain.ActionPark},
		"open, due, from the usual queue": {to: open(0), want: domain.ActionPark},
		"open, due, from the slow queue":  {to: open(0), d: slowQueue, want: domain.ActionProbe},
		"open, asked for before its time": {to: open(time.Second), d: asked, want: domain.ActionProbe},
		"open, and its probe has lapsed":  {to: open(-domain.ProbeLapses), want: domain.ActionSend},
		"open, of an older epoch": {to: open(0), d: func(d *domain.Dispatch) { d.Epoch = 1 },
			want: domain.ActionCancel, why: "disabled"},
		"its endpoint asked for a pause": {to: pause, want: domain.ActionDefer},
		"a pause, and a person asks":     {to: pause, d: asked, want: domain.ActionSend},
		"a pause that is over": {to: func(to *domain.Destination) {
			to.Health.PausedUntil = decidedAt
		}, want: domain.ActionSend},
		"slow, from the usual queue": {to: slow, want: domain.ActionMove},
		"slow, from the slow queue":  {to: slow, d: slowQueue, want: domain.ActionSend},
		"slow, with an open breaker": {to: func(to *domain.Destination) {
			slow(to)
			open(time.Second)(to)
		}, want: domain.ActionPark},
		"slow, and its endpoint asked first": {to: func(to *domain.Destination) { slow(to); pause(to) },
			want: domain.ActionDefer},
	})
	if got := (dispatchCase{to: pause}).decide().Until; !got.Equal(decidedAt.Add(time.Second)) {
		t.Errorf("deferred until %s, want the end of the pause", got)
	}
}
