package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plugboard/shared/fault"
)

// The resources that an installation should have. The blueprint gives the definition; runtime state stays as it was
// found (design rule 8). Callers compare the result with the found resource and write only differences, so a repeat
// writes nothing.

// TemplateTypeID is the id of the template type with that key: the same in every epoch and every step.
func (i Installation) TemplateTypeID(key string) TemplateTypeID {
	return TemplateTypeID(DerivedID("tt", string(i.Account), string(i.Extension), key))
}

// WebhookID is the id of the webhook with that key for that template type.
func (i Installation) WebhookID(typeKey, webhookKey string) WebhookID {
	return WebhookID(DerivedID("whk", string(i.Account), string(i.Extension), webhookKey, typeKey))
}

// DefineTemplateType is found as the blueprint declares it; a zero found is created. Conflict `data-field-conflict`
// names every custom id that a user field holds. Conflict `quota-exceeded` when user fields and the extension's
// fields are too many together.
func (i Installation) DefineTemplateType(declared TemplateTypeBlueprint, found TemplateType) (TemplateType, error) {
	if held := found.HeldByUsers(declared.Fields); len(held) > 0 {
		return found, fault.New(fault.Conflict, "data-field-conflict",
			"In the template type %q a user's data field holds what the extension needs for itself: %s. Delete that "+
				"field, or make it anew under another custom id, and retry.", found.Name,
			strings.Join(quoted(held), ", "))
	}
	t := found
	t.Account, t.ID = i.Account, i.TemplateTypeID(declared.Key)
	t.Name, t.Description = declared.Name, declared.Description
	t.Extension, t.ExtensionType = i.Extension, i.Extension.TypeOf(declared.Key)
	fields := t.withDeclared(declared.Fields)
	// during an upgrade, removals wait until all additions exist, and Withdraw is a step of its own
	if i.State != Upgrading {
		t.Fields = fields
		fields = t.withoutUndeclared(declared.Fields)
	}
	return t.withFields(fields, func(pointer string) string { return pointer })
}

// Withdraw sets the fields inactive that the version does not declare; all fields, when it has no such template type.
func (t TemplateType) Withdraw(declared []FieldDefinition) TemplateType {
	t.Fields = t.withoutUndeclared(declared)
	return t
}

// DefineWebhook is found as the blueprint declares it for a template type; a zero found is created. A webhook of an
// older epoch is replaced entirely.
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

// Orphaned is true for the lifecycle webhook of an earlier life, which still has its last delivery to make.
func (i Installation) Orphaned(w Webhook) bool { return w.Lifecycle && w.Epoch != i.Epoch }

// DefineLifecycle is found as the blueprint declares the lifecycle webhook; a zero found is created. One of an
// earlier life starts again.
func (i Installation) DefineLifecycle(declared LifecycleBlueprint, found Webhook) Webhook {
	w := found
	if w.Epoch != i.Epoch {
		w = Webhook{Revision: found.Revision}
	}
	w.Account, w.ID, w.Extension, w.Epoch = i.Account, LifecycleID(i.Account, i.Extension), i.Extension, i.Epoch
	w.Name, w.Lifecycle, w.URL, w.EventTypes = "lifecycle of "+string(i.Extension), true, declared.URL, []string{}
	w.Version, w.WebhookKey, w.TemplateType, w.EndsAt, w.Policy = 0, "", "", time.Time{}, SendPolicy{}
	return w
}

// Same is true when t and o differ at most in times and revision.
func (t TemplateType) Same(o TemplateType) bool {
	return t.ID == o.ID && t.Name == o.Name && t.Description == o.Description && t.Extension == o.Extension &&
		t.ExtensionType == o.ExtensionType && slices.Equal(t.Fields, o.Fields)
}

// SameDefinition is true when w and o differ at most in runtime state, times and revision.
func (w Webhook) SameDefinition(o Webhook) bool {
	return w.ID == o.ID && w.Name == o.Name && w.Extension == o.Extension && w.Epoch == o.Epoch &&
		w.Version == o.Version && w.WebhookKey == o.WebhookKey &&
		w.TemplateType == o.TemplateType && w.Lifecycle == o.Lifecycle && w.EndsAt.Equal(o.EndsAt) && w.URL == o.URL &&
		slices.Equal(w.EventTypes, o.EventTypes) && w.Policy.Same(o.Policy)
}

// HeldByUsers are the custom ids of user fields that the declared fields need, as users spelled them.
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
