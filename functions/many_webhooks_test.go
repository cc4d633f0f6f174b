package functions_test

import (
	"errors"
	"fmt"
	"testing"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
)

const manyExtension = "acme-many"

// manyWebhooks is more than two transactions can remove: five for each of eighteen template types.
func manyWebhooks(url string, types, webhooks int) object {
	b := object{"scopes": []string{}, "template_types": []object{}, "webhooks": []object{}}
	for n := range types {
		b["template_types"] = append(b["template_types"].([]object),
			object{"key": fmt.Sprint("t", n), "name": "T", "no_webhooks": webhooks == 0, "fields": []object{}})
	}
	for n := range webhooks {
		b["webhooks"] = append(b["webhooks"].([]object),
			object{"key": fmt.Sprint("w", n), "url": url, "event_types": []string{"contract.signed"}})
	}
	return b
}

const (
	manyTypes    = 18
	manyHooks    = 5 * manyTypes
	manyRemovals = 3 // 30 each
)

// newMany is that extension, enabled.
func newMany(t *testing.T) *actors {
	a := newActors(newWorld(t))
	var keys []string
	for n := range manyTypes {
		keys = append(keys, fmt.Sprint("t", n))
	}
	a.list(manyExtension, keys, manyWebhooks(a.receiver.URL, manyTypes, manyHooks/manyTypes))
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+manyExtension, object{}), 202)
	a.settle()
	a.state(manyExtension, "enabled")
	a.hooksLeft(manyHooks)
	return a
}

// hooksLeft holds the extension's webhooks against how many there should be: those stored, those that the installation
// owns, and those counted.
func (a *actors) hooksLeft(want int) {
	a.t.Helper()
	owned := 0
	for _, r := range a.stands(manyExtension).Resources {
		if r.Kind == domain.StepWebhook {
			owned++
		}
	}
	if stored := len(a.stored("webhook")); stored != want || owned != want {
		a.t.Errorf("%d webhooks are stored and the installation owns %d, want %d", stored, owned, want)
	}
}

// dies has provisioning die with its n-th write.
func (a *actors) dies(epoch, at int, after bool) {
	a.t.Helper()
	kill := &killed{at: at, after: after}
	dying := provisioning.New(a.tables.At(a.now, kill.option), a.sealer, a.now, domain.NewID)
	if err := dying.Advance(a.t.Context(), a.account,
		events.ProvisionedInstance{Extension: manyExtension, Epoch: epoch}); !errors.Is(err, errKilled) {
		a.t.Fatalf("provisioning ended with %v after %d writes, want it killed", err, kill.writes)
	}
}

// One transaction takes 100 items, and each webhook is three: itself, what leads to its log, and how it fared.
func TestRule4_DisablingWithManyWebhooksKilledAfterEachChunkReachesTheSameEnd(t *testing.T) {
	a := newMany(t)
	a.want(a.call(a.admin, "POST", "/v1/installations/"+manyExtension+"/disable", nil), 202)
	for at, left := range []int{manyHooks - 30, manyHooks - 60, 0} {
		a.dies(1, 1, false) // with its chunk not written
		a.dies(1, 1, true)  // and with it
		a.hooksLeft(left)
		a.state(manyExtension, "disabling")
		if at == manyRemovals-1 {
			a.dies(1, 1, false) // what is left is to say so
		}
	}
	a.settle()
	a.state(manyExtension, "disabled")
	a.hooksLeft(0)
	if got := a.used(domain.QuotaManagedWebhooks); got != 0 {
		t.Errorf("after it %d are counted", got)
	}
	if n := len(a.stored("retired-webhook")); n != manyHooks {
		t.Errorf("the delivery logs of %d webhooks are known, want %d", n, manyHooks)
	}
	if n := a.eventsOf("installation.disabled"); n != 1 {
		t.Errorf("got %d events of it, want one", n)
	}
}

func TestRule6_AnUpgradeThatDropsManyWebhooksKilledOnItsWayReachesTheSameEnd(t *testing.T) {
	a := newMany(t)
	a.submitAndList(manyExtension, manyWebhooks("", manyTypes, 0))
	a.want(a.upgradeBy(a.admin, "/v1/installations/"+manyExtension+"/upgrade", object{}), 202)
	for _, at := range []int{40, 1, 30} {
		a.dies(0, at, true)
	}
	a.hooksLeft(manyHooks - 71)
	a.state(manyExtension, "upgrading")
	a.settle()
	a.state(manyExtension, "enabled")
	a.hooksLeft(0)
	if got := a.used(domain.QuotaManagedWebhooks); got != 0 {
		t.Errorf("after it %d are counted", got)
	}
	if n := a.eventsOf("installation.upgraded"); n != 1 {
		t.Errorf("got %d events of it, want one", n)
	}
}
