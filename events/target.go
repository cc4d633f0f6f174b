package events

import (
	"time"

	"plugboard/shared/domain"
)

// Target is the delivery's destination as fan-out read it. It travels beside the message (shared/deliveryqueue) and
// saves delivery a read while it is fresh: with a hundred thousand webhooks, no process has one cached. Its secrets
// are sealed. An unhealthy webhook gets no target hint.
type Target struct {
	At           time.Time           `json:"at"` // before any of it was read
	Account      domain.Account      `json:"account"`
	Webhook      domain.Webhook      `json:"webhook"`
	Installation domain.Installation `json:"installation,omitzero"` // of a managed webhook
}
