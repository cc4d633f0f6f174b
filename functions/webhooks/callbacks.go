package webhooks

import (
	"context"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/fieldvalues"
	"plugboard/shared/store"
)

// Callbacks from partners. The gate has verified the signature over the body, and that no other body came with the
// same webhook-id. The id is recorded in the transaction of the effect, so that a repeated callback has one effect.

// callbackAttempts is how often a callback is worked again when its object changed meanwhile.
const callbackAttempts = 5

// ReceiveCallback works a callback once. A repeat gets the first answer. A refused callback has no effect and is not
// recorded: its sender may correct the object and send it again under the same id.
//
// Invalid with every error: the type's requirements; /data/contract_id for a contract not made through the
// installation; each value. Conflict as when values are changed otherwise. Forbidden `missing-scope` for
// contract.fields when the extension's token lacks that scope too.
func (s *Service) ReceiveCallback(ctx context.Context,
	in *contract.ReceiveCallbackInput) (*contract.ReceiveCallbackOutput, error) {
	callback := auth.From(ctx).Callback
	out := &contract.ReceiveCallbackOutput{}
	if callback.Done {
		return out, nil
	}
	for n := 1; ; n++ {
		err := s.callback(ctx, *callback, in, out)
		if fault.Is(err, repeated) {
			return out, s.sameAgain(ctx, *callback)
		}
		if n == callbackAttempts || !fault.Is(err, store.Raced) {
			return out, err
		}
	}
}

// repeated is the code of the Conflict when a concurrent request recorded the callback's id first. No caller sees it.
const repeated = "callback-repeated"

func (s *Service) callback(ctx context.Context, c auth.Callback, in *contract.ReceiveCallbackInput,
	out *contract.ReceiveCallbackOutput) error {
	var tx store.Tx
	record := c.Record(s.now())
	tx.Create(&record).Else(fault.New(fault.Conflict, repeated, "The callback came twice at the same moment."))
	var err error
	if in.Body.Type == domain.CallbackContractFields {
		err = s.fillByCallback(ctx, &tx, c.Installation, in.Body.Data)
	} else {
		err = s.setUp(ctx, &tx, c.Installation, in.Body.Type, in.Body.Data.Reason)
	}
	if err != nil {
		return err
	}
	return s.store.Commit(ctx, &tx, out)
}

// sameAgain is nil when the concurrent request was the same callback, and Unauthenticated when it was another.
func (s *Service) sameAgain(ctx context.Context, c auth.Callback) error {
	i := c.Installation
	earlier, err := s.store.Callback(ctx, i.Account, i.Extension, i.Epoch, c.ID)
	if err == nil && earlier.Digest != c.Digest {
		return auth.ErrReplayed()
	}
	return err
}

// setUp adds to tx what the partner reports of its set-up.
func (s *Service) setUp(ctx context.Context, tx *store.Tx, seen domain.Installation, said domain.CallbackType,
	reason string) error {
	i, err := s.store.Installation(ctx, seen.Account, seen.Extension)
	switch {
	case err != nil:
		return err
	case i.Epoch != seen.Epoch || !i.Installed():
		return fault.New(fault.Conflict, "installation-state", "The extension %q is %s.", i.Extension, i.State)
	}
	i.UpdatedAt = s.now()
	setup, event := domain.Setup{State: domain.SetupCompleted, At: i.UpdatedAt}, events.InstallationSetupCompleted
	if said == domain.CallbackSetupFailed {
		if reason == "" {
			return fault.InvalidFields([]fault.Field{{Pointer: "/data/reason", Code: "required",
				Detail: "Say why, for the account's people."}})
		}
		setup.State, setup.Reason, event = domain.SetupFailed, reason, events.InstallationSetupFailed
	}
	i.Setup = &setup
	told, err := events.OfInstallation(domain.EventID(s.newID("evt")), event, i)
	if err != nil {
		return err
	}
	tx.Replace(&i)
	tx.Emit(told)
	return nil
}

// fillByCallback adds to tx values for a contract made through the installation.
func (s *Service) fillByCallback(ctx context.Context, tx *store.Tx, i domain.Installation,
	given contract.CallbackData) error {
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	if !b.Allows(domain.ScopeContractsWrite) {
		return fault.New(fault.Forbidden, "missing-scope", "This needs an extension with the scope %s.",
			domain.ScopeContractsWrite)
	}
	c, err := s.store.Contract(ctx, i.Account, given.Contract)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	var wrong []fault.Field
	if err != nil || c.Origin != i.Extension || c.State == domain.Deleted {
		wrong = append(wrong, fault.Field{Pointer: "/data/contract_id", Code: "unknown-contract",
			Detail: "No such contract was made through the extension in this account."})
	}
	if len(given.DataFields) == 0 {
		wrong = append(wrong, fault.Field{Pointer: "/data/data_fields", Code: "required",
			Detail: "Give the values that change."})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return err
	}
	_, _, err = s.values.Fill(ctx, tx, c,
		fieldvalues.Change{Values: given.DataFields, Version: given.FieldsVersion, At: "/data/data_fields"})
	return err
}
