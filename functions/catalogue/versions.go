package catalogue

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Versions lists an extension's, with their states.
func (s *Service) Versions(ctx context.Context, in *contract.ListVersionsInput) (*contract.ListVersionsOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	versions, err := s.store.Versions(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	for i, v := range versions {
		versions[i] = viewVersion(e, v)
	}
	return &contract.ListVersionsOutput{Body: contract.PageOf(versions, func(v domain.BlueprintVersion) string {
		return fmt.Sprintf("%06d", v.Version)
	}, in.PageInput)}, nil
}

// Version reads one as it was submitted.
func (s *Service) Version(ctx context.Context, in *contract.VersionInput) (*contract.ReadVersionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, e.ID, in.Version)
	if err != nil {
		return nil, err
	}
	b, err := s.store.Blueprint(ctx, e.ID, in.Version)
	out := &contract.ReadVersionOutput{}
	out.Body.BlueprintVersion, out.Body.Blueprint = viewVersion(e, v), b.BlueprintSpec
	return out, err
}

// DiffVersions tells what leads from a version to another, or to the draft. NotFound when either is not there.
func (s *Service) DiffVersions(ctx context.Context,
	in *contract.DiffVersionsInput) (*contract.DiffVersionsOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	from, err := s.store.Blueprint(ctx, e.ID, in.Version)
	if err != nil {
		return nil, err
	}
	var to domain.BlueprintSpec
	if number, draft := strconv.Atoi(in.Against); draft != nil {
		d, err := s.store.Draft(ctx, e.ID)
		if err != nil {
			return nil, err
		}
		to = d.Blueprint
	} else {
		b, err := s.store.Blueprint(ctx, e.ID, number)
		if err != nil {
			return nil, err
		}
		to = b.BlueprintSpec
	}
	return &contract.DiffVersionsOutput{Body: from.Diff(to)}, nil
}

// Submissions lists what waits for a review.
func (s *Service) Submissions(ctx context.Context,
	in *contract.ListSubmissionsInput) (*contract.ListSubmissionsOutput, error) {
	waiting, next, err := s.store.Submissions(ctx, in.Cursor, in.Limit)
	return &contract.ListSubmissionsOutput{Body: contract.Page[domain.Submission]{Items: waiting,
		NextCursor: next}}, err
}

// ReviewVersion approves a submitted version or rejects it. Conflict `version-state` for one that is neither.
func (s *Service) ReviewVersion(ctx context.Context,
	in *contract.ReviewVersionInput) (*contract.ReviewVersionOutput, error) {
	v, err := s.store.Version(ctx, in.Extension, in.Version)
	if err != nil {
		return nil, err
	}
	if v, err = v.Review(in.Body.Decision == contract.Approve, in.Body.Reasons, s.now()); err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&v)
	tx.Discard(v.Submission())
	out := &contract.ReviewVersionOutput{Body: v}
	return out, s.store.Commit(ctx, &tx, out)
}

// YankVersion makes a version unavailable for new installations, and unlists the extension when that version is
// listed. Installations stay. The transaction holds the extension to what was read, so that a concurrent listing of
// the version makes one of the two fail.
func (s *Service) YankVersion(ctx context.Context, in *contract.YankVersionInput) (*contract.YankVersionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, e.ID, in.Version)
	if err != nil {
		return nil, err
	}
	if v, err = v.Yank(in.Body.Reason, s.now()); err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&v)
	tx.Discard(v.Submission())
	if e.ListedVersion == v.Version {
		e.ListedVersion, e.UpdatedAt = 0, s.now()
		tx.Replace(&e)
		tx.Discard(domain.Listing{Extension: e.ID})
	} else {
		tx.Unchanged(e, e.Rev)
	}
	out := &contract.YankVersionOutput{Body: v}
	return out, s.store.Commit(ctx, &tx, out)
}

// PutTestAccounts replaces the accounts that are invited to try the extension before it is listed. The answer is the
// same for an account that does not exist, one that has not answered, and one that declined: a partner learns of an
// account only when it accepts. An account that declined is not asked again.
func (s *Service) PutTestAccounts(ctx context.Context,
	in *contract.PutTestAccountsInput) (*contract.PutTestAccountsOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	partner, err := s.store.Partner(ctx, e.Partner)
	if err != nil {
		return nil, fault.Wrap(err, "the partner of %s", e.ID)
	}
	var tx store.Tx
	for _, a := range e.TestAccounts {
		if slices.Contains(in.Body.Accounts, a) {
			continue
		}
		if err := s.uninvite(ctx, &tx, &e, a, partner.DevelopmentAccount); err != nil {
			return nil, err
		}
	}
	for _, a := range in.Body.Accounts {
		if a == partner.DevelopmentAccount || slices.Contains(e.AcceptedBy, a) {
			continue
		}
		if err := s.invite(ctx, &tx, e, a, partner); err != nil {
			return nil, err
		}
	}
	e.TestAccounts, e.UpdatedAt = in.Body.Accounts, s.now()
	tx.Replace(&e)
	out := &contract.PutTestAccountsOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

// invite asks an account that exists and was not asked before.
func (s *Service) invite(ctx context.Context, tx *store.Tx, e domain.Extension, id domain.AccountID,
	partner domain.Partner) error {
	a, err := s.store.Account(ctx, id)
	if fault.KindOf(err) == fault.NotFound || err == nil && !a.Living() {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.store.Invitation(ctx, id, e.ID); fault.KindOf(err) != fault.NotFound {
		return err // nil: its answer, or its silence, holds
	}
	tx.Living(id) // nothing comes behind the back of its erasing
	invitation := domain.InvitationTo(id, e, partner, s.now())
	tx.Create(&invitation)
	return nil
}

// uninvite withdraws an invitation, or the trial after it was accepted. A declined invitation stays declined.
func (s *Service) uninvite(ctx context.Context, tx *store.Tx, e *domain.Extension,
	a, development domain.AccountID) error {
	switch {
	case e.Leave(a):
		tx.Uncount(a, domain.QuotaTrials)
		if a == development {
			tx.Put(&domain.Trial{Account: a, Extension: e.ID})
		} else {
			tx.Discard(domain.Trial{Account: a, Extension: e.ID})
		}
	case a != development:
		i, err := s.store.Invitation(ctx, a, e.ID)
		if err == nil && i.State == domain.InvitationPending {
			tx.Delete(&i)
		}
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return nil
}

// viewVersion shows the version that is in the catalogue as listed.
func viewVersion(e domain.Extension, v domain.BlueprintVersion) domain.BlueprintVersion {
	if e.ListedVersion == v.Version {
		v.State = domain.VersionListed
	}
	return v
}
