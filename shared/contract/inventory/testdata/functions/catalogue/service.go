// Package catalogue is a function in small: each handler comes to its calls by another way, for the trace to find.
package catalogue

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

type partners interface {
	Partner(ctx context.Context, id domain.PartnerID) (domain.Partner, error)
}

type opener interface {
	Open(ctx context.Context, a domain.AccountID, resource string, sealed domain.Sealed) (domain.Secret, error)
}

type queue interface {
	SendMessage(ctx context.Context, body string) error
}

// mailer is satisfied by nothing that the trace knows.
type mailer interface {
	Mail(ctx context.Context, to string) error
}

type Service struct {
	store    *store.Store
	partners partners
	secrets  opener
	queue    queue
	mail     mailer
}

func (s *Service) Routes(api *contract.API) {
	contract.ReadPartner.Handle(api, s.ReadPartner)
	contract.CreatePartner.Handle(api, s.Create)
	contract.RotatePartnerKey.Handle(api, s.Rotate)
	contract.ReadExtension.Handle(api, s.Idle)
	contract.ListExtension.Handle(api, listed(s))
	contract.UnlistExtension.Handle(api,
		func(ctx context.Context, in *contract.UnlistExtensionInput) (*contract.UnlistExtensionOutput, error) {
			return nil, s.commit(ctx, nil)
		})
	contract.ListCatalogue.Handle(api, s.Catalogue)
	contract.ListCatalogue.Handle(api, s.Catalogue)
	contract.ReadOpenapi.Handle(api, Document)
	contract.ReadWebhook.Handle(api, s.Stray)
	contract.ReadRollout.Handle(api, s.Rollout)
}

// By a small interface.
func (s *Service) ReadPartner(ctx context.Context, in *contract.ReadPartnerInput) (*contract.ReadPartnerOutput, error) {
	p, err := s.partners.Partner(ctx, in.Partner)
	if p.ID != auth.From(ctx).Partner {
		return nil, fault.New(fault.NotFound, "another-partner", "No.")
	}
	return nil, err
}

// By a helper, and a function that is handed on.
func (s *Service) Create(ctx context.Context, in *contract.CreatePartnerInput) (*contract.CreatePartnerOutput, error) {
	var tx store.Tx
	tx.Create(&domain.Partner{})
	return nil, each(ctx, &tx, s.commit)
}

func each(ctx context.Context, tx *store.Tx, do func(context.Context, *store.Tx) error) error {
	return do(ctx, tx)
}

func (s *Service) commit(ctx context.Context, tx *store.Tx) error {
	if tx == nil {
		return s.commit(ctx, &store.Tx{})
	}
	return s.store.Commit(ctx, tx, nil)
}

// By a closure, the sealer and a queue.
func (s *Service) Rotate(ctx context.Context,
	in *contract.RotatePartnerKeyInput) (*contract.RotatePartnerKeyOutput, error) {
	read := func() error {
		_, err := s.store.Partner(ctx, in.Partner)
		return err
	}
	if err := read(); err != nil {
		return nil, err
	}
	if _, err := s.secrets.Open(ctx, "", "", ""); err != nil {
		return nil, err
	}
	return nil, s.queue.SendMessage(ctx, "")
}

// To nothing, though its row declares records.
func (s *Service) Idle(ctx context.Context, in *contract.ReadExtensionInput) (*contract.ReadExtensionOutput, error) {
	return nil, s.mail.Mail(ctx, "")
}

// By what a call returns.
func listed(s *Service) func(context.Context, *contract.ListExtensionInput) (*contract.ListExtensionOutput, error) {
	return func(ctx context.Context, in *contract.ListExtensionInput) (*contract.ListExtensionOutput, error) {
		_, err := s.store.Listings(ctx, "", 1)
		return nil, err
	}
}

// Handed over twice.
func (s *Service) Catalogue(context.Context, *contract.ListCatalogueInput) (*contract.ListCatalogueOutput, error) {
	return nil, nil
}

// To nothing, and its row declares nothing.
func Document(context.Context, *contract.ReadOpenapiInput) (*contract.ReadOpenapiOutput, error) {
	return nil, nil
}

// For another function's operation.
func (s *Service) Stray(ctx context.Context, in *contract.WebhookInput) (*contract.ReadWebhookOutput, error) {
	_, err := s.store.Webhook(ctx, "", in.Webhook)
	return nil, err
}

// With a code that only the run shows.
func (s *Service) Rollout(ctx context.Context, in *contract.RolloutInput) (*contract.ReadRolloutOutput, error) {
	_, err := s.store.Rollout(ctx, in.Extension, in.Rollout)
	return nil, fault.New(fault.NotFound, string(in.Extension), "No: %v.", err)
}
