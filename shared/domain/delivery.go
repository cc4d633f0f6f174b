package domain

import "time"

// Outcome is how an attempt ended, or why there was none.
type Outcome string

const (
	OutcomeDelivered Outcome = "delivered" // a 2xx answer
	OutcomeFailed    Outcome = "failed"    // another answer, or none; tried again later
	OutcomeExhausted Outcome = "exhausted" // the same, for the last time
	OutcomeSkipped   Outcome = "skipped"   // the webhook was paused or its installation suspended
	OutcomeCancelled Outcome = "cancelled" // the webhook is gone, or its installation of another epoch
)

// FailureClass is what an attempt failed of, for programs.
type FailureClass string

const (
	FailureDNS            FailureClass = "dns"             // the host has no address
	FailureBlockedAddress FailureClass = "blocked-address" // an address, port or scheme that nothing is sent to
	FailureDial           FailureClass = "dial"            // no connection
	FailureTLS            FailureClass = "tls"             // no trust, or no common protocol
	FailureTimeout        FailureClass = "timeout"
	FailureConnection     FailureClass = "connection" // it broke off before an answer came
	FailureStatus         FailureClass = "status"     // an answer that is not 2xx; whatever becomes of its body
	FailureToken          FailureClass = "token"      // the token endpoint gave none
	FailureUnsendable     FailureClass = "unsendable" // no request can be made of what is declared and given
	FailureBacklog        FailureClass = "backlog"    // no turn within TurnsWithin, at the pace that its policy allows
)

// Attempt is one line of the append-only log: one HTTP request, or the decision to make none.
type Attempt struct {
	Account      AccountID         `json:"account_id"`
	Webhook      WebhookID         `json:"webhook_id"`
	Event        EventID           `json:"event_id"`
	EventType    string            `json:"event_type"`
	EventDay     string            `json:"event_day"` // UTC, YYYY-MM-DD: the partition
	EventAt      time.Time         `json:"event_at,omitzero" doc:"When it happened; absent in lines from before it was kept."`
	Contract     ContractID        `json:"contract_id,omitempty" doc:"The event's, if it is one's."`
	Number       int               `json:"number"` // 1 for the first
	Outcome      Outcome           `json:"outcome" enum:"delivered,failed,exhausted,skipped,cancelled"`
	Status       int               `json:"status,omitempty" doc:"The endpoint's HTTP status; absent when it gave none."`
	Failure      FailureClass      `json:"failure,omitempty" enum:"dns,blocked-address,dial,tls,timeout,connection,status,token,unsendable,backlog" doc:"What it failed of."`
	Reason       string            `json:"reason,omitempty" doc:"Why it failed, in words."`
	Headers      map[string]string `json:"headers,omitempty" doc:"Those of a failed answer's headers that help, secrets masked."`
	Excerpt      string            `json:"excerpt,omitempty" doc:"The beginning of a failed answer's body, at most 16 KiB, secrets masked; in a list the first of it."`
	At           time.Time         `json:"at"`
	Milliseconds int64             `json:"milliseconds,omitempty"`
	NextAt       time.Time         `json:"next_at,omitzero" doc:"When it is tried again."`

	// Of what another attempt is made, besides the event. They are not shown.
	Epoch   int    `json:"epoch,omitempty" hidden:"true"`
	Context string `json:"context,omitempty" hidden:"true"` // of the body. Up to some 380 bytes a success is one write unit, 1 KB
}

// Shown is the line without what is of no use to people.
func (a Attempt) Shown() Attempt {
	a.Epoch, a.Context = 0, ""
	return a
}

// AttemptsMost is how many a delivery can have when another is asked for by hand or in a replay, so that all of them fit
// into an answer of 6 MB, a Lambda quota, with 16 KB of what each was answered.
const AttemptsMost = 100

// DeliveryState derives from the attempts.
type DeliveryState string

const (
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryRetrying  DeliveryState = "retrying"
	DeliveryExhausted DeliveryState = "exhausted"
	DeliverySkipped   DeliveryState = "skipped"
	DeliveryCancelled DeliveryState = "cancelled"
)

// StateOf derives a delivery's state from its attempts, whatever their order: one success wins over all
// (design rule 19), otherwise the last line says. An attempt that ran twice has two lines of the same number.
func StateOf(attempts []Attempt) DeliveryState {
	var last Attempt
	for _, a := range attempts {
		if a.Outcome == OutcomeDelivered {
			return DeliveryDelivered
		}
		if a.Number > last.Number || a.Number == last.Number && a.At.After(last.At) {
			last = a
		}
	}
	if last.Outcome == OutcomeFailed {
		return DeliveryRetrying
	}
	return DeliveryState(last.Outcome)
}
