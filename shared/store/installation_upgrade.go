package store

import (
	"context"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// UpgradeSubject reads the input of an upgrade plan to that version. NotFound when the installation or version does
// not exist.
func (s *Store) UpgradeSubject(ctx context.Context, a domain.AccountID, e domain.ExtensionID,
	to int) (domain.UpgradeSubject, error) {
	var subject domain.UpgradeSubject
	var err error
	if subject.Installed, err = s.Installations(ctx, a); err != nil {
		return subject, err
	}
	i, ok := subject.Installed[e]
	if !ok {
		return subject, fault.New(fault.NotFound, "not-found", "There is no such installation.")
	}
	subject.Installation = i
	if subject.From, err = s.Blueprint(ctx, e, i.Version); err != nil {
		return subject, fault.Wrap(err, "the version that %s has of %s", a, e)
	}
	if subject.To, err = s.Blueprint(ctx, e, to); err != nil {
		return subject, err
	}
	if subject.TemplateTypes, err = s.TemplateTypes(ctx, a); err != nil {
		return subject, err
	}
	subject.Webhooks, err = s.Webhooks(ctx, a)
	return subject, err
}
