package contract

import (
	"fmt"
	"regexp"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The log of deliveries over all webhooks, and the request of one.

type ListAccountDeliveriesInput struct {
	PageInput
	Webhooks   []domain.WebhookID     `query:"webhook_id,explode" nullable:"false" maxItems:"20" maxLength:"64" doc:"Only deliveries to these webhooks. Repeatable."`
	From       Time                   `query:"from" doc:"Only deliveries of events from this time on, RFC 3339, within the last 30 days. Default: 30 days ago." example:"2026-11-22T09:30:00Z"`
	To         Time                   `query:"to" doc:"Only deliveries of events before this time. Default: now."`
	States     []domain.DeliveryState `query:"state,explode" nullable:"false" maxItems:"5" enum:"delivered,retrying,exhausted,skipped,cancelled" doc:"Only deliveries in one of these states. Repeatable."`
	Statuses   []string               `query:"status,explode" nullable:"false" maxItems:"10" maxLength:"16" doc:"Only deliveries with an attempt that was answered so: an HTTP status, or 2xx, 3xx, 4xx or 5xx. Repeatable." example:"[\"503\"]"`
	Failures   []domain.FailureClass  `query:"failure,explode" nullable:"false" maxItems:"10" enum:"dns,blocked-address,dial,tls,timeout,connection,status,token,unsendable,backlog,not-pulled" doc:"Only deliveries with an attempt that failed of one of these causes. Repeatable."`
	EventTypes []string               `query:"event_type,explode" nullable:"false" maxItems:"40" maxLength:"64" doc:"Only deliveries of events of these types. Repeatable."`
	Contract   domain.ContractID      `query:"contract_id" maxLength:"64" doc:"Only deliveries of this contract's events."`
}

var statusFilter = regexp.MustCompile(`^([1-5][0-9][0-9]|[1-5]xx)$`)

// Check reports times that contradict each other, and types and statuses that there are not.
func (in *ListAccountDeliveriesInput) Check() []fault.Field {
	wrong := append(spanFaults(in.From, in.To), typeFaults(in.EventTypes)...)
	for _, s := range in.Statuses {
		if !statusFilter.MatchString(s) {
			detail := fmt.Sprintf("%q is no HTTP status. Give one, such as 503, or a class, such as 5xx.", s)
			wrong = append(wrong, fault.Field{Pointer: "query.status", Code: "invalid", Detail: detail})
		}
	}
	return wrong
}

type ListAccountDeliveriesOutput struct {
	Body struct {
		Page[DeliveryOfEvent]
		LookedBackTo time.Time `json:"looked_back_to" doc:"Every delivery of an event since this time was looked at, for this page and those before. With next_cursor, the log goes on before it."`
	}
}

// RequestHeader is a header of a delivery's request.
type RequestHeader struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty" doc:"Absent where it is not shown."`
	Why   string `json:"not_shown,omitempty" enum:"secret,access-token,made-for-each-attempt" doc:"Why the value is not shown."`
}

// Why a header's value is not shown.
const (
	HeaderSecret      = "secret"
	HeaderAccessToken = "access-token"
	HeaderPerAttempt  = "made-for-each-attempt"
)

type ReadDeliveryRequestOutput struct {
	Body struct {
		Method  string          `json:"method" enum:"POST"`
		URL     string          `json:"url" doc:"Of the last attempt that kept it, or else the webhook's as it is now."`
		Kept    bool            `json:"url_kept" doc:"Whether an attempt kept the URL."`
		Headers []RequestHeader `json:"headers" doc:"As the next attempt would have them."`
		Payload string          `json:"payload" doc:"The body of every attempt, to the byte."`
	}
}
