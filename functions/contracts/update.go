package contracts

import (
	"context"
	"reflect"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/fieldvalues"
	"plugboard/shared/store"
)

// Update changes a draft's name, participants and day of expiry. A participant missing from the new list is removed
// with its sessions. An update without a difference raises no event. Conflict `contract-state` when the contract is
// no draft; Stale when If-Match names another version.
func (s *Service) Update(ctx context.Context,
	in *contract.UpdateContractInput) (*contract.UpdateContractOutput, error) {
	before, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	if err := fresh(before, in.IfMatch); err != nil {
		return nil, err
	}
	if before.State != domain.Draft {
		return nil, fault.New(fault.Conflict, "contract-state",
			"The contract is %s; only a draft's content can be changed.", before.State)
	}
	c := before
	if in.Body.Name != nil {
		c.Name = *in.Body.Name
	}
	if in.Body.Participants != nil {
		c.Participants = domain.Participants(*in.Body.Participants, before.Participants, s.newID)
	}
	if in.Body.ExpiresOn != nil {
		c.ExpiresOn = *in.Body.ExpiresOn
		if err := fault.InvalidFields(domain.CheckExpiry(c.ExpiresOn, s.now())); err != nil {
			return nil, err
		}
	}
	if reflect.DeepEqual(c, before) {
		return &contract.UpdateContractOutput{ETag: c.ETag(), Body: c}, nil
	}
	c.UpdatedAt = s.now()
	event, err := events.OfContract(domain.EventID(s.newID("evt")), events.ContractContentUpdated, c)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	replace(&tx, &c, in.IfMatch)
	tx.Emit(event)
	out := &contract.UpdateContractOutput{ETag: c.ETag(), Body: c}
	return out, s.store.Commit(ctx, &tx, out)
}

func (s *Service) validateChange(_ context.Context, in *contract.UpdateContractInput) ([]fault.Field, error) {
	if in.Body.ExpiresOn == nil {
		return nil, nil
	}
	return domain.CheckExpiry(*in.Body.ExpiresOn, s.now()), nil
}

// UpdateValues changes values of a draft or published contract; other values stay. Invalid with every error at once,
// as in Create: the value of an inactive field can be read but not changed. Conflict `data-field-changed` when a
// field changed since the version that the caller named, or else during the update (design rule 13). Conflict
// `already-signed` once a participant has signed. Stale when If-Match names another version.
func (s *Service) UpdateValues(ctx context.Context,
	in *contract.UpdateDataFieldValuesInput) (*contract.UpdateDataFieldValuesOutput, error) {
	c, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	if c, err = s.fill(ctx, &tx, c, "", in.IfMatch, in.Body); err != nil {
		return nil, err
	}
	out := &contract.UpdateDataFieldValuesOutput{ETag: c.ETag(), Body: c}
	return out, s.store.Commit(ctx, &tx, out)
}

// fill adds to tx every write that changing c's values needs, by a participant or, when by is empty, by the account.
// It adds nothing when nothing changes. It returns c as it will be.
func (s *Service) fill(ctx context.Context, tx *store.Tx, c domain.Contract, by domain.ParticipantID, ifMatch string,
	in contract.ValuesBody) (domain.Contract, error) {
	if err := fresh(c, ifMatch); err != nil {
		return c, err
	}
	c, replaced, err := s.values.Fill(ctx, tx, c,
		fieldvalues.Change{By: by, Values: in.DataFields, Version: in.FieldsVersion, At: "/data_fields"})
	if replaced != nil && ifMatch != "" {
		replaced.Else(stale())
	}
	return c, err
}

// validateValues is fill for values that are already invalid.
func (s *Service) validateValues(ctx context.Context, in *contract.UpdateDataFieldValuesInput) ([]fault.Field, error) {
	c, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	return s.valueFaults(ctx, c, "", in.Body.DataFields)
}

func (s *Service) valueFaults(ctx context.Context, c domain.Contract, by domain.ParticipantID,
	given []domain.GivenValue) ([]fault.Field, error) {
	_, t, installed, err := s.values.Fields(ctx, c.Account, c.TemplateType, 0)
	if err != nil {
		return nil, err
	}
	_, _, wrong := fieldvalues.Change{By: by, Values: given, At: "/data_fields"}.Apply(t, c.Values, installed)
	return wrong, nil
}
