package contract

import (
	"fmt"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Replays: a webhook's deliveries sent again on demand, those that a filter finds.

type CreateReplayInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		From       Time                   `json:"from" doc:"Deliveries of events from this time on, RFC 3339, within the last 30 days." example:"2026-11-22T09:30:00Z"`
		To         Time                   `json:"to,omitzero" doc:"Deliveries of events before this time. Default and maximum: now."`
		States     []domain.DeliveryState `json:"states,omitempty" minItems:"1" maxItems:"5" enum:"delivered,retrying,exhausted,skipped,cancelled" doc:"Deliveries in one of these states. Default: exhausted and skipped."`
		EventTypes []string               `json:"event_types,omitempty" minItems:"1" maxItems:"20" maxLength:"64" doc:"Deliveries of events of these types. Default: every type." example:"[\"contract.signed\"]"`
	}
}

// Span is the time whose events are replayed; to is zero when it is not given.
func (in *CreateReplayInput) Span() (from, to time.Time) { return in.Body.From.Time, in.Body.To.Time }

// Check reports times that contradict each other, types that there are not, and what is named twice.
func (in *CreateReplayInput) Check() []fault.Field {
	var wrong []fault.Field
	if from, to := in.Span(); !to.IsZero() && !from.Before(to) {
		wrong = append(wrong, fault.Field{Pointer: "/to", Code: "invalid", Detail: "It is not after from."})
	}
	for i, t := range in.Body.EventTypes {
		if !events.Known(t) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/event_types/%d", i), Code: "unknown-event-type",
				Detail: fmt.Sprintf("There is no event type %q.", t)})
		}
	}
	wrong = append(wrong, repeated("/event_types", in.Body.EventTypes)...)
	return append(wrong, repeated("/states", in.Body.States)...)
}

type CreateReplayOutput struct{ Body ReplayView }

type ListReplaysInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	PageInput
}

type ListReplaysOutput struct{ Body Page[ReplayView] }

// ReplayInput names a replay of a webhook.
type ReplayInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Replay  domain.ReplayID  `path:"replay_id" maxLength:"64"`
}

// ReplayView is a replay without the place where it is in the log.
type ReplayView struct {
	ID         domain.ReplayID        `json:"id"`
	Webhook    domain.WebhookID       `json:"webhook_id"`
	State      domain.ReplayState     `json:"state" enum:"running,paused,stopped,done,cancelled" doc:"stopped: by itself, with a reason. Correct it, and create another."`
	Reason     string                 `json:"reason,omitempty" doc:"Why it stopped."`
	From       time.Time              `json:"from"`
	To         time.Time              `json:"to"`
	States     []domain.DeliveryState `json:"states"`
	EventTypes []string               `json:"event_types" doc:"Empty: every type."`
	domain.ReplayProgress
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ViewReplay shows one.
func ViewReplay(r domain.Replay) ReplayView {
	return ReplayView{
		ID: r.ID, Webhook: r.Webhook, State: r.State, Reason: r.Reason, From: r.From, To: r.To, States: r.States,
		EventTypes:     r.EventTypes,
		ReplayProgress: r.ReplayProgress, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

type ReadReplayOutput struct{ Body ReplayView }

type CancelReplayOutput struct{ Body ReplayView }

type PauseReplayOutput struct{ Body ReplayView }

type ResumeReplayOutput struct{ Body ReplayView }
