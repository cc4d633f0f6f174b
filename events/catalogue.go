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
	{ContractCreated, 1, []string{"contracts"}, ContractData{}, "A contract was made from a template; it is a draft."},
	{ContractPublished, 1, []string{"contracts"}, ContractData{}, "A contract was sent to its participants."},
	{ContractSigned, 1, []string{"contracts"}, ContractData{}, "A contract was signed by all; it is final."},
	{ContractDeclined, 1, []string{"contracts"}, ContractData{}, "A participant declined; the contract is final."},
	{ContractExpired, 1, []string{"contracts"}, ContractData{}, "The day came on which a published contract expires; it is final."},
	{ContractCanceled, 1, []string{"contracts"}, ContractData{}, "A contract was withdrawn; it is final."},
	{ContractDeleted, 1, []string{"contracts"}, ContractData{}, "A contract was deleted, with its values and participants."},
	{ContractContentUpdated, 1, []string{"contracts"}, ContractData{}, "A draft's name, participants or day of expiry changed."},
	{DataFieldUpdated, 1, []string{"contracts", "webhooks"}, DataFieldData{}, "Values of a contract's data fields changed: those in data_fields."},
	{ParticipantSigned, 1, []string{"contracts"}, ParticipantData{}, "A participant signed; contract.signed follows with the last one."},
	{InstallationEnabled, 1, []string{"provisioning"}, InstallationData{}, "An extension is enabled: all that it manages exists."},
	{InstallationUpgraded, 1, []string{"provisioning"}, InstallationData{}, "An extension is at a newer version; it worked all the while."},
	{InstallationFailed, 1, []string{"provisioning"}, InstallationData{}, "Enabling, upgrading or disabling stopped at a step; it can be retried."},
	{InstallationSuspended, 1, []string{"enablement"}, InstallationData{}, "An extension's API and sending are stopped."},
	{InstallationResumed, 1, []string{"enablement"}, InstallationData{}, "A suspension was lifted."},
	{InstallationDisabled, 1, []string{"provisioning"}, InstallationData{}, "An extension is disabled."},
	{InstallationUpdated, 1, []string{"enablement"}, InstallationData{}, "An installation's parameters changed: those in changed_parameters."},
	{InstallationSetupCompleted, 1, []string{"webhooks"}, InstallationData{}, "The partner says that its side is set up."},
	{InstallationSetupFailed, 1, []string{"webhooks"}, InstallationData{}, "The partner says that its side could not be set up, and why."},
	{InstallationDrifted, 1, []string{"provisioning"}, DriftData{}, "Something that an extension manages is not as its blueprint declares it."},
	{InstallationRepaired, 1, []string{"provisioning"}, DriftData{}, "All that an extension manages is as its blueprint declares it again."},
	{WebhookFailing, 1, []string{"delivery"}, WebhookData{}, "A webhook's endpoint has failed for a day; after five it is disabled."},
	{WebhookRecovered, 1, []string{"delivery"}, WebhookData{}, "An endpoint that had failed for a day takes events again."},
	{WebhookDisabled, 1, []string{"delivery"}, WebhookData{}, "A webhook is sent nothing more until somebody enables it: its endpoint said 410 Gone, or failed for five days."},
	{DeliveryExhausted, 1, []string{"delivery"}, DeliveryData{}, "A delivery was tried for the last time, and failed."},
	{WebhookPing, 1, []string{"webhooks"}, PingData{}, "A webhook was made, or is tried out; it alone hears of it."},
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

// OfContracts tells whether there is an event type of that name that a contract has, which is what a managed
// webhook can hear (design rule 17).
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
