package operations_test

import (
	"testing"

	"plugboard/shared/cli/operations"
)

func TestCollection_ListsWhatAParameterNames(t *testing.T) {
	for operation, c := range map[string]struct{ parameter, want string }{
		"read-webhook":      {"webhook_id", "list-webhooks"},
		"replay-delivery":   {"delivery_id", "list-deliveries"},
		"read-version":      {"version", "list-versions"},
		"enable-extension":  {"extension_id", "list-installations"},
		"read-delivery":     {"webhook_id", "list-webhooks"},
		"update-data-field": {"template_type_id", "list-template-types"},
	} {
		o, found := operations.Find(operation)
		if !found {
			t.Fatalf("there is no %s", operation)
		}
		if list, ok := o.Collection(c.parameter); !ok || list.ID != c.want {
			t.Errorf("%s: %s is listed by %q, want %q", operation, c.parameter, list.ID, c.want)
		}
	}
	if list, ok := operations.CollectionOf("webhook_id"); !ok || list.ID != "list-webhooks" {
		t.Errorf("webhooks are listed by %q", list.ID)
	}
	if list, ok := operations.CollectionOf("nothing"); ok {
		t.Errorf("nothing is listed by %q", list.ID)
	}
}

func TestAll_EachOperationSaysWhoMayCallIt(t *testing.T) {
	if len(operations.All()) < 130 {
		t.Fatalf("there are %d operations", len(operations.All()))
	}
	for _, o := range operations.All() {
		if o.ID == "" || o.Summary == "" || o.Tag == "" || len(o.Auth) == 0 && !o.Public {
			t.Errorf("%+v lacks something", o)
		}
	}
}
