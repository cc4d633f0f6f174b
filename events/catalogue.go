// Package events is what travels: the catalogue of event types, their payloads, a sample of each, and the
// messages between the functions. An event is added by one row in Catalogue, a payload type if none fits, and
// a sample file of its name.
package events

import "slices"

// Type names an event to customers: noun.verb-past, words joined by `_`. It is never split on its dot.
type Type string

const (
	ContractCreated   Type = "contract.created"
	ContractPublished Type = "contract.published"
	ContractSigned    Type = "contract.signed"
	ContractDeclined  Type = "contract.declined"
	ContractExpired   Type = "contract.expired"
	ContractCanceled  Type = "contract.canceled"
	ContractDeleted   Type = "contract.deleted"

	ContractContentUpdated Type = "contract.content_updated"
	DataFieldUpdated       Type = "data_field.updated"
	ParticipantSigned      Type = "participant.signed"

	InstallationEnabled   Type = "installation.enabled"
	InstallationUpgraded  Type = "installation.upgraded"
	InstallationFailed    Type = "installation.failed"
	InstallationSuspended Type = "installation.suspended"
	InstallationResumed   Type = "installation.resumed"
	InstallationDisabled  Type = "installation.disabled"

	InstallationUpdated        Type = "installation.updated"
	InstallationSetupCompleted Type = "installation.setup_completed"
	InstallationSetupFailed    Type = "installation.setup_failed"
	InstallationDrifted        Type = "installation.drifted"
	InstallationRepaired       Type = "installation.repaired"

	WebhookFailing    Type = "webhook.failing"
	WebhookRecovered  Type = "webhook.recovered"
	WebhookDisabled   Type = "webhook.disabled"
	DeliveryExhausted Type = "delivery.exhausted"

	WebhookPing Type = "webhook.ping"
)

// Row is what is known of an event type.
type Row struct {
	Type     Type
	Version  int      // of the payload; a breaking change makes a new type, not a new version
	Producer []string // the functions whose transactions commit it
	Payload  any      // the zero value of the type of `data`
	Summary  string
}

// Catalogue is every event type. The consumer of each is fanout.
var Catalogue = []Row{
	{ContractCreated, 1, []string{"contracts"}, ContractData{}, "A contract was created from a template, as a draft."},
	{ContractPublished, 1, []string{"contracts"}, ContractData{}, "A contract was sent to its participants."},
	{ContractSigned, 1, []string{"contracts"}, ContractData{}, "Every participant signed; the contract is final."},
	{ContractDeclined, 1, []string{"contracts"}, ContractData{}, "A participant declined; the contract is final."},
	{ContractExpired, 1, []string{"contracts"}, ContractData{},
		"A published contract reached its day of expiry; it is final."},
	{ContractCanceled, 1, []string{"contracts"}, ContractData{}, "A contract was withdrawn; it is final."},
	{ContractDeleted, 1, []string{"contracts"}, ContractData{},
		"A contract was deleted with its values and participants."},
	{ContractContentUpdated, 1, []string{"contracts"}, ContractData{},
		"A draft's name, participants or day of expiry changed."},
	{DataFieldUpdated, 1, []string{"contracts", "webhooks"}, DataFieldData{},
		"Data field values of a contract changed; data_fields holds the changed values."},
	{ParticipantSigned, 1, []string{"contracts"}, ParticipantData{},
		"A participant signed; contract.signed follows the last signature."},
	{InstallationEnabled, 1, []string{"provisioning"}, InstallationData{},
		"An extension is enabled: every resource it manages exists."},
	{InstallationUpgraded, 1, []string{"provisioning"}, InstallationData{},
		"An extension runs a newer version. It worked during the upgrade."},
	{InstallationFailed, 1, []string{"provisioning"}, InstallationData{},
		"Enabling, upgrading or disabling an extension stopped at a step. It can be retried."},
	{InstallationSuspended, 1, []string{"enablement"}, InstallationData{},
		"An extension was suspended: its API calls are refused and it is sent no events."},
	{InstallationResumed, 1, []string{"enablement"}, InstallationData{}, "A suspension of an extension was lifted."},
	{InstallationDisabled, 1, []string{"provisioning"}, InstallationData{}, "An extension was disabled."},
	{InstallationUpdated, 1, []string{"enablement"}, InstallationData{},
		"Parameters of an installation changed; changed_parameters names them."},
	{InstallationSetupCompleted, 1, []string{"webhooks"}, InstallationData{},
		"The partner reported that its side is set up."},
	{InstallationSetupFailed, 1, []string{"webhooks"}, InstallationData{},
		"The partner reported that its side could not be set up, with the reason."},
	{InstallationDrifted, 1, []string{"provisioning"}, DriftData{}, "A managed resource differs from its blueprint."},
	{InstallationRepaired, 1, []string{"provisioning"}, DriftData{},
		"Every managed resource of an extension matches its blueprint again."},
	{WebhookFailing, 1, []string{"delivery"}, WebhookData{},
		"A webhook's endpoint has failed for a day. After five days the webhook is disabled."},
	{WebhookRecovered, 1, []string{"delivery"}, WebhookData{},
		"An endpoint that had failed for a day accepts events again."},
	{WebhookDisabled, 1, []string{"delivery"}, WebhookData{},
		"A webhook was disabled: its endpoint answered 410 Gone or failed for five days. Nothing is sent until " +
			"someone enables it."},
	{DeliveryExhausted, 1, []string{"delivery"}, DeliveryData{}, "The last attempt of a delivery failed."},
	{WebhookPing, 1, []string{"webhooks"}, PingData{},
		"A webhook was created or is being tested. Only that webhook hears this event."},
}

// OfContractTypes are the event types that contracts have, sorted.
func OfContractTypes() []Type {
	var all []Type
	for _, r := range Catalogue {
		if OfContracts(string(r.Type)) {
			all = append(all, r.Type)
		}
	}
	slices.Sort(all)
	return all
}

// OfContracts tells whether the name is an event type of contracts, the only types that a managed webhook can hear
// (design rule 17).
func OfContracts(name string) bool {
	return slices.ContainsFunc(Catalogue, func(r Row) bool {
		switch r.Payload.(type) {
		case ContractData, DataFieldData, ParticipantData:
			return string(r.Type) == name
		}
		return false
	})
}

// OfSending tells whether there is an event type of that name that is about sending events.
func OfSending(name string) bool {
	return slices.ContainsFunc(Catalogue, func(r Row) bool {
		switch r.Payload.(type) {
		case WebhookData, DeliveryData:
			return string(r.Type) == name
		}
		return false
	})
}

// Filterable tells whether a webhook's filter may name it: any type but the ping, which comes whatever the filter says.
func Filterable(name string) bool { return Known(name) && name != string(WebhookPing) }

// Known tells whether there is an event type of that name.
func Known(name string) bool {
	return slices.ContainsFunc(Catalogue, func(r Row) bool { return string(r.Type) == name })
}
