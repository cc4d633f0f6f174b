package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// again has provisioning do all of the installation's steps once more, as after a crash that lost their record.
func (a *actors) again(e domain.ExtensionID) {
	a.t.Helper()
	i := a.stands(e)
	i.State = domain.Enabling
	for n := range i.Steps {
		i.Steps[n].DoneAt = time.Time{}
	}
	var tx store.Tx
	tx.Put(&i)
	must(a.t, a.tables.Commit(a.t.Context(), &tx, nil))
	provision := provisioning.New(a.tables.Store, a.sealer, a.now, domain.NewID)
	must(a.t, provision.Advance(a.t.Context(), a.account, events.ProvisionedInstance{Extension: e, Epoch: i.Epoch}))
}

// stands is the customer's installation as it is stored.
func (a *actors) stands(e domain.ExtensionID) domain.Installation {
	a.t.Helper()
	i, err := a.tables.Installation(a.t.Context(), a.account, e)
	must(a.t, err)
	return i
}

// managed is everything that the extension manages in the customer's account, with revisions and fields' versions, and
// the secrets sealed as they are.
func (a *actors) managed() string {
	a.t.Helper()
	var lines []string
	for _, line := range strings.Split(a.dump(), "\n") {
		for _, kind := range []string{" TEMPLATETYPE#", " WEBHOOK#", " FIELDS#", " TOKEN"} {
			if strings.Contains(line, kind) {
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestRule8_StepsThatRunAgainWriteNothing(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	before := a.managed()
	a.again(mainExtension)
	if after := a.managed(); after != before {
		t.Errorf("the same steps again made\n%s\nof\n%s", after, before)
	}
}

func TestRule8_StepsThatRunAgainKeepRuntimeState(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+typeID+"/fields/urgent", object{"active": false}), 200)
	a.want(a.call(a.admin, "POST", "/v1/template-types/"+typeID+"/fields",
		object{"custom_id": "ours", "name": "Ours", "kind": "text"}), 201)
	a.want(a.call(a.admin, "PUT", "/v1/template-types/"+typeID+"/field-order",
		object{"custom_ids": []string{"ours", "due", "urgent", "amount", "order_number"}}), 200)
	hook := a.hookOf(typeID)
	a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+hook, object{"paused": true}), 200)
	before, secrets := a.managed(), a.signingSecrets()
	a.again(mainExtension)
	if after := a.managed(); after != before {
		t.Errorf("the same steps again made\n%s\nof\n%s", after, before)
	}

	w, err := a.tables.Webhook(t.Context(), a.account, domain.WebhookID(hook))
	must(t, err)
	w.URL, w.Name, w.EventTypes = "https://elsewhere.test", "other", nil // as no door would
	var tx store.Tx
	tx.Replace(&w)
	must(t, a.tables.Commit(t.Context(), &tx, nil))
	a.again(mainExtension)
	back := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+hook, nil), 200)
	if back.str("url") != a.receiver.URL || len(back.at("event_types").([]any)) != 4 ||
		back.str("name") != "contracts of acme-crm" {
		t.Errorf("the definition was not brought back: %s", back.raw)
	}
	if back.at("paused") != true || fmt.Sprint(a.signingSecrets()) != fmt.Sprint(secrets) {
		t.Errorf("the runtime state was not kept: %s", back.raw)
	}
}
