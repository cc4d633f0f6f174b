package webhooks

import (
	"context"
	"fmt"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// filterFaults reports the extensions, workspaces and template types that the account does not have. They are checked
// when they are set and never again: a filter on a deleted one matches no new contract and blocks nothing.
func (s *Service) filterFaults(ctx context.Context, a domain.AccountID, f contract.Filters) ([]fault.Field, error) {
	var wrong []fault.Field
	for i, id := range f.Origins { // a disabled extension counts too: its contracts go on
		if _, err := s.store.Installation(ctx, a, id); fault.KindOf(err) == fault.NotFound {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/origin_extension_ids/%d", i),
				Code: "unknown-extension", Detail: "The account has not enabled such an extension."})
		} else if err != nil {
			return nil, err
		}
	}
	for i, id := range f.Workspaces {
		if _, err := s.store.Workspace(ctx, a, id); fault.KindOf(err) == fault.NotFound {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/workspace_ids/%d", i), Code: "unknown-workspace",
				Detail: "The account has no such workspace."})
		} else if err != nil {
			return nil, err
		}
	}
	for i, id := range f.TemplateTypes {
		// the smaller of a type's two items
		if _, err := s.store.FieldsVersion(ctx, a, id); fault.KindOf(err) == fault.NotFound {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/template_type_ids/%d", i),
				Code: "unknown-template-type", Detail: "The account has no such template type."})
		} else if err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

// filter sets the given filters; null, which arrives as an empty list, removes one.
func filter(w *domain.Webhook, given contract.Filters) {
	if given.EventTypes != nil {
		w.EventTypes = given.EventTypes
	}
	if given.Origins != nil {
		w.Origins = given.Origins
	}
	if given.Workspaces != nil {
		w.Workspaces = given.Workspaces
	}
	if given.TemplateTypes != nil {
		w.TemplateTypes = given.TemplateTypes
	}
}
