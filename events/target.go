package events

import (
	"time"

	"plugboard/shared/domain"
)

// Target is what fan-out has read of where a delivery goes. It travels beside the delivery (shared/deliveryqueue), so
// that delivery need not read it again while it is fresh: of a hundred thousand webhooks that each get one, a process
// remembers none. Secrets in it are sealed. The webhook has no health: of one that is ill nothing is sent along.
type Target struct {
	At           time.Time           `json:"at"` // before any of it was read
	Account      domain.Account      `json:"account"`
	Webhook      domain.Webhook      `json:"webhook"`
	Installation domain.Installation `json:"installation,omitzero"` // of a managed webhook
}
