// Package fieldvalues changes the data field values of a contract. The account, a participant's session and an
// extension's callback all come through it, so that design rules 12, 13 and 29 hold for each.
package fieldvalues

import (
	"context"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Writer reads fields and adds changes to transactions, which the caller commits.
type Writer struct {
	store *store.Store
	now   domain.Clock
	newID domain.IDSource
}

// New makes no AWS call.
func New(s *store.Store, now domain.Clock, newID domain.IDSource) Writer {
	return Writer{store: s, now: now, newID: newID}
}

// Change is the wanted change of a contract's values. Values not given stay.
type Change struct {
	By      domain.ParticipantID // empty: the account, or an extension
	Values  []domain.GivenValue
	Version int    // of the fields, as the caller saw them; 0 says nothing
	At      string // the pointer of Values, for what is wrong with them
}

// Apply is the values before with the change made, and those that changed; or all that is wrong with the change. A
// participant changes only fields that participants fill (design rule 29).
func (c Change) Apply(t domain.TemplateType, before []domain.Value,
	installed bool) (all, changed []domain.Value, wrong []fault.Field) {
	if all, changed, wrong = t.Refill(c.At, before, c.Values, installed); c.By != "" {
		wrong = append(wrong, t.ParticipantFaults(c.At, c.Values, installed)...)
	}
	return all, changed, wrong
}

// Fill adds the change to tx, or nothing when no value changes. It returns the changed contract and its write, which
// fails with `raced` after a concurrent change unless the caller sets another error.
//
// Invalid with every wrong value; Conflict `contract-state` or `already-signed` when values can no longer change;
// `data-field-changed` when a field has changed since the version that the caller named, or during the request.
func (w Writer) Fill(ctx context.Context, tx *store.Tx, c domain.Contract,
	change Change) (domain.Contract, *store.Write, error) {
	if err := c.Fillable(); err != nil {
		return c, nil, err
	}
	version, t, installed, err := w.Fields(ctx, c.Account, c.TemplateType, change.Version)
	if err != nil {
		return c, nil, err
	}
	values, changed, wrong := change.Apply(t, c.Values, installed)
	if err := fault.InvalidFields(wrong); err != nil || len(changed) == 0 {
		return c, nil, err
	}
	c.Values, c.UpdatedAt = values, w.now()
	event, err := events.OfDataFields(domain.EventID(w.newID("evt")), c, change.By, changed)
	if err != nil {
		return c, nil, err
	}
	replaced := tx.Replace(&c)
	tx.HoldFields(version).Else(FieldsChanged())
	tx.Emit(event)
	return c, replaced, nil
}

// Fields reads a template type for someone who gives values of it. The version is read before the fields: whatever
// changes after it fails the condition on it. Conflict `data-field-changed` when it is not the one that the caller
// has seen; 0 for one that says nothing.
func (w Writer) Fields(ctx context.Context, a domain.AccountID, id domain.TemplateTypeID,
	seen int) (version domain.FieldsVersion, t domain.TemplateType, installed bool, err error) {
	if version, err = w.store.FieldsVersion(ctx, a, id); err != nil {
		return
	}
	if seen != 0 && seen != version.Version {
		err = FieldsChanged()
		return
	}
	if t, err = w.store.TemplateType(ctx, a, id); err != nil {
		return
	}
	installed, err = w.Installed(ctx, t)
	return
}

// Installed tells whether the extension that manages t is enabled; true for a type of the account's own.
func (w Writer) Installed(ctx context.Context, t domain.TemplateType) (bool, error) {
	if t.Extension == "" {
		return true, nil
	}
	i, err := w.store.Installation(ctx, t.Account, t.Extension)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return i.Installed(), err
}

// FieldsChanged is the refusal of values that were chosen by other fields than there are (design rule 13).
func FieldsChanged() error {
	return fault.New(fault.Conflict, "data-field-changed",
		"The data fields of the template type changed meanwhile. Read them again and repeat.")
}
