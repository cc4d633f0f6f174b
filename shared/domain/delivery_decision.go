package domain

import "time"

// Action is what delivery does with a delivery's message.
type Action string

const (
	ActionSend   Action = "send"   // make the attempt
	ActionProbe  Action = "probe"  // make the attempt as the breaker's probe, if no other process has claimed the probe
	ActionSkip   Action = "skip"   // send nothing, and record it: the webhook is paused, disabled or suspended
	ActionCancel Action = "cancel" // send nothing, and record it: the webhook or its epoch has ended
	ActionPark   Action = "park"   // store it until the breaker closes, or an agent pulls it
	ActionDefer  Action = "defer"  // send it again later: the endpoint asked for a pause, or its rate limit is reached
	ActionMove   Action = "move"   // send it to the slow queue
	ActionExpire Action = "expire" // give it up, and record it: no agent pulled it in time
	ActionForget Action = "forget" // send and record nothing: its account has ended
)

// Decision is an action with its reason.
type Decision struct {
	Action Action
	Reason string    // of skip and cancel, for the webhook's owner
	Until  time.Time // of defer: the end of the pause
}

// Destination is a delivery's webhook with the state that decides whether it is sent.
type Destination struct {
	Account      Account // zero when it is gone
	Webhook      Webhook
	Health       Health
	Installation Installation // of a managed webhook
	Gone         string       // why there is no endpoint any more; empty when there is one
	ReadAt       time.Time
}

// Dispatch is the part of a delivery's message that decides whether it is sent.
type Dispatch struct {
	Extension ExtensionID // of a managed webhook
	Epoch     int         // of its installation, when the event was fanned out
	EventAt   time.Time
	Accepted  time.Time // when the event was stored, if that was later
	Farewell  bool      // its event is the end of an installation
	Slow      bool      // it came by the slow queue
	Asked     bool      // a person wants the attempt now
}

// Decide says what becomes of a delivery now (design rules 5, 8 and 20). It is the only place that decides.
//
// A probe is sent from the slow queue, where redelivery puts it: the probes of thousands of hanging endpoints would
// block the other queue. An attempt that a person asked for probes before its time, since the endpoint may be mended.
func Decide(to *Destination, d Dispatch, now time.Time) Decision {
	if stopped := Stopped(to, d); stopped.Action != "" {
		return stopped
	}
	if to.Webhook.Pulled() {
		return awaitAgent(d, now)
	}
	return Spared(to.Health, d, now)
}

// awaitAgent is the decision on a delivery that an agent pulls, or never pulled.
func awaitAgent(d Dispatch, now time.Time) Decision {
	since := d.EventAt
	if d.Accepted.After(since) {
		since = d.Accepted
	}
	if now.Sub(since) >= PulledWithin {
		return Decision{Action: ActionExpire, Reason: "No agent pulled it within 29 days."}
	}
	return Decision{Action: ActionPark}
}

// Spared is the decision that an endpoint's health makes: whether it gets the delivery now (design rule 20).
func Spared(h Health, d Dispatch, now time.Time) Decision {
	switch breaker := h.Breaker; {
	case breaker.Holds(now) && d.Slow && (breaker.Due(now) || d.Asked):
		return Decision{Action: ActionProbe}
	case breaker.Holds(now):
		return Decision{Action: ActionPark}
	case now.Before(h.PausedUntil) && !d.Asked:
		return Decision{Action: ActionDefer, Until: h.PausedUntil}
	case h.Slow() && !d.Slow:
		return Decision{Action: ActionMove}
	}
	return Decision{Action: ActionSend}
}

// Stopped is the decision to forget, skip or cancel a delivery; its action is empty when the delivery may be sent.
func Stopped(to *Destination, d Dispatch) Decision {
	if to.forgets(d) {
		return Decision{Action: ActionForget}
	}
	skip := func(reason string) Decision { return Decision{Action: ActionSkip, Reason: reason} }
	cancel := func(reason string) Decision { return Decision{Action: ActionCancel, Reason: reason} }
	disabled := to.Health.State() == HealthDisabled
	managed := d.Extension != "" && !to.Webhook.Lifecycle // a lifecycle endpoint also hears a suspension and the end
	switch {
	case to.Gone != "":
		return cancel(to.Gone)
	case !to.Webhook.Lifecycle && (d.Extension != to.Webhook.Extension || d.Epoch != to.Webhook.Epoch),
		managed && d.Epoch != to.Installation.Epoch:
		return cancel("The extension was disabled since the event.")
	case managed && to.Installation.State == Suspended:
		return skip("The extension is suspended.")
	case managed && !to.Installation.Installed():
		return cancel("The extension is not enabled.")
	case disabled:
		return skip("The webhook is disabled. " + to.Health.Reason)
	case to.Webhook.Paused:
		return skip("The webhook is paused.")
	}
	return Decision{}
}

// forgets is true when the event's account is gone, is being deleted, or is a later account of the same id. While a
// deletion begins, lifecycle endpoints still hear of the end (design rule 17).
func (to *Destination) forgets(d Dispatch) bool {
	farewell := to.Webhook.Lifecycle && d.Farewell && to.Account.Ending(to.ReadAt) &&
		d.EventAt.Equal(to.Account.UpdatedAt)
	return !farewell && !to.Account.Knows(d.EventAt)
}
