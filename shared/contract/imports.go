package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Imports: the platform syncs up to 1,000 items a call. Each item is the body of the single operation with the ids of
// its path.

type AccountItem struct {
	ID domain.AccountID `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The platform's own id."`
	AccountBody
}

type UserItem struct {
	Account domain.AccountID `json:"account_id" minLength:"1" maxLength:"64"`
	SubjectBody
	UserBody
}

type WorkspaceItem struct {
	Account domain.AccountID   `json:"account_id" minLength:"1" maxLength:"64"`
	ID      domain.WorkspaceID `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The platform's own id."`
	WorkspaceBody
}

type TemplateItem struct {
	Account domain.AccountID  `json:"account_id" minLength:"1" maxLength:"64"`
	ID      domain.TemplateID `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The platform's own id, or one of ours to update a template created here. Its template type stays."`
	TemplateBody
}

type ImportAccountsInput struct{ Body Import[AccountItem] }

type ImportAccountsOutput struct{ Body ImportReport }

func (in *ImportAccountsInput) refill(out any) {
	in.Body.Items.refill(&out.(*ImportAccountsOutput).Body)
}

type ImportUsersInput struct{ Body Import[UserItem] }

type ImportUsersOutput struct{ Body ImportReport }

func (in *ImportUsersInput) refill(out any) { in.Body.Items.refill(&out.(*ImportUsersOutput).Body) }

type ImportWorkspacesInput struct{ Body Import[WorkspaceItem] }

type ImportWorkspacesOutput struct{ Body ImportReport }

func (in *ImportWorkspacesInput) refill(out any) {
	in.Body.Items.refill(&out.(*ImportWorkspacesOutput).Body)
}

type ImportTemplatesInput struct{ Body Import[TemplateItem] }

type ImportTemplatesOutput struct{ Body ImportReport }

func (in *ImportTemplatesInput) refill(out any) {
	in.Body.Items.refill(&out.(*ImportTemplatesOutput).Body)
}

const (
	maxImportItems = 1000
	// maxImportBody is what Lambda takes: 6 MB, of which base64 takes a quarter.
	maxImportBody = 4 << 20
	// Limits of the faults in a report, in all and for one item: an Idempotency-Key keeps the report in an item of
	// 400 KB.
	maxReportErrors = 1000
	maxItemErrors   = 10
	maxPointer      = 128 // characters; a pointer may hold names that a caller made up
)

type Import[T any] struct {
	Items Items[T] `json:"items" doc:"1 to 1,000 items. A wrong one fails alone. Items with the same id or e-mail all fail."`
}

// Items are validated one by one, apart from the body, so that a wrong item does not fail the others.
type Items[T any] []json.RawMessage

// takesItems tells whether the body of an input is a list of Items.
func takesItems(input reflect.Type) bool {
	body, is := input.FieldByName("Body")
	if !is || body.Type.Kind() != reflect.Struct {
		return false
	}
	list, is := body.Type.FieldByName("Items")
	return is && list.Type.Implements(reflect.TypeFor[interface{ validatedAlone() }]())
}

func (Items[T]) validatedAlone() {}

// validatedAlone marks, in the document, a list whose items are validated one by one.
const validatedAlone = "x-plugboard-validated-alone"

// Schema is the list's schema for the document.
func (Items[T]) Schema(r huma.Registry) *huma.Schema {
	least, most := 1, maxImportItems
	return &huma.Schema{
		Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[T](), true, ""), MinItems: &least, MaxItems: &most,
		Extensions: map[string]any{validatedAlone: true},
	}
}

// loosenItems removes the items' schemas from the schemas that validate bodies, because Items.Read validates the
// items.
func loosenItems(schemas huma.Registry) {
	for _, s := range schemas.Map() {
		for _, p := range s.Properties {
			if p.Extensions[validatedAlone] != nil {
				p.Items = &huma.Schema{}
				p.Items.PrecomputeMessages()
			}
		}
	}
}

// Item is one item as far as it can be read. Wrong holds its faults, by pointer into the item.
type Item[T any] struct {
	ID    domain.SentID
	Value T
	Wrong []fault.Field
	shape []shapeFault
}

// Also adds faults of the item's meaning, unless the schema already reported them.
func (i *Item[T]) Also(meaning []fault.Field) {
	for _, m := range meaning {
		if !(shapeFault{Field: m}).coveredBy(i.shape) {
			i.Wrong = append(i.Wrong, m)
		}
	}
	i.Wrong = joined(i.Wrong)
}

// Reads tells whether the value at that pointer could be read.
func (i *Item[T]) Reads(pointer string) bool {
	return !slices.ContainsFunc(i.shape, func(s shapeFault) bool {
		return s.final && s.covers(fault.Field{Pointer: pointer})
	})
}

// unread are the faults of an item that the scan refused: none of its values could be read.
func unread(wrong []fault.Field) []shapeFault {
	shape := []shapeFault{{final: true}}
	for _, f := range wrong {
		shape = append(shape, shapeFault{f, true})
	}
	return shape
}

