package functions_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"plugboard/functions/redelivery"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// eraseEvents removes every event that is stored.
func (s *scene) eraseEvents() {
	s.t.Helper()
	for _, i := range s.ofRecord(domain.RecordEvent) {
		_, err := s.tables.DB.DeleteItem(s.t.Context(), &dynamodb.DeleteItemInput{
			TableName: &s.tables.Config.AccountsTable,
			Key:       item{store.PartitionKey: i[store.PartitionKey], store.SortKey: i[store.SortKey]},
		})
		must(s.t, err)
	}
}

// The workers' calls in a story: deliveries that succeed, fail, wait, are parked and are let go, replays, an event that
// the stream lost, a repair, a daily check and an account's end.
func TestRoles_TheWorkersCallsAreRecorded(t *testing.T) {
	s := newScene(newWorld(t))
	sweeper := redelivery.New(s.tables.Store, s.workers.queues, past{s.workers.fanout},
		metric.New("test", io.Discard, s.now), s.now)
	sweep := func() {
		t.Helper()
		_, err := sweeper.Handle(s.in("redelivery"), nil)
		must(t, err)
		s.settle()
	}
	contract := func() {
		t.Helper()
		s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	}
	dead := newReceiver(t)
	policy := object{"retry_wait_seconds": []int{86400}, "max_per_second": 100}
	hook := s.want(s.call(s.admin, "POST", "/v1/webhooks",
		object{"name": "Dead", "url": dead.URL, "policy": policy}), 201).str("id")
	s.settle()
	s.want(s.call(s.ownToken, "POST", "/v1/webhooks/"+hook+"/pull", object{}), 200) // from now on there is a listener
	dead.answer(http.StatusInternalServerError)
	for range domain.BreakerOpensAt + 10 {
		contract()
	}
	s.settle()
	contract() // which is parked
	s.settle()
	s.pass(2 * time.Minute)
	sweep() // a probe
	dead.answer(http.StatusOK)
	for range 5 {
		s.pass(time.Minute)
		sweep()
	}
	s.nextDay()
	s.pass(time.Hour)
	s.admin = s.dashboard(s.account, "ada") // signs in again
	sweep()                                 // what was due
	sweep()

	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+hook+"/replays", object{"states": []string{"delivered"},
		"from": s.now().Add(-48 * time.Hour).Format(time.RFC3339)}), 202) // which a listener gets, too
	s.replayOn()

	lost := s.want(s.call(s.admin, "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.newInOutbox() // and fanout never hears of it
	s.pass(2 * time.Minute)
	sweep()
	s.want(s.call(s.admin, "GET", "/v1/contracts/"+lost.str("id"), nil), 200)

	s.want(s.call(s.admin, "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.newInOutbox()
	s.eraseEvents() // as after 30 days, and fanout never had the last one
	for range 3 {   // until nothing is watched any more
		s.pass(2 * time.Hour)
		sweep()
	}
	s.admin = s.dashboard(s.account, "ada")

	listens := s.want(s.call(s.admin, "POST", "/v1/tokens",
		object{"name": "Listens", "scopes": []string{"deliveries:pull"}}), 201)
	listener := &puller{actors: s.actors, hook: hook, token: bearer("listener", listens.str("token"))}
	listener.pull(listener.token, "")
	contract()
	s.settle()
	from := s.now().Add(-48 * time.Hour).Format(time.RFC3339)
	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+hook+"/replays",
		object{"from": from, "states": []string{"exhausted", "delivered"}}), 202)
	s.replayOn()
	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+hook+"/replays", object{"from": from}), 202) // what failed
	s.replayOn()
	s.drift(s.typeID, s.templateType("acme-crm_addendum"))
	s.repair(object{})
	s.want(s.call(platform, "POST", "/v1/events", object{"items": []object{s.external("order-1")}}), 200)
	s.settle()
	s.daily()
	s.want(s.call(s.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	s.settle()
	s.erased(s.remove())

	recordedAre(t, s.calls.made, "fanout", "provisioning", "delivery", "redelivery", "replay")
	if len(s.calls.tooLong) > 0 {
		t.Errorf("keys that DynamoDB refuses: %q", s.calls.tooLong)
	}
}
