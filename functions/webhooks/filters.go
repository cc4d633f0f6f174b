package webhooks

import (
	"context"
	"fmt"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// filterFaults reports the extensions, workspaces and template types that the account does not have. They are looked up when they are
// given and never again: one that goes later is heard of no more, and stands in nobody's way.
func (s *Service) filterFaults(ctx context.Context, a domain.AccountID, f contract.Filters) ([]fault.Field, error) {
	var wrong []fault.Field
	for i, id := range f.Origins { // one that is disabled, too: its contracts go on
		if _, err := s.store.Installation(ctx, a, id); fault.KindOf(err) == fault.NotFound {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/origin_extension_ids/%d", i), Code: "unknown-extension", Detail: "The account has not enabled such an extension."})
		} else if err != nil {
			return nil, err
		}
	}
	for i, id := range f.Workspaces {
		if _, err := s.store.Workspace(ctx, a, id); fault.KindOf(err) == fault.NotFound {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/workspace_ids/%d", i), Code: "unknown-workspace", Detail: "The account has no such workspace."})
		} else if err != nil {
			return nil, err
		}
	}
	for i, id := range f.TemplateTypes {
		if _, err := s.store.FieldsVersion(ctx, a, id); fault.KindOf(err) == fault.NotFound { // the small one of a type's two items
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/template_type_ids/%d", i), Code: "unknown-template-type", Detail: "The account has no such template type."})
		} else if err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

// filter takes what was given; null, which has come as an empty list, takes the filter away.
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