// Read validates and decodes each item.
func (items Items[T]) Read(ctx context.Context) ([]Item[T], error) {
	schemas := newSchemas(componentSchemas)
	schema := schemas.Schema(reflect.TypeFor[T](), true, "")
	plainLists(schemas)
	loosenTimes(schemas, nil)
	path := huma.NewPathBuffer(nil, 0)
	read := make([]Item[T], len(items))
	for n, raw := range items {
		item := &read[n]
		item.ID = sentID(raw)
		if wrong := inspectionOf(ctx).itemFaults(n); len(wrong) > 0 {
			item.shape, item.Wrong = unread(wrong), wrong
			continue
		}
		var v any
		if err := unmarshalStrict(raw, &v); err != nil {
			return nil, fault.Wrap(err, "read item %d", n)
		}
		path.Reset()
		path.Push("body")
		var found huma.ValidateResult
		huma.Validate(schemas, schema, path, huma.ModeWriteToServer, v, &found)
		for _, err := range found.Errors {
			item.shape = append(item.shape, shapeFaultOf(err.(*huma.ErrorDetail)))
		}
		item.shape = append(item.shape, nullFaultsIn(schemas, schema, raw)...)
		for _, s := range item.shape {
			item.Wrong = append(item.Wrong, s.Field)
		}
		if err := decodeBeside(raw, &item.Value, item.shape); err != nil && len(item.shape) == 0 {
			return nil, fault.Wrap(err, "decode item %d", n)
		}
		item.Also(textFaults(reflect.ValueOf(item.Value), "", ""))
		if c, ok := any(&item.Value).(checker); ok {
			item.Also(c.Check())
		}
	}
	return read, nil
}

// ImportResult is what became of an item.
type ImportResult string

const (
	ImportCreated   ImportResult = "created"
	ImportUpdated   ImportResult = "updated"
	ImportUnchanged ImportResult = "unchanged"
	ImportFailed    ImportResult = "failed"
	ImportNotTried  ImportResult = "not-tried" // the time was up
)

type ImportReport struct {
	Created   int            `json:"created"`
	Updated   int            `json:"updated"`
	Unchanged int            `json:"unchanged"`
	Failed    int            `json:"failed"`
	NotTried  int            `json:"not_tried" doc:"Items not tried for lack of time. Send them again, under another Idempotency-Key."`
	Items     []ImportedItem `json:"items" doc:"One result per item, at the item's index."`
}

type ImportedItem struct {
	ID     domain.SentID  `json:"id" doc:"Empty when the item has no readable id."`
	Event  domain.EventID `json:"event_id,omitempty" doc:"For an event: our id, under which its deliveries are listed."`
	Result ImportResult   `json:"result" enum:"created,updated,unchanged,failed,not-tried"`
	Code   string         `json:"code,omitempty" doc:"For a failed item: the single operation's answer."`
	Detail string         `json:"detail,omitempty"`
	Errors []fault.Field  `json:"errors,omitempty" doc:"Every wrong field, by pointer into the body: the first 10 of an item, and 1,000 in all."`
}

// refill restores the ids in a recorded report, which is kept without them.
func (items Items[T]) refill(r *ImportReport) {
	for n := range r.Items {
		if r.Items[n].ID == domain.SentBefore && n < len(items) {
			r.Items[n].ID = sentID(items[n])
		}
	}
}

// sentID is the item's own id; empty when it cannot be read.
func sentID(raw json.RawMessage) domain.SentID {
	var sent struct {
		ID json.RawMessage `json:"id"`
	}
	_ = json.Unmarshal(raw, &sent) // an item that is no object has no id
	return sentIDOf(sent.ID)
}

// Fail says why the item at place n failed, as the single operation's problem document would.
func (i *ImportedItem) Fail(ctx context.Context, n int, err error) {
	p := problemOf(ctx, err)
	i.Result, i.Code, i.Detail, i.Errors = ImportFailed, p.Code, p.Detail, nil
	for _, f := range p.Errors[:min(len(p.Errors), maxItemErrors)] {
		f.Pointer = fmt.Sprintf("/items/%d%s", n, f.Pointer)
		if short := []rune(f.Pointer); len(short) > maxPointer {
			f.Pointer = string(short[:maxPointer-1]) + "…"
		}
		i.Errors = append(i.Errors, f)
	}
}

// Finish counts the results, and cuts the errors to the report's limit.
func (r *ImportReport) Finish() {
	counts := map[ImportResult]*int{
		ImportCreated: &r.Created, ImportUpdated: &r.Updated, ImportUnchanged: &r.Unchanged, ImportFailed: &r.Failed,
		ImportNotTried: &r.NotTried,
	}
	left := maxReportErrors
	for n := range r.Items {
		item := &r.Items[n]
		*counts[item.Result]++
		item.Errors = item.Errors[:min(len(item.Errors), left)]
		left -= len(item.Errors)
	}
}
