package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
	"plugboard/shared/store"
)

// Draft reads what the partner is working on. NotFound until something was put there.
func (s *Service) Draft(ctx context.Context, in *contract.DraftInput) (*contract.ReadDraftOutput, error) {
	_, d, err := s.draft(ctx, in.Extension)
	return &contract.ReadDraftOutput{ETag: d.ETag(), Body: d}, err
}

// ReplaceDraft takes any blueprint that can be read; whether it can be submitted, CheckDraft says. Stale when
// If-Match names another revision.
func (s *Service) ReplaceDraft(ctx context.Context,
	in *contract.ReplaceDraftInput) (*contract.ReplaceDraftOutput, error) {
	_, d, err := s.draft(ctx, in.Extension)
	if err != nil && d.Extension == "" {
		return nil, err
	}
	d.Blueprint = in.Body.Blueprint
	out, err := s.keepDraft(ctx, d, in.IfMatch)
	return (*contract.ReplaceDraftOutput)(out), err
}

// Promote puts a template type of the development account into the draft, which begins as the newest version when
// there is none. Invalid for a template type that is not there or that an extension manages, and for a key that
// the extension did not reserve; Stale when If-Match names another revision.
func (s *Service) Promote(ctx context.Context,
	in *contract.PromoteTemplateTypeInput) (*contract.PromoteTemplateTypeOutput, error) {
	e, d, err := s.draft(ctx, in.Extension)
	if err != nil && d.Extension == "" {
		return nil, err
	}
	if d.Rev == 0 && e.LatestVersion > 0 {
		b, err := s.store.Blueprint(ctx, e.ID, e.LatestVersion)
		if err != nil {
			return nil, fault.Wrap(err, "the newest version of %s", e.ID)
		}
		d.Blueprint = b.BlueprintSpec
	}
	t, wrong, err := s.promoted(ctx, e, in)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	d.Blueprint = d.Blueprint.Promote(in.Body.Key, t)
	out, err := s.keepDraft(ctx, d, in.IfMatch)
	return (*contract.PromoteTemplateTypeOutput)(out), err
}

// promoted reads the template type to promote, and reports what is wrong with it and with its key.
func (s *Service) promoted(ctx context.Context, e domain.Extension,
	in *contract.PromoteTemplateTypeInput) (domain.TemplateType, []fault.Field, error) {
	partner, err := s.store.Partner(ctx, e.Partner)
	if err != nil {
		return domain.TemplateType{}, nil, fault.Wrap(err, "the partner of %s", e.ID)
	}
	account, err := s.store.Account(ctx, partner.DevelopmentAccount)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return domain.TemplateType{}, nil, err
	}
	t, err := s.store.TemplateType(ctx, partner.DevelopmentAccount, in.Body.TemplateType)
	var wrong []fault.Field
	switch {
	case fault.KindOf(err) == fault.NotFound || err == nil && !account.Living():
		wrong = append(wrong, fault.Field{Pointer: "/template_type_id", Code: "unknown-template-type",
			Detail: "The development account has no such template type."})
	case err != nil:
		return t, nil, err
	case t.Extension != "":
		wrong = append(wrong, fault.Field{Pointer: "/template_type_id", Code: "managed-template-type",
			Detail: fmt.Sprintf("The extension %q manages this template type. Promote one that a user made.",
				t.Extension)})
	}
	if !slices.Contains(e.TypeKeys, in.Body.Key) {
		wrong = append(wrong, fault.Field{Pointer: "/key", Code: "unreserved-template-type",
			Detail: fmt.Sprintf("The extension reserved no template type %q: its template_type_keys are %q.",
				in.Body.Key, e.TypeKeys)})
	}
	return t, wrong, nil
}

func (s *Service) validatePromotion(ctx context.Context, in *contract.PromoteTemplateTypeInput) ([]fault.Field, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	_, wrong, err := s.promoted(ctx, e, in)
	return wrong, err
}

// CheckDraft says what submitting the draft now would be refused for.
func (s *Service) CheckDraft(ctx context.Context, in *contract.DraftInput) (*contract.CheckDraftOutput, error) {
	e, d, err := s.draft(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	outside, err := s.dependencyFaults(ctx, e, d.Blueprint)
	wrong := append(d.Blueprint.Check(events.OfContracts), outside...)
	out := &contract.CheckDraftOutput{}
	out.Body.Valid, out.Body.Errors = len(wrong) == 0, wrong
	return out, err
}

// draft reads an extension that the caller may see, and its draft. Without a draft it returns NotFound and an empty
// draft that names the extension, from which a caller can begin one.
func (s *Service) draft(ctx context.Context, id domain.ExtensionID) (domain.Extension, domain.BlueprintDraft, error) {
	e, err := s.extension(ctx, id)
	if err != nil {
		return e, domain.BlueprintDraft{}, err
	}
	d, err := s.store.Draft(ctx, e.ID)
	if fault.KindOf(err) == fault.NotFound {
		return e, domain.BlueprintDraft{Extension: e.ID}, err
	}
	return e, d, err
}

// keepDraft stores d over the revision that it was read at. Invalid when it has grown past what can be submitted.
func (s *Service) keepDraft(ctx context.Context, d domain.BlueprintDraft,
	ifMatch string) (*contract.DraftOutput, error) {
	stale := fault.New(fault.Stale, "stale", "The draft has changed since you read it. Read it again and repeat.")
	current := ""
	if d.Rev > 0 {
		current = d.ETag()
	}
	if !domain.MatchesETag(ifMatch, current) {
		return nil, stale
	}
	encoded, err := json.Marshal(d.Blueprint)
	if err != nil {
		return nil, fault.Wrap(err, "measure the draft of %s", d.Extension)
	}
	if len(encoded) > domain.MaxBlueprint {
		return nil, fault.InvalidFields([]fault.Field{{Pointer: "/blueprint", Code: "too-large",
			Detail: fmt.Sprintf("A blueprint has at most %d bytes as JSON; this has %d.", domain.MaxBlueprint,
				len(encoded))}})
	}
	d.UpdatedAt = s.now()
	var tx store.Tx
	if saved := tx.Save(&d, d.Rev); ifMatch != "" {
		saved.Else(stale)
	}
	out := &contract.DraftOutput{ETag: d.ETag(), Body: d}
	return out, s.store.Commit(ctx, &tx, out)
}

// dependencyFaults reports the faults of a blueprint that the spec alone does not show: types that the extension did
// not reserve, hosts that this stage does not send to, and dependencies that cannot be obtained.
func (s *Service) dependencyFaults(ctx context.Context, e domain.Extension,
	b domain.BlueprintSpec) ([]fault.Field, error) {
	wrong := b.CheckFor(e, s.egress.URLProblem)
	_, unlisted, err := s.dependencies(ctx, obtainable.NewFor(s.store, e.Partner), e.ID, b)
	return append(wrong, unlisted...), err
}
