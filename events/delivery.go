package events

import (
	"bytes"
	"time"

	"plugboard/shared/domain"
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
	Body      string             `json:"body,omitempty"`       // the event's; empty when it is too big for a message
	Context   string             `json:"context,omitempty"`    // a JSON object, as the body will show it
	Attempt   int                `json:"attempt"`              // 1 for the first
	Slow      bool               `json:"slow,omitempty"`       // by the slow lane
	Turn      bool               `json:"turn,omitempty"`       // NotBefore is its turn, of so many a second, for this attempt
	NotBefore time.Time          `json:"not_before,omitzero"`
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

// IdempotencyKey is what the receiver knows a repeat by, `webhook-id`. The message may be sent twice (a stream's
// batch is repeated whole) and worked twice (a crash after the POST), and each may repeat a POST; but the id
// derives from event and webhook, and so does the body, so that all of them are one delivery (design rule 18).
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
