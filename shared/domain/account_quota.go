package domain

import (
	"fmt"
	"slices"

	"plugboard/shared/fault"
)

// Quota is something of which there may only be so many (design rule 27). All of them, with their limits and the
// reasons of those, are in this file.
type Quota string

const (
	QuotaUsers           Quota = "users"
	QuotaWorkspaces      Quota = "workspaces"
	QuotaTemplates       Quota = "templates"
	QuotaTemplateTypes   Quota = "template-types"
	QuotaDataFields      Quota = "data-fields"
	QuotaTokens          Quota = "tokens"
	QuotaWebhooks        Quota = "webhooks"
	QuotaManagedWebhooks Quota = "managed-webhooks"
	QuotaInstallations   Quota = "installations"
	QuotaTrials          Quota = "trials"
)

// QuotaLimit describes a quota. Transactions count an account's quotas as they create and delete; a template type's
// fields are counted in the one item that holds them.
type QuotaLimit struct {
	Quota   Quota
	Limit   int
	PerType bool   // of each template type, not of the account
	What    string // is limited
	Remedy  string // when it is used up
}

// Quotas is every quota, in the order in which they are shown.
var Quotas = []QuotaLimit{
	// The platform syncs them and none is listed; the limit keeps a runaway sync from filling the account's partition.
	{QuotaUsers, 10_000, false, "users", "Delete those first who do not work with contracts any more."},
	// All are read for a list, and for the helper: 200 KB at most.
	{QuotaWorkspaces, 500, false, "workspaces", "Delete one first."},
	// All are read for a list, and for the helper, with the values that they begin with.
	{QuotaTemplates, 1_000, false, "templates", "Delete one first."},
	// All are read for a list, fields and all: 10 KB each is much, MaxFieldsBytes the most. An extension's
	// count while it is enabled.
	{QuotaTemplateTypes, 200, false, "template types, those of enabled extensions included",
		"Delete one of the account's own, or disable an extension first."},
	// They are one document, rewritten by each change, and checked one by one against a contract's values.
	{QuotaDataFields, MaxFields, true, "data fields of a template type, those of its extension included",
		"Delete a user field first."},
	// All are read for a list, each with the item that its hash leads to.
	{QuotaTokens, 50, false, "API tokens of the account's own", "Revoke one first."},
	// Fan-out reads all of an account for each batch of its events.
	{QuotaWebhooks, 100, false, "webhooks of the account's own", "Delete one first."},
	// The same; apart from the account's own, so that neither keeps the other from working. A blueprint brings 100 at
	// most.
	{QuotaManagedWebhooks, 400, false, "webhooks of extensions", "Disable an extension first."},
	// All are read for a list and for each enabling.
	{QuotaInstallations, 100, false, "enabled extensions", "Disable one first."},
	// All are read for the catalogue. Those that a partner develops in the account do not count.
	{QuotaTrials, 20, false, "accepted invitations to try an extension that is not listed", "Decline one first."},
}

// LimitOf is what is known of q.
func LimitOf(q Quota) QuotaLimit {
	return Quotas[slices.IndexFunc(Quotas, func(l QuotaLimit) bool { return l.Quota == q })]
}

// QuotaExceeded is the code of a refusal that a quota is used up.
const QuotaExceeded = "quota-exceeded"

// Exceeded is the refusal of what would pass the quota: Conflict `quota-exceeded`, since the same request passes when
// there is room.
func (q Quota) Exceeded() error {
	l := LimitOf(q)
	of := "an account has"
	if l.PerType {
		of = "there are"
	}
	return fault.New(fault.Conflict, QuotaExceeded,
		"The quota %q is used up: %s at most %d %s. %s GET /v1/quotas shows what is used.", q, of, l.Limit, l.What,
		l.Remedy)
}

// QuotaUse is how much of a quota an account uses. Each quota has an item of its own, so that counting one does not
// wait for another.
type QuotaUse struct {
	Account AccountID `json:"account_id"`
	Quota   Quota     `json:"quota"`
	Used    int       `json:"used"`
}

// Use is amounts of quotas; of a change, by how much they rise or fall.
type Use map[Quota]int

// Change counts the difference between what an installation used before a change and uses after it. The use follows
// from the installation alone, so a repeated attempt counts nothing twice.
func (u Use) Change(before, after Installation) {
	for q, n := range after.use() {
		u[q] += n
	}
	for q, n := range before.use() {
		u[q] -= n
	}
}

// use is the installation's share of the account's quotas. From enabling on it counts every resource that its steps
// will make, so that no step runs out of room. A disabled and released installation counts nothing: no admin can
// remove the template types that stay.
func (i Installation) use() Use {
	types, webhooks := map[TemplateTypeID]bool{}, map[WebhookID]bool{}
	for _, r := range i.Resources {
		switch r.Kind {
		case StepTemplateType:
			types[TemplateTypeID(r.ID)] = true
		case StepWebhook:
			webhooks[WebhookID(r.ID)] = true
		}
	}
	switch {
	case i.State == "" || i.State == Disabled && i.Released:
		return Use{}
	case i.State == Disabled:
		return Use{QuotaTemplateTypes: len(types)}
	}
	for _, s := range i.Steps {
		switch s.Kind {
		case StepTemplateType:
			types[i.TemplateTypeID(s.TypeKey)] = true
		case StepWebhook:
			webhooks[i.WebhookID(s.TypeKey, s.WebhookKey)] = true
		}
	}
	return Use{QuotaInstallations: 1, QuotaTemplateTypes: len(types), QuotaManagedWebhooks: len(webhooks)}
}

// FieldsFit is whether the fields are few and small enough for a template type: Conflict `quota-exceeded` when not.
func FieldsFit(fields []DataField) error {
	if len(fields) > MaxFields {
		return QuotaDataFields.Exceeded()
	}
	encoded, err := JSON(fields)
	if err != nil {
		return fmt.Errorf("measure %d fields: %w", len(fields), err)
	}
	if len(encoded) > MaxFieldsBytes {
		return fault.New(fault.Conflict, QuotaExceeded,
			"The quota %q is used up: the data fields of a template type take at most %d KB together; these take %d. "+
				"Shorten a description or a default, or delete a user field.", QuotaDataFields, MaxFieldsBytes>>10,
			len(encoded)>>10)
	}
	return nil
}
