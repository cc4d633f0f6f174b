package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Events of contracts that the platform keeps elsewhere. They are heard, delivered and logged as those of our own.

// EventItem is one.
type EventItem struct {
	ID            string                `json:"id" minLength:"1" maxLength:"128" doc:"The sender's id of this event, unique in the account. The same event sent again within 30 days is stored and heard once."`
	Account       domain.AccountID      `json:"account_id" minLength:"1" maxLength:"64"`
	Type          string                `json:"type" maxLength:"64" doc:"An event type of contracts." example:"contract.signed"`
	Timestamp     Time                  `json:"timestamp" doc:"When it happened: within the last 7 days, and not before the account was created. Five minutes more are taken either way, as clocks differ."`
	Contract      domain.ContractID     `json:"contract_id" maxLength:"128" pattern:"^([.]{0,2}[A-Za-z0-9_:-][.A-Za-z0-9_:-]*|[.]{3}[.A-Za-z0-9_:-]*)$" doc:"The platform's own id. Not . or .., which no path can name."`
	Workspace     domain.WorkspaceID    `json:"workspace_id" minLength:"1" maxLength:"64"`
	ExtensionType string                `json:"extension_type,omitempty" maxLength:"100" doc:"The contract's extension type; or give template_type_id instead. A contract without a template type gives neither."`
	TemplateType  domain.TemplateTypeID `json:"template_type_id,omitempty" maxLength:"64"`
	Extension     domain.ExtensionID    `json:"extension_id,omitempty" maxLength:"40" doc:"The extension through whose installation the contract was made. Among extensions, only this one hears the event. Default: none."`
	Data          EventData             `json:"data,omitempty" doc:"The data sent to webhooks, besides id (the contract's), workspace_id, template_type_id, extension_type and origin_extension_id, which come from the fields above. At most 256 KB with everything else."`
}

// EventData is what the sender says, its numbers as they are written: a float would round those of more than 15 digits.
type EventData map[string]any

func (d *EventData) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(d))
}

const (
	// EventMost is how large an event may be as it is sent, in bytes.
	EventMost = 256 << 10
	// eventsWithin is how old an event may be: it is logged under its day, for 30.
	eventsWithin = 7 * 24 * time.Hour
	// clocksDiffer is how far the sender's clock may be ahead or behind.
	clocksDiffer = 5 * time.Minute
)

// Check reports what the item itself shows to be wrong.
func (i *EventItem) Check() []fault.Field {
	var wrong []fault.Field
	if !events.OfContracts(i.Type) {
		wrong = append(wrong, fault.Field{Pointer: "/type", Code: "unknown-event-type",
			Detail: fmt.Sprintf("Contracts have no event type %q.", i.Type)})
	}
	if i.ExtensionType != "" && i.TemplateType != "" {
		wrong = append(wrong, fault.Field{Pointer: "/template_type_id", Code: "invalid",
			Detail: "Give this or extension_type."})
	}
	return wrong
}

// UntypedFault reports an item of an extension that names no template type. A name that cannot be read may be right.
func UntypedFault(item *Item[EventItem]) []fault.Field {
	i := item.Value
	if i.Extension == "" || i.ExtensionType != "" || i.TemplateType != "" || !item.Reads("/template_type_id") {
		return nil
	}
	return []fault.Field{{Pointer: "/extension_type", Code: "required",
		Detail: "What was made through an extension is of one of its template types: give this or template_type_id."}}
}

// TimeFaults reports a time that events of this moment cannot have.
func (i *EventItem) TimeFaults(now, accountSince time.Time) []fault.Field {
	detail := ""
	switch {
	case i.Timestamp.unread: // its own fault
		return nil
	case i.Timestamp.After(now.Add(clocksDiffer)):
		detail = "It lies ahead."
	case i.Timestamp.Before(now.Add(-eventsWithin - clocksDiffer)):
		detail = "It is more than 7 days ago."
	case i.Timestamp.Before(accountSince.Add(-clocksDiffer)):
		detail = "It was before the account came here."
	default:
		return nil
	}
	return []fault.Field{{Pointer: "/timestamp", Code: "out-of-range", Detail: detail}}
}

type SendEventsInput struct{ Body EventsBody }

func (in *SendEventsInput) refill(out any) { in.Body.Items.refill(&out.(*SendEventsOutput).Body) }

type EventsBody struct {
	Items Items[EventItem] `json:"items" doc:"1 to 1,000 events. A wrong one fails alone. Events with the same id in the same account all fail."`
}

type SendEventsOutput struct{ Body ImportReport }
