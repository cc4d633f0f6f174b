package contracts

import (
	"context"
	"reflect"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Update changes a draft's name, participants and day of expiry. A participant who is not among the new ones is
// removed, and so are its sessions. What changes nothing is no change: no event tells of it. Conflict
// `contract-state` when the contract is no draft; Stale when If-Match names another version.
func (s *Service) Update(ctx context.Context, in *contract.UpdateContractInput) (*contract.UpdateContractOutput, error) {
	before, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	if err := fresh(before, in.IfMatch); err != nil {
		return nil, err
	}
	if before.State != domain.Draft {
		return nil, fault.New(fault.Conflict, "contract-state", "The contract is %s; only a draft's content can be changed.", before.State)
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

func (s *Service) lookAtChange(_ context.Context, in *contract.UpdateContractInput) ([]fault.Field, error) {
	if in.Body.ExpiresOn == nil {
		return nil, nil
	}
	return domain.CheckExpiry(*in.Body.ExpiresOn, s.now()), nil
}

// UpdateValues changes values of a draft or published contract; those not given stay. Invalid with everything that
// is wrong at once, as in Create: of an inactive field the value can be read and not changed. Conflict
// `data-field-changed` when a field changed since the version that the caller named or, when it named none,
// meanwhile (design rule 13); `already-signed` once a participant has signed. Stale when If-Match names another
// version.
func (s *Service) UpdateValues(ctx context.Context, in *contract.UpdateDataFieldValuesInput) (*contract.UpdateDataFieldValuesOutput, error) {
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

// fill puts into tx all that changing c's values takes, by a participant or, when by is empty, by the account;
// nothing when nothing changes. It returns c as it will be.
func (s *Service) fill(ctx context.Context, tx *store.Tx, c domain.Contract, by domain.ParticipantID, ifMatch string, in contract.ValuesBody) (domain.Contract, error) {
	if err := fresh(c, ifMatch); err != nil {
		return c, err
	}
	if err := c.Fillable(); err != nil {
		return c, err
	}
	version, t, installed, err := s.fields(ctx, c.TemplateType, in.FieldsVersion)
	if err != nil {
		return c, err
	}
	values, changed, wrong := t.Refill("/data_fields", c.Values, in.DataFields, installed)
	if err := fault.InvalidFields(wrong); err != nil || len(changed) == 0 {
		return c, err
	}
	c.Values, c.UpdatedAt = values, s.now()
	event, err := events.OfDataFields(domain.EventID(s.newID("evt")), c, by, changed)
	if err != nil {
		return c, err
	}
	replace(tx, &c, ifMatch)
	tx.HoldFields(version).Else(fieldsChanged())
	tx.Emit(event)
	return c, nil
}

// lookAtValues is what fill would say of values that are wrong already.
func (s *Service) lookAtValues(ctx context.Context, in *contract.UpdateDataFieldValuesInput) ([]fault.Field, error) {
	c, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	return s.valueFaults(ctx, c, in.Body.DataFields)
}

func (s *Service) valueFaults(ctx context.Context, c domain.Contract, given []domain.GivenValue) ([]fault.Field, error) {
	_, t, installed, err := s.fields(ctx, c.TemplateType, 0)
	if err != nil {
		return nil, err
	}
	_, _, wrong := t.Refill("/data_fields", c.Values, given, installed)
	return wrong, nil
}

// fields reads a template type for someone who gives values of it. The version is read before the fields: whatever
// changes after it fails the condition on it. Conflict `data-field-changed` when it is not the one that the caller
// has seen; 0 for one that says nothing.
func (s *Service) fields(ctx context.Context, id domain.TemplateTypeID, seen int) (version domain.FieldsVersion, t domain.TemplateType, installed bool, err error) {
	account := auth.From(ctx).Account
	if version, err = s.store.FieldsVersion(ctx, account, id); err != nil {
		return
	}
	if seen != 0 && seen != version.Version {
		err = fieldsChanged()
		return
	}
	if t, err = s.store.TemplateType(ctx, account, id); err != nil {
		return
	}
	installed, err = s.installed(ctx, t)
	return
}

func fieldsChanged() error {
	return fault.New(fault.Conflict, "data-field-changed", "The data fields of the template type changed meanwhile. Read them again and repeat.")
}
