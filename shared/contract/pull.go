package contract

import (
	"fmt"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Deliveries that are fetched: by listeners, who look on, and by an agent, which is the endpoint (design rules 30, 31).

type PullDeliveriesInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		Cursor string `json:"cursor,omitempty" maxLength:"512" doc:"The cursor of the answer before. Opaque. Absent: a listener begins now, an agent with the oldest."`
		Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"50" default:"25" doc:"How many deliveries at most. Fewer come when their bodies are large."`
	}
}

// PulledDelivery is a delivery as it would be posted.
type PulledDelivery struct {
	ID        domain.DeliveryID `json:"id" doc:"The webhook-id of its requests."`
	Event     domain.EventID    `json:"event_id"`
	EventType string            `json:"event_type"`
	EventAt   time.Time         `json:"event_at" doc:"When the event happened."`
	Attempt   int               `json:"attempt" doc:"The number of the attempt: more than 1 for a retry or a replay."`
	Receipt   string            `json:"receipt" doc:"For acknowledge-deliveries. Opaque."`
	Headers   map[string]string `json:"headers" doc:"The headers to send, signed now. None holds a credential."`
	Body      string            `json:"body" doc:"The body to send, to the byte."`
	Timeout   int               `json:"timeout_seconds" doc:"The timeout of an attempt, by the webhook's policy."`
}

// Lease is an agent's right to pull.
type Lease struct {
	Held  bool      `json:"held" doc:"Whether this agent has it. Otherwise another agent works."`
	Until time.Time `json:"until" doc:"When it ends unless its holder pulls again."`
}

// Why an agent gets no deliveries although some may wait.
const (
	HeldLease    = "lease"
	HeldPaused   = "paused"
	HeldDisabled = "disabled"
	HeldBreaker  = "breaker"
	HeldPause    = "pause-asked"
)

type PullDeliveriesOutput struct {
	Body struct {
		Mode       string           `json:"mode" enum:"tail,agent" doc:"tail: a listener, beside the endpoint. agent: the endpoint itself."`
		Deliveries []PulledDelivery `json:"deliveries" doc:"In the order in which to send them. A delivery may come again, with the same id and attempt."`
		Cursor     string           `json:"cursor" doc:"For the next pull. A listener's is good for 30 days."`
		AskAgain   int              `json:"ask_again_after_seconds" minimum:"0" maximum:"30" doc:"When to pull again. 0: at once."`
		Expired    int              `json:"expired,omitempty" doc:"Deliveries that are left out because their events are stored no longer."`
		Held       string           `json:"held,omitempty" enum:"lease,paused,disabled,breaker,pause-asked" doc:"Why an agent gets none although some may wait: another agent has the lease; the webhook is paused or disabled; its breaker is open; its endpoint asked for a pause."`
		Lease      *Lease           `json:"lease,omitempty" doc:"Of an agent."`
	}
}

// PulledResult is what became of a delivery that was pulled.
type PulledResult struct {
	Receipt      string              `json:"receipt" minLength:"1" maxLength:"1024"`
	Status       int                 `json:"status,omitempty" minimum:"0" maximum:"599" doc:"The endpoint's HTTP status. Absent or 0 without an answer."`
	Failure      domain.FailureClass `json:"failure,omitempty" enum:"dns,dial,tls,timeout,connection" doc:"Why there is no answer. Default: connection. Not with a status."`
	Milliseconds int64               `json:"milliseconds,omitempty" minimum:"0" maximum:"3600000" doc:"How long the request took."`
	Headers      map[string]string   `json:"headers,omitempty" maxProperties:"20" doc:"Headers of the answer, such as Retry-After."`
	Body         string              `json:"body,omitempty" maxLength:"16384" doc:"The beginning of the answer's body. Of an agent's failed answer it is kept, secrets masked; of a listener's, never."`
}

type AcknowledgeDeliveriesInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		Results []PulledResult `json:"results" minItems:"1" maxItems:"50"`
	}
}

// answerMost is how many bytes of an endpoint's answer are taken, as of a POST's (design rule 21).
const answerMost = 16 << 10

// Check reports results that contradict themselves or are too long.
func (in *AcknowledgeDeliveriesInput) Check() []fault.Field {
	var wrong []fault.Field
	for i, r := range in.Body.Results {
		at := fmt.Sprintf("/results/%d", i)
		if r.Status > 0 && r.Status < 100 {
			wrong = append(wrong, fault.Field{Pointer: at + "/status", Code: "invalid",
				Detail: "An HTTP status is 100 to 599. Leave it out where no answer came."})
		}
		if r.Status != 0 && r.Failure != "" {
			wrong = append(wrong, fault.Field{Pointer: at + "/failure", Code: "contradiction",
				Detail: "An answer with a status came. Give a failure only without one."})
		}
		size := 0
		for name, value := range r.Headers {
			size += len(name) + len(value)
		}
		if len(r.Body) > answerMost || size > answerMost {
			wrong = append(wrong, fault.Field{Pointer: at + "/body", Code: "invalid",
				Detail: fmt.Sprintf("An answer's body has at most %d bytes, and so have its headers.", answerMost)})
		}
	}
	return wrong
}

// Acknowledged is what a result changed.
type Acknowledged struct {
	Delivery domain.DeliveryID `json:"delivery_id"`
	Attempt  int               `json:"attempt"`
	Already  bool              `json:"already,omitempty" doc:"The delivery was acknowledged before, and this result changed nothing."`
}

type AcknowledgeDeliveriesOutput struct {
	Body struct {
		Results []Acknowledged `json:"results" doc:"In the order of the request."`
	}
}
