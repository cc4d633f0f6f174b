package deployed_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// What was delivered is sent again by a job, through its own function and queue, and by the slow queue.
func TestReplay_WhatWasDeliveredArrivesAgain(t *testing.T) { // rules 18 and 20
	c, _ := signedContract(t, deployed.integration())
	_, m := arrives(t, deployed.orders, c.ID, events.ContractSigned)
	logged(t, deployed.orders, m)
	in := contract.CreateReplayInput{Webhook: deployed.orders}
	in.Body.From.Time, in.Body.States, in.Body.EventTypes = time.Now().Add(-time.Hour).UTC().Truncate(time.Second),
		[]domain.DeliveryState{domain.DeliveryDelivered}, []string{string(events.ContractSigned)}
	job := call(t, deployed.ada, contract.CreateReplay, in).Body
	must(t, client.Until(t.Context(), patience, "the replay was done", func(context.Context) (bool, error) {
		now := call(t, deployed.ada, contract.ReadReplay,
			contract.ReplayInput{Webhook: deployed.orders, Replay: job.ID}).Body
		return now.State == domain.ReplayDone && now.Sent > 0, nil
	}))
	eventually(t, "the delivery had a second attempt", func() bool {
		v := logged(t, deployed.orders, m)
		return len(v.Attempts) == 2 && v.State == domain.DeliveryDelivered
	})
}

func TestEvents_OfAContractKeptElsewhereArrive(t *testing.T) { // rule 17
	id := domain.ContractID(unique("kept"))
	item := contract.EventItem{
		ID: string(id), Account: deployed.account, Type: string(events.ContractSigned),
		Timestamp: contract.Time{Time: time.Now().UTC()}, Contract: id, Workspace: "sales",
		ExtensionType: string(deployed.crm), Extension: deployed.crm, Data: map[string]any{"name": "Kept elsewhere"},
	}
	raw, err := json.Marshal(item)
	must(t, err)
	for range 2 { // the second is the same one
		sent := call(t, deployed.Platform(), contract.SendEvents,
			contract.SendEventsInput{Body: contract.EventsBody{Items: contract.Items[contract.EventItem]{raw}}}).Body
		if sent.Failed > 0 || sent.Items[0].Event == "" {
			t.Fatalf("it was not taken: %+v", sent)
		}
	}
	arrives(t, deployed.orders, id, events.ContractSigned)
}
