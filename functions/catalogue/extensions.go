package catalogue

import (
	"context"
	"fmt"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
	"plugboard/shared/store"
)

// CreateExtension reserves the slug, and with it the extension types. The development account sees it from now on.
// Conflict when the slug is taken, when the development account was deleted, and `quota-exceeded` beyond MaxExtensions.
func (s *Service) CreateExtension(ctx context.Context,
	in *contract.CreateExtensionInput) (*contract.CreateExtensionOutput, error) {
	partner, err := s.store.Partner(ctx, auth.From(ctx).Partner)
	if err != nil {
		return nil, fault.Wrap(err, "the calling partner")
	}
	known, _, err := s.store.Extensions(ctx, partner.ID, "", domain.MaxExtensions)
	if err != nil {
		return nil, err
	}
	if len(known) >= domain.MaxExtensions {
		return nil, fault.New(fault.Conflict, domain.QuotaExceeded,
			"The quota %q is used up: a partner has at most %d. Ask the platform for another partner.", "extensions",
			domain.MaxExtensions)
	}
	now := s.now()
	e := domain.Extension{
		ID: in.Body.Slug, Partner: partner.ID, Name: in.Body.Name, Description: in.Body.Description,
		Contact:          partner.Contact,
		CapabilityFamily: in.Body.CapabilityFamily, TypeKeys: in.Body.TemplateTypeKeys,
		TestAccounts: []domain.AccountID{}, CreatedAt: now, UpdatedAt: now,
		Links: in.Body.Links,
	}
	var tx store.Tx
	tx.Create(&e).Else(fault.New(fault.Conflict, "slug-taken", "The slug %q is taken. Choose another.", e.ID))
	tx.Replace(&partner) // so that the quota holds, and another development account comes before or after it
	tx.Living(partner.DevelopmentAccount).
		Else(fault.New(fault.Conflict, "development-account-deleted", "The partner's development account was deleted."))
	tx.Put(&domain.Authored{Partner: partner.ID, Extension: e.ID})
	tx.Put(&domain.Trial{Account: partner.DevelopmentAccount, Extension: e.ID})
	out := &contract.CreateExtensionOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Extensions lists a partner's own, or all for the platform, those of one partner together.
func (s *Service) Extensions(ctx context.Context,
	in *contract.ListExtensionsInput) (*contract.ListExtensionsOutput, error) {
	all, next, err := s.store.Extensions(ctx, auth.From(ctx).Partner, in.Cursor, in.Limit)
	out := &contract.ListExtensionsOutput{Body: contract.Page[contract.ExtensionView]{Items: []contract.ExtensionView{},
		NextCursor: next}}
	for _, e := range all {
		out.Body.Items = append(out.Body.Items, viewExtension(e))
	}
	return out, err
}

// ReadExtension is NotFound for another partner's.
func (s *Service) ReadExtension(ctx context.Context,
	in *contract.ReadExtensionInput) (*contract.ReadExtensionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	return &contract.ReadExtensionOutput{Body: viewExtension(e)}, err
}

// UpdateExtension changes an extension's description. The catalogue shows the change once the platform lists a
// version again.
func (s *Service) UpdateExtension(ctx context.Context,
	in *contract.UpdateExtensionInput) (*contract.UpdateExtensionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	change(&e.Name, in.Body.Name)
	change(&e.Description, in.Body.Description)
	change(&e.Contact, keptEmail(in.Body.Contact))
	change(&e.CapabilityFamily, in.Body.CapabilityFamily)
	if in.Body.Links != nil {
		e.Links = *in.Body.Links
	}
	e.UpdatedAt = s.now()
	var tx store.Tx
	tx.Replace(&e)
	out := &contract.UpdateExtensionOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

// change is what a PATCH does with one of its fields: nothing when it is absent.
func change(field, given *string) {
	if given != nil {
		*field = *given
	}
}

// Installations lists the accounts that have the extension: a partner's own, or for the platform any.
func (s *Service) Installations(ctx context.Context,
	in *contract.ListExtensionInstallationsInput) (*contract.ListExtensionInstallationsOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	accounts, err := s.store.Roster(ctx, e.ID, domain.AccountID(in.Cursor), in.Limit)
	if err != nil {
		return nil, err
	}
	installed, err := s.store.InstallationsOf(ctx, e.ID, accounts)
	out := &contract.ListExtensionInstallationsOutput{
		Body: contract.Page[contract.ExtensionInstallationView]{Items: []contract.ExtensionInstallationView{}}}
	for _, i := range installed {
		out.Body.Items = append(out.Body.Items, contract.ViewInstalled(i))
	}
	if len(accounts) == in.Limit {
		out.Body.NextCursor = string(accounts[in.Limit-1])
	}
	return out, err
}

// SubmitBlueprint freezes the blueprint, or the draft when none is given, as the next version, or refuses it with
// everything that is wrong. The draft stays. With the first version that has a lifecycle endpoint comes its secret.
func (s *Service) SubmitBlueprint(ctx context.Context,
	in *contract.SubmitBlueprintInput) (*contract.SubmitBlueprintOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	var wrong []fault.Field
	b := domain.Blueprint{Extension: e.ID, Version: e.LatestVersion + 1, SubmittedAt: s.now()}
	if in.Body.Blueprint != nil {
		b.BlueprintSpec = *in.Body.Blueprint
	} else {
		d, err := s.store.Draft(ctx, e.ID)
		if fault.KindOf(err) == fault.NotFound {
			return nil, fault.InvalidFields([]fault.Field{{Pointer: "/blueprint", Code: "required",
				Detail: "There is no draft to submit, so give a blueprint."}})
		}
		if err != nil {
			return nil, err
		}
		b.BlueprintSpec = d.Blueprint
		wrong = d.Blueprint.Check(events.OfContracts)
		tx.Unchanged(d, d.Rev)
	}
	outside, err := s.dependencyFaults(ctx, e, b.BlueprintSpec)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, outside...)
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	e.LatestVersion, e.UpdatedAt = b.Version, b.SubmittedAt

	tx.Replace(&e)
	tx.Create(&b)
	v := domain.BlueprintVersion{Extension: e.ID, Version: b.Version, State: domain.VersionSubmitted,
		SubmittedAt: b.SubmittedAt}
	tx.Create(&v)
	waits := v.Submission()
	tx.Put(&waits)
	out := &contract.SubmitBlueprintOutput{}
	out.Body.Blueprint = b
	if out.Body.LifecycleSecret, err = s.firstLifecycleSecret(ctx, &tx, b); err != nil {
		return nil, err
	}
	return out, s.store.Commit(ctx, &tx, out)
}

// validateSubmission is what the extension, the stage and the catalogue say of a blueprint that is wrong already.
func (s *Service) validateSubmission(ctx context.Context, in *contract.SubmitBlueprintInput) ([]fault.Field, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil || in.Body.Blueprint == nil {
		return nil, err
	}
	return s.dependencyFaults(ctx, e, *in.Body.Blueprint)
}

// List puts an approved version into the catalogue. It checks the dependencies again: one may have been unlisted, or
// may depend on this extension by now. The transaction holds them to what was read, so that of two conflicting
// listings at once one fails. Conflict `version-state` for a version that is not approved.
func (s *Service) List(ctx context.Context, in *contract.ListExtensionInput) (*contract.ListExtensionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, e.ID, in.Body.Version)
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.InvalidFields(noVersion(in.Body.Version))
	}
	if err != nil {
		return nil, err
	}
	if v.State != domain.VersionApproved {
		return nil, fault.New(fault.Conflict, "version-state", "Version %d is %s; only an approved one is listed.",
			v.Version, v.State)
	}
	b, err := s.store.Blueprint(ctx, e.ID, v.Version)
	if err != nil {
		return nil, err
	}
	maker, err := s.store.Partner(ctx, e.Partner)
	if err != nil {
		return nil, fault.Wrap(err, "the partner of %s", e.ID)
	}
	needed, wrong, err := s.dependencies(ctx, obtainable.New(s.store), e.ID, b.BlueprintSpec)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		err := fault.New(fault.Conflict, "dependencies",
			"Version %d cannot be listed yet: %s List first what it depends on.", b.Version, wrong[0].Detail)
		err.Fields = wrong
		return nil, err
	}
	e.ListedVersion, e.UpdatedAt = b.Version, s.now()
	if e.FirstListedAt.IsZero() {
		e.FirstListedAt = e.UpdatedAt
	}

	var tx store.Tx
	tx.Replace(&e)
	tx.Unchanged(v, v.Rev)
	for _, n := range needed {
		tx.HoldListed(n.Extension, n.Version)
	}
	listing := domain.ListingOf(e, b, maker.Name)
	tx.Put(&listing)
	out := &contract.ListExtensionOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

