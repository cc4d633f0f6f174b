package events

import (
	"bytes"
	"cmp"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/trace"
)

// Delivery asks delivery to bring one event to one webhook. The message for the next attempt is the same but
// for Attempt and NotBefore.
type Delivery struct {
	ID        domain.DeliveryID  `json:"id"`
	Account   domain.AccountID   `json:"account_id"`
	Webhook   domain.WebhookID   `json:"webhook_id"`
	Extension domain.ExtensionID `json:"extension_id,omitempty"` // of a managed webhook
	Epoch     int                `json:"epoch,omitempty"`        // of its installation; dead when that has another
	Event     domain.EventID     `json:"event_id"`
	Contract  domain.ContractID  `json:"contract_id,omitempty"` // with Event: where the event is stored
	EventType string             `json:"event_type"`
	EventAt   time.Time          `json:"event_at"`
	Accepted  time.Time          `json:"accepted_at,omitzero"` // when it was stored, if that was later
	Trace     trace.ID           `json:"trace,omitempty"`      // the event's
	Context   string             `json:"context,omitempty"`    // a JSON object, as the body will show it
	Attempt   int                `json:"attempt"`              // 1 for the first
	First     int                `json:"first,omitempty"`      // of the schedule, which a replay begins anew; empty: 1
	Slow      bool               `json:"slow,omitempty"`       // by the slow queue
	// NotBefore is its turn, of so many a second, for this attempt
	Turn      bool      `json:"turn,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	// Waiting is since when it waits for an agent, if NotBefore does not say that
	Waiting time.Time `json:"waiting_since,omitzero"`
	// somebody wants this attempt now: it probes a breaker before its time
	Asked bool `json:"asked,omitempty"`
	// Tailed, of a delivery that is sent again: it is kept for listeners, too
	Tailed bool `json:"tailed,omitempty"`
	// Answer is what an agent's endpoint answered to this attempt
	Answer *Answer `json:"answer,omitempty"`

	// Known is the sum of the revisions of the webhook and its installation at fan-out. A process with an older
	// cached target reads again, so that a rotated secret or a changed parameter holds for every later event.
	Known int `json:"known,omitempty"`

	// What lies beside the message (shared/deliveryqueue): taken out of its JSON, they would be a tenth of a delivery's
	// time.
	Body   string `json:"-"` // the event's; empty when it is too big for a message
	Target string `json:"-"` // a Target as JSON, of a first message; empty for none
}

// Answer is an endpoint's answer as an agent reports it: a status, or why there is none.
type Answer struct {
	Agent        domain.AgentID      `json:"agent_id"`
	At           time.Time           `json:"at"`
	SignedAt     time.Time           `json:"signed_at"` // when the delivery was handed out
	Milliseconds int64               `json:"milliseconds,omitempty"`
	Status       int                 `json:"status,omitempty"`
	Failure      domain.FailureClass `json:"failure,omitempty"`
	Headers      map[string]string   `json:"headers,omitempty"`
	Body         string              `json:"body,omitempty"` // its beginning, of a failed answer
	Probe        bool                `json:"probe,omitempty"`
}

// DeliveryTo is the first message of the delivery of e to w. Body and Context are the caller's to add.
func DeliveryTo(w domain.Webhook, e Event) Delivery {
	d := Delivery{
		ID: domain.DeliveryOf(e.ID, w.ID), Account: w.Account, Webhook: w.ID, Extension: w.Extension, Epoch: w.Epoch,
		Event: e.ID, Contract: e.Contract, EventType: e.Subject.EventType, EventAt: e.At, Trace: e.Trace, Attempt: 1,
	}
	if e.ID.External() != "" {
		d.Accepted = e.AcceptedAt
	}
	return d
}

// Again makes the message of one more attempt of a delivery in the log. It has the body and context of the first
// attempt, so that id and bytes stay the same (design rule 18). After a finished run of attempts it begins a new one,
// with the whole retry schedule; a run in progress continues. It takes the slow queue.
//
// Conflict `older-epoch` when the webhook's epoch has passed (design rule 5), `attempts-used-up` after
// domain.AttemptsMost.
func Again(w domain.Webhook, e Event, lines []domain.Attempt) (Delivery, error) {
	d := DeliveryTo(w, e)
	d.Slow, d.First = true, 1
	for _, l := range lines {
		d.Attempt = max(d.Attempt, l.Number+1)
		if l.Outcome != domain.OutcomeFailed {
			d.First = max(d.First, l.Number+1)
		}
		d.Epoch, d.Context = l.Epoch, cmp.Or(d.Context, l.Context)
	}
	switch {
	case d.Attempt > domain.AttemptsMost:
		return d, fault.New(fault.Conflict, "attempts-used-up",
			"The delivery was tried %d times; no more than %d are begun.", d.Attempt-1, domain.AttemptsMost)
	case w.Extension != "" && !w.Lifecycle && d.Epoch != w.Epoch:
		return d, fault.New(fault.Conflict, "older-epoch",
			"The extension was disabled since the event, and nothing from before is sent any more.")
	}
	return d, nil
}

// Number is the attempt's in its schedule, 1 for the first.
func (d Delivery) Number() int { return d.Attempt - max(d.First, 1) + 1 }

// Line is the attempt's in the log, with what another attempt is made of. How it went is the caller's to add.
func (d Delivery) Line(at time.Time) domain.Attempt {
	return domain.Attempt{
		Account: d.Account, Webhook: d.Webhook, Event: d.Event, EventType: d.EventType, EventDay: d.Day(),
		EventAt: d.EventAt, Contract: d.Contract,
		Epoch: d.Epoch, Context: d.Context, Number: d.Attempt, At: at,
	}
}

// Resend is an outbox item: fanout sends a delivery again, or has a page of a replay worked.
type Resend struct {
	ID       string           `json:"id"`
	Account  domain.AccountID `json:"account_id"`
	Delivery *Delivery        `json:"delivery,omitempty"` // without the event's body, which is stored once
	Page     *ReplayPage      `json:"page,omitempty"`
	Wait     time.Duration    `json:"wait,omitempty"` // in nanoseconds, before the page is worked
	Trace    trace.ID         `json:"trace,omitempty"`
}

// ReplayPage names a page of a replay. When another is being worked, there is nothing to do.
type ReplayPage struct {
	Account domain.AccountID `json:"account_id"`
	Webhook domain.WebhookID `json:"webhook_id"`
	Replay  domain.ReplayID  `json:"replay_id"`
	Page    int              `json:"page"`
}

// Waits is since when the delivery waits for an agent.
func (d Delivery) Waits() time.Time {
	if !d.Waiting.IsZero() {
		return d.Waiting
	}
	at := d.EventAt
	for _, later := range []time.Time{d.Accepted, d.NotBefore} {
		if later.After(at) {
			at = later
		}
	}
	return at
}

// Dispatch is the part of d that decides whether it is sent.
func (d Delivery) Dispatch() domain.Dispatch {
	return domain.Dispatch{
		Extension: d.Extension, Epoch: d.Epoch, EventAt: d.EventAt, Accepted: d.Accepted,
		Farewell: d.EventType == string(InstallationDisabled), Slow: d.Slow, Asked: d.Asked,
	}
}

// IdempotencyKey is sent as `webhook-id`, by which a receiver recognises a repeat. A message may be sent twice (a
// repeated stream batch) and worked twice (a crash after the POST), and each may repeat the POST. Id and body derive
// from event and webhook, so that all of them are one delivery (design rule 18).
func (d Delivery) IdempotencyKey() string { return string(d.ID) }

// Day is the UTC day of the event: where the delivery's log is.
func (d Delivery) Day() string { return d.EventAt.UTC().Format(time.DateOnly) }

// Payload is the body of every attempt, to the byte: the event's, with the context as its last member.
func (d Delivery) Payload(event []byte) []byte {
	if d.Context == "" {
		return event
	}
	open := bytes.TrimSuffix(event, []byte("}"))
	payload := make([]byte, 0, len(event)+len(`,"context":`)+len(d.Context))
	payload = append(payload, open...)
	payload = append(payload, `,"context":`...)
	payload = append(payload, d.Context...)
	return append(payload, '}')
}
