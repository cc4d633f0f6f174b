package domain

import (
	"fmt"
	"slices"
	"strings"

	"plugboard/shared/fault"
)

// What an installation's resources are by its blueprint. The definition comes from the blueprint; runtime state stays
// as it was found (design rule 8). Nothing here says whether anything is written: who compares with what was found does,
// and so a repetition writes nothing.

// TemplateTypeID is of the template type with that key: the same in every epoch, and whichever step makes it.
func (i Installation) TemplateTypeID(key string) TemplateTypeID {
	return TemplateTypeID(DerivedID("tt", string(i.Account), string(i.Extension), key))
}

// WebhookID is of the webhook with that key for the template type with that one.
func (i Installation) WebhookID(typeKey, webhookKey string) WebhookID {
	return WebhookID(DerivedID("whk", string(i.Account), string(i.Extension), webhookKey, typeKey))
}

// DefineTemplateType is found, which is zero when there is none, as the blueprint declares it. Conflict
// `data-field-conflict` names every custom id that a user's field holds, `quota-exceeded` says that users' fields
// and the extension's are too many together.
func (i Installation) DefineTemplateType(declared TemplateTypeBlueprint, found TemplateType) (TemplateType, error) {
	if held := found.HeldByUsers(declared.Fields); len(held) > 0 {
		return found, fault.New(fault.Conflict, "data-field-conflict",
			"In the template type %q a user's data field holds what the extension needs for itself: %s. Delete that field, or make it anew under another custom id, and retry.", found.Name, strings.Join(quoted(held), ", "))
	}
	t := found
	t.Account, t.ID = i.Account, i.TemplateTypeID(declared.Key)
	t.Name, t.Description = declared.Name, declared.Description
	t.Extension, t.ExtensionType = i.Extension, i.Extension.TypeOf(declared.Key)
	fields := t.withDeclared(declared.Fields)
	if i.State != Upgrading { // then what goes stays in use until all that comes is there, and Withdraw is a step of its own
		t.Fields = fields
		fields = t.withoutUndeclared(declared.Fields)
	}
	return t.withFields(fields, func(pointer string) string { return pointer })
}

// Withdraw makes inactive what is not among the declared fields of the version, all when it has no such template type.
func (t TemplateType) Withdraw(declared []FieldDefinition) TemplateType {
	t.Fields = t.withoutUndeclared(declared)
	return t
}

// DefineWebhook is found, which is zero when there is none, as the blueprint declares it for a template type. A
// webhook of an older epoch is another one: nothing of it stays.
func (i Installation) DefineWebhook(b Blueprint, declared WebhookBlueprint, typeKey string, found Webhook) Webhook {
	w := found
	if w.Epoch != i.Epoch {
		w = Webhook{Revision: found.Revision}
	}
	w.Account, w.ID, w.Extension, w.Epoch = i.Account, i.WebhookID(typeKey, declared.Key), i.Extension, i.Epoch
	w.Name = declared.Key + " of " + i.Extension.TypeOf(typeKey)
	w.Version, w.WebhookKey, w.TemplateType = b.Version, declared.Key, i.TemplateTypeID(typeKey)
	w.URL, w.EventTypes, w.Policy = declared.URL, declared.EventTypes, declared.Policy
	return w
}

// DefineLifecycle is found, which is zero when there is none, as the blueprint declares the lifecycle endpoint's webhook.
// One that ended begins anew.
func (i Installation) DefineLifecycle(declared LifecycleBlueprint, found Webhook) Webhook {
	w := found
	if w.Epoch != i.Epoch || !w.EndsAt.IsZero() {
		w = Webhook{Revision: found.Revision}
	}
	w.Account, w.ID, w.Extension, w.Epoch = i.Account, LifecycleID(i.Account, i.Extension), i.Extension, i.Epoch
	w.Name, w.Lifecycle, w.URL, w.EventTypes, w.Policy = "lifecycle of "+string(i.Extension), true, declared.URL, []string{}, SendPolicy{}
	return w
}

// Same tells whether nothing but times and revisions tells t from o.
func (t TemplateType) Same(o TemplateType) bool {
	return t.ID == o.ID && t.Name == o.Name && t.Description == o.Description && t.Extension == o.Extension &&
		t.ExtensionType == o.ExtensionType && slices.Equal(t.Fields, o.Fields)
}

// SameDefinition tells whether w and o differ in runtime state, times and revisions at most.
func (w Webhook) SameDefinition(o Webhook) bool {
	return w.ID == o.ID && w.Name == o.Name && w.Extension == o.Extension && w.Epoch == o.Epoch && w.Version == o.Version && w.WebhookKey == o.WebhookKey &&
		w.TemplateType == o.TemplateType && w.Lifecycle == o.Lifecycle && w.EndsAt.Equal(o.EndsAt) && w.URL == o.URL && slices.Equal(w.EventTypes, o.EventTypes) && w.Policy.Same(o.Policy)
}

// HeldByUsers are the users' custom ids that the declared fields need, as their users wrote them.
func (t TemplateType) HeldByUsers(declared []FieldDefinition) []string {
	var held []string
	for _, d := range declared {
		if at := t.Field(d.CustomID); at >= 0 && t.Fields[at].Source == SourceUser {
			held = append(held, t.Fields[at].CustomID)
		}
	}
	return held
}

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = fmt.Sprintf("%q", name)
	}
	return all
}