func noVersion(n int) []fault.Field {
	return []fault.Field{{Pointer: "/version", Code: "unknown-version",
		Detail: fmt.Sprintf("The extension has no version %d.", n)}}
}

func (s *Service) validateListing(ctx context.Context, in *contract.ListExtensionInput) ([]fault.Field, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	if _, err = s.store.Version(ctx, e.ID, in.Body.Version); fault.KindOf(err) == fault.NotFound {
		return noVersion(in.Body.Version), nil
	}
	return nil, err
}

// Unlist removes an extension from the catalogue. Installations stay.
func (s *Service) Unlist(ctx context.Context,
	in *contract.UnlistExtensionInput) (*contract.UnlistExtensionOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	e.ListedVersion, e.UpdatedAt = 0, s.now()

	var tx store.Tx
	tx.Replace(&e)
	tx.Discard(domain.Listing{Extension: e.ID})
	out := &contract.UnlistExtensionOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

// dependencies finds the blueprints on the available that the extension needs, of all levels, and reports dependencies
// that are not there, too old, lead back to the extension, or are too many together.
func (s *Service) dependencies(ctx context.Context, available obtainable.Blueprints, e domain.ExtensionID,
	b domain.BlueprintSpec) ([]domain.Blueprint, []fault.Field, error) {
	var wrong []fault.Field
	for i, d := range b.Dependencies {
		if d.Extension == e {
			continue // BlueprintSpec.Check says so
		}
		_, err := available.Closure(ctx, d, e)
		if u, ok := obtainable.Refusal(err); ok {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/blueprint/dependencies/%d/extension_id", i),
				Code: u.Code, Detail: u.Detail})
		} else if err != nil {
			return nil, nil, err
		}
	}
	if len(wrong) == 0 && len(available.Read()) >= obtainable.MostAtOnce {
		wrong = append(wrong, fault.Field{Pointer: "/blueprint/dependencies", Code: "too-many-dependencies",
			Detail: fmt.Sprintf("Enabling it would enable more than %d extensions.", obtainable.MostAtOnce)})
	}
	return available.Read(), wrong, nil
}

// extension reads an extension that the caller may see.
func (s *Service) extension(ctx context.Context, id domain.ExtensionID) (domain.Extension, error) {
	e, err := s.store.Extension(ctx, id)
	if c := auth.From(ctx); err == nil && c.Model == auth.ModelPartner && c.Partner != e.Partner {
		return domain.Extension{}, fault.New(fault.NotFound, "not-found", "There is no such extension.")
	}
	return e, err
}

func viewExtension(e domain.Extension) contract.ExtensionView {
	v := contract.ExtensionView{Extension: e, State: e.State(), ExtensionTypes: []string{},
		LogoURL: contract.LogoURL(e.ID, e.Logo)}
	for _, key := range e.TypeKeys {
		v.ExtensionTypes = append(v.ExtensionTypes, e.ID.TypeOf(key))
	}
	return v
}
