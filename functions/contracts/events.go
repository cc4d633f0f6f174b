package contracts

import (
	"context"
	"fmt"
	"slices"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// eventsTogether is how many events are stored before the time is looked at again.
const eventsTogether = 100

// SendEvents stores events of contracts that are kept elsewhere; webhooks hear them as any other event. Each item
// succeeds or fails by itself. The report says created for a new one, unchanged for a repeated one, and every fault
// of a failed one, or Conflict `event-differs`.
func (s *Service) SendEvents(ctx context.Context, in *contract.SendEventsInput) (*contract.SendEventsOutput, error) {
	deadline := s.now().Add(importTime)
	ctx, cancel := context.WithTimeout(ctx, importTime+importGrace)
	defer cancel()
	items, err := in.Body.Items.Read(ctx)
	if err != nil {
		return nil, err
	}
	report := &contract.ImportReport{Items: make([]contract.ImportedItem, len(items))}
	read := s.eventReader(ctx)
	var places []int
	var all []events.Event
	for n, same := range sameEvents(items) {
		item, result := &items[n], &report.Items[n]
		result.ID = item.ID
		item.Also(same)
		e, err := read.event(ctx, item)
		if err != nil {
			result.Fail(ctx, n, err)
			continue
		}
		result.Event, result.Result = e.ID, contract.ImportNotTried
		places, all = append(places, n), append(all, e)
	}
	for len(all) > 0 && s.now().Before(deadline) {
		some := min(eventsTogether, len(all))
		outcomes, err := s.store.Accept(ctx, all[:some])
		for i, n := range places[:some] {
			switch result := &report.Items[n]; {
			case err != nil:
				result.Fail(ctx, n, err)
			case outcomes[i].Err != nil:
				result.Fail(ctx, n, outcomes[i].Err)
			case outcomes[i].Known:
				result.Result = contract.ImportUnchanged
			default:
				result.Result = contract.ImportCreated
			}
		}
		places, all = places[some:], all[some:]
	}
	report.Finish()
	return &contract.SendEventsOutput{Body: *report}, nil
}

// sameEvents reports, for each item, another item with the same event id. Both fail, since nothing tells which event
// is meant.
func sameEvents(items []contract.Item[contract.EventItem]) [][]fault.Field {
	holders := map[string][]int{}
	for n, i := range items {
		name := inAccount(i.Value.Account, i.Value.ID)
		holders[name] = append(holders[name], n)
	}
	all := make([][]fault.Field, len(items))
	for name, places := range holders {
		for _, n := range places {
			if name != "" && len(places) > 1 {
				other := places[slices.IndexFunc(places, func(o int) bool { return o != n })]
				all[n] = []fault.Field{{Pointer: "/id", Code: "duplicate",
					Detail: fmt.Sprintf("Item %d has the same.", other)}}
			}
		}
	}
	return all
}

// eventReader makes events of items. It reads what they name once in a call.
type eventReader struct {
	*Service
	account       func(domain.AccountID) (domain.Account, error)
	installations func(domain.AccountID) (map[domain.ExtensionID]domain.Installation, error)
	workspace     func([2]string) (bool, error)
	ownType       func([2]string) (domain.TemplateType, error)
}

func (s *Service) eventReader(ctx context.Context) eventReader {
	return eventReader{
		Service: s,
		account: once(func(a domain.AccountID) (domain.Account, error) {
			return zeroWhenAbsent(s.store.Account(ctx, a))
		}),
		workspace: once(func(k [2]string) (bool, error) {
			return s.workspaceKnown(ctx, domain.AccountID(k[0]), domain.WorkspaceID(k[1]))
		}),
		installations: once(func(a domain.AccountID) (map[domain.ExtensionID]domain.Installation, error) {
			return s.store.Installations(ctx, a)
		}),
		ownType: once(func(k [2]string) (domain.TemplateType, error) {
			return zeroWhenAbsent(s.store.TemplateType(ctx, domain.AccountID(k[0]), domain.TemplateTypeID(k[1])))
		}),
	}
}

// event makes the event of an item. Invalid with every fault of the item; NotFound when its account does not exist or
// is being deleted.
func (r eventReader) event(ctx context.Context, item *contract.Item[contract.EventItem]) (events.Event, error) {
	i := item.Value
	item.Also(contract.UntypedFault(item))
	if len(item.Wrong) > 0 && !i.Account.Possible() { // nothing can be looked up
		return events.Event{}, fault.InvalidFields(item.Wrong)
	}
	account, err := r.account(i.Account)
	if err != nil {
		return events.Event{}, err
	}
	if i.Account != "" && !account.Living() {
		return events.Event{}, noAccount()
	}
	item.Also(i.TimeFaults(r.now(), account.CreatedAt))
	about := domain.Subject{Workspace: i.Workspace, Origin: i.Extension}
	if known, err := r.workspace([2]string{string(i.Account), string(i.Workspace)}); err != nil {
		return events.Event{}, err
	} else if !known {
		item.Also([]fault.Field{{Pointer: "/workspace_id", Code: "unknown-workspace",
			Detail: fmt.Sprintf("The account has no workspace %q.", i.Workspace)}})
	}
	extensionType, wrong, err := r.typed(&about, i)
	if err != nil {
		return events.Event{}, err
	}
	item.Also(wrong)
	if err := fault.InvalidFields(item.Wrong); err != nil {
		return events.Event{}, err
	}
	id := domain.ExternalEventID(i.Account, i.ID, i.Timestamp.Time)
	e, err := events.OfExternal(id, events.Type(i.Type), i.Account, i.Contract, about, extensionType, i.Timestamp.UTC(),
		i.Data)
	if err == nil && len(e.Body) > contract.EventMost {
		err = fault.InvalidFields([]fault.Field{{Pointer: "/data", Code: "too-large",
			Detail: fmt.Sprintf("With it the event has %d bytes; at most %d.", len(e.Body), contract.EventMost)}})
	}
	return e, err
}

// typed sets the template type in about to the type that the item names. The type belongs to the item's extension or,
// without an extension, to any owner in the account.
func (r eventReader) typed(about *domain.Subject,
	i contract.EventItem) (extensionType string, wrong []fault.Field, err error) {
	installations, err := r.installations(i.Account)
	if err != nil {
		return "", nil, err
	}
	if origin, ok := installations[i.Extension]; i.Extension != "" && (!ok || !origin.Present()) {
		wrong = append(wrong, fault.Field{Pointer: "/extension_id", Code: "not-enabled",
			Detail: fmt.Sprintf("The account has not enabled %q.", i.Extension)})
	}
	for e, owner := range installations {
		for _, resource := range owner.Resources {
			named := i.ExtensionType != "" && resource.ExtensionType == i.ExtensionType || i.TemplateType != "" &&
				resource.ID == string(i.TemplateType)
			if resource.Kind == domain.StepTemplateType && named && (i.Extension == "" || i.Extension == e) {
				about.TemplateType = domain.TemplateTypeID(resource.ID)
				return resource.ExtensionType, wrong, nil
			}
		}
	}
	switch {
	case i.ExtensionType != "":
		wrong = append(wrong, fault.Field{Pointer: "/extension_type", Code: "unknown-extension-type",
			Detail: fmt.Sprintf("There is no template type %q that the contract could be of.", i.ExtensionType)})
	case i.TemplateType != "":
		own, err := r.ownType([2]string{string(i.Account), string(i.TemplateType)})
		if err != nil {
			return "", nil, err
		}
		if own.ID == "" || own.Extension != i.Extension {
			wrong = append(wrong, fault.Field{Pointer: "/template_type_id", Code: "unknown-template-type",
				Detail: fmt.Sprintf("There is no template type %q that the contract could be of.", i.TemplateType)})
		}
		about.TemplateType = own.ID
	}
	return "", wrong, nil
}
