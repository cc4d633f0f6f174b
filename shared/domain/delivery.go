package domain

import "time"

// Outcome is how an attempt ended, or why none was made.
type Outcome string

const (
	OutcomeDelivered Outcome = "delivered" // a 2xx answer
	OutcomeFailed    Outcome = "failed"    // another answer, or none; retried later
	OutcomeExhausted Outcome = "exhausted" // failed at the last attempt
	OutcomeSkipped   Outcome = "skipped"   // the webhook was paused or its installation suspended
	OutcomeCancelled Outcome = "cancelled" // the webhook is gone, or its installation has another epoch
)

// FailureClass is the cause of a failed attempt, for programs.
type FailureClass string

const (
	FailureDNS            FailureClass = "dns"             // the host has no address
	FailureBlockedAddress FailureClass = "blocked-address" // a forbidden address, port or scheme
	FailureDial           FailureClass = "dial"            // no connection
	FailureTLS            FailureClass = "tls"             // an untrusted certificate, or no common protocol
	FailureTimeout        FailureClass = "timeout"
	FailureConnection     FailureClass = "connection" // the connection broke before an answer
	FailureStatus         FailureClass = "status"     // an answer other than 2xx
	FailureToken          FailureClass = "token"      // the token endpoint gave no access token
	FailureUnsendable     FailureClass = "unsendable" // the declaration and its values make no valid request
	FailureNotPulled      FailureClass = "not-pulled" // no agent pulled it within PulledWithin
	FailureBacklog        FailureClass = "backlog"    // no turn within TurnsWithin at the policy's rate
)

// Attempt is one line of the append-only log: one HTTP request, or the decision to make none.
type Attempt struct {
	Account      AccountID         `json:"account_id"`
	Webhook      WebhookID         `json:"webhook_id"`
	Event        EventID           `json:"event_id"`
	EventType    string            `json:"event_type"`
	EventDay     string            `json:"event_day"` // UTC, YYYY-MM-DD: the partition
	EventAt      time.Time         `json:"event_at,omitzero" doc:"When the event happened. Absent in old lines."`
	Contract     ContractID        `json:"contract_id,omitempty" doc:"The event's contract, if any."`
	Number       int               `json:"number"` // 1 for the first
	URL          string            `json:"url,omitempty" doc:"The URL that the request went to. Absent when none was sent, in old lines, and where a success has a long one."`
	Outcome      Outcome           `json:"outcome" enum:"delivered,failed,exhausted,skipped,cancelled"`
	Status       int               `json:"status,omitempty" doc:"The endpoint's HTTP status. Absent without an answer."`
	Failure      FailureClass      `json:"failure,omitempty" enum:"dns,blocked-address,dial,tls,timeout,connection,status,token,unsendable,backlog,not-pulled" doc:"The cause of the failure."`
	Reason       string            `json:"reason,omitempty" doc:"Why it failed, in words."`
	Headers      map[string]string `json:"headers,omitempty" doc:"Helpful headers of a failed answer, secrets masked."`
	Excerpt      string            `json:"excerpt,omitempty" doc:"The beginning of a failed answer's body, at most 16 KiB, secrets masked; shorter in lists."`
	At           time.Time         `json:"at"`
	Milliseconds int64             `json:"milliseconds,omitempty"`
	NextAt       time.Time         `json:"next_at,omitzero" doc:"When the next attempt is due."`

	Agent    AgentID `json:"agent_id,omitempty" doc:"The agent that made the request. Absent when we did."`
	Listener string  `json:"listener,omitempty" doc:"Who listened and reports this. Such a line is no attempt at the endpoint."`

	// What another attempt needs besides the event. Not shown.
	Epoch   int    `json:"epoch,omitempty" hidden:"true"`
	Context string `json:"context,omitempty" hidden:"true"` // of the body
}

// SuccessRoom is how many bytes URL and Context may have together for a success to be one write unit, 1 KB.
const SuccessRoom = 380

// SentTo fills in the URL that the request went to. A success keeps it only where that costs no second write unit.
func (a Attempt) SentTo(url string) Attempt {
	if a.Outcome != OutcomeDelivered || len(url)+len(a.Context) <= SuccessRoom {
		a.URL = url
	}
	return a
}

// Shown is the line without its internal fields.
func (a Attempt) Shown() Attempt {
	a.Epoch, a.Context = 0, ""
	return a
}

// AttemptsMost is how many attempts a delivery may have when someone asks for another. All of them, with 16 KB of
// answer each, fit into Lambda's 6 MB.
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

// StateOf derives a delivery's state from its attempts in any order: a success wins (design rule 19), otherwise the
// last line decides. An attempt that ran twice has two lines of one number.
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
