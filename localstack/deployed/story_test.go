package deployed_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// moves are the events of a contract on its way to signed, in order.
var moves = []events.Type{events.ContractCreated, events.ContractPublished, events.ContractSigned}

// signedContract makes a contract of the template and takes it all the way. The time is when its signing was asked
// for.
func signedContract(t *testing.T, by client.Caller) (domain.Contract, time.Time) {
	t.Helper()
	in := contract.CreateContractInput{}
	in.Body.Name, in.Body.Workspace, in.Body.Template = "Order", "sales", deployed.template
	in.Body.DataFields = []domain.GivenValue{{CustomID: "order number", Value: "O-1001"}}
	c := call(t, by, contract.CreateContract, in).Body
	call(t, by, contract.PublishContract, contract.MoveContractInput{Contract: c.ID})
	began := time.Now()
	return call(t, deployed.ada, contract.SignContract, contract.MoveContractInput{Contract: c.ID}).Body, began
}

// message is the body of a webhook request about a contract.
type message struct {
	events.Envelope
	Data    events.ContractData `json:"data"`
	Context map[string]string   `json:"context"`
}

func messageOf(t *testing.T, a receiver.Arrival) message {
	t.Helper()
	var m message
	must(t, json.Unmarshal([]byte(a.Body), &m))
	return m
}

// of are a webhook's arrivals about a contract.
func of(t *testing.T, w domain.WebhookID, c domain.ContractID) []receiver.Arrival {
	t.Helper()
	return slices.DeleteFunc(deployed.endpoint.Arrivals(w), func(a receiver.Arrival) bool {
		return messageOf(t, a).Data.ID != c
	})
}

// arrives waits for the event of the contract at the webhook, verified.
func arrives(t *testing.T, w domain.WebhookID, c domain.ContractID, e events.Type) (receiver.Arrival, message) {
	t.Helper()
	a, err := deployed.endpoint.Await(t.Context(), patience, w, string(e)+" of "+string(c),
		func(a receiver.Arrival) bool {
			var m message
			return json.Unmarshal([]byte(a.Body), &m) == nil && m.Data.ID == c && m.Type == e
		})
	must(t, err)
	return a, messageOf(t, a)
}

// deliveries are what the log has of a webhook for the day of the events, an event each.
func deliveries(t *testing.T, w domain.WebhookID, day time.Time) map[domain.EventID][]contract.DeliveryView {
	t.Helper()
	all := map[domain.EventID][]contract.DeliveryView{}
	in := contract.ListDeliveriesInput{Webhook: w, Day: day.UTC().Format(time.DateOnly)}
	in.Limit = 100
	for {
		page := call(t, deployed.ada, contract.ListDeliveries, in).Body
		for _, d := range page.Items {
			all[d.Event] = append(all[d.Event], d)
		}
		if in.Cursor = page.NextCursor; in.Cursor == "" {
			return all
		}
	}
}

// logged waits until the log says that the event was delivered: the line is written after the request.
func logged(t *testing.T, w domain.WebhookID, m message) contract.DeliveryView {
	t.Helper()
	in := contract.ReadDeliveryInput{Webhook: w, Delivery: domain.DeliveryOf(m.ID, w),
		Day: m.Timestamp.UTC().Format(time.DateOnly)}
	must(t, client.Until(t.Context(), patience, "the delivery of "+string(m.ID)+" was logged",
		func(ctx context.Context) (bool, error) {
			a, err := deployed.Send(ctx, deployed.ada, "GET", "/v1/webhooks/"+string(w)+"/deliveries/"+
				string(in.Delivery)+
				"?day="+in.Day, nil)
			return a.Status == http.StatusOK, err
		}))
	return call(t, deployed.ada, contract.ReadDelivery, in).Body
}

func TestStory_AContractThroughTheExtensionArrivesSigned(t *testing.T) { // rules 15 to 19
	c, signed := signedContract(t, deployed.integration())
	if c.Origin != deployed.crm || c.State != domain.Signed {
		t.Fatalf("the contract is %s, its origin %q: want signed, %q", c.State, c.Origin, deployed.crm)
	}
	for _, e := range moves {
		a, m := arrives(t, deployed.orders, c.ID, e)
		if m.Context["customer_id"] != customerID || a.Header["X-Customer"] != customerID {
			t.Errorf("%s: the customer id is %q in the context and %q in the header, want %q", e,
				m.Context["customer_id"], a.Header["X-Customer"], customerID)
		}
		if got := a.Header["Authorization"]; got != "Bearer "+deployed.apiKey {
			t.Errorf("%s: the endpoint's own credential did not come with it", e)
		}
		if a.Delivery != domain.DeliveryOf(m.ID, deployed.orders) {
			t.Errorf("%s: webhook-id is %s, want the delivery's id", e, a.Delivery)
		}
		if d := logged(t, deployed.orders, m); d.State != domain.DeliveryDelivered ||
			d.Attempts[0].Status != http.StatusNoContent {
			t.Errorf("%s: the log says %+v", e, d)
		}
		if e == events.ContractSigned {
			t.Logf("contract signed → webhook received: %d ms", a.At.Sub(signed).Milliseconds())
		}
	}
	arrives(t, deployed.own, c.ID, events.ContractSigned)
	if got := of(t, deployed.addenda, c.ID); len(got) != 0 {
		t.Errorf("the webhook of the other template type heard %d events", len(got))
	}
}

// The direct contract goes first. When the account's own webhook has heard of all of it, and the extension's of the
// later contract, nothing can still be on its way.
func TestStory_ADirectContractSendsNothing(t *testing.T) { // rule 17
	direct, _ := signedContract(t, deployed.mel)
	through, _ := signedContract(t, deployed.integration())
	var silent []message
	for _, e := range moves {
		_, m := arrives(t, deployed.own, direct.ID, e)
		silent = append(silent, m)
		_, heard := arrives(t, deployed.orders, through.ID, e)
		logged(t, deployed.orders, heard)
	}
	for _, w := range []domain.WebhookID{deployed.orders, deployed.addenda} {
		if got := of(t, w, direct.ID); len(got) != 0 {
			t.Errorf("%s got %d requests about a contract made directly", w, len(got))
		}
		for _, m := range silent {
			if d, found := deliveries(t, w, m.Timestamp)[m.ID]; found {
				t.Errorf("the log has a delivery of %s to %s: %+v", m.Type, w, d)
			}
		}
	}
}

func TestStory_NothingArrivesThatNoSecretVerifies(t *testing.T) {
	for _, a := range deployed.endpoint.Unverified() {
		t.Errorf("%s: %s", a.Delivery, a.Problem)
	}
}

func TestStory_WhatAnExtensionManagesIsRefused(t *testing.T) { // rule 8
	_, err := client.Call(t.Context(), deployed.Client, deployed.ada, contract.DeleteWebhook,
		contract.WebhookInput{Webhook: deployed.orders})
	refusal(t, err, http.StatusConflict, "managed-resource")
	elsewhere := "https://elsewhere.test"
	in := contract.UpdateWebhookInput{Webhook: deployed.orders}
	in.Body.URL = &elsewhere
	_, err = client.Call(t.Context(), deployed.Client, deployed.ada, contract.UpdateWebhook, in)
	refusal(t, err, http.StatusConflict, "managed-resource")
	_, err = client.Call(t.Context(), deployed.Client, deployed.ada, contract.DeleteTemplateType,
		contract.TemplateTypeInput{TemplateType: deployed.orderType})
	refusal(t, err, http.StatusConflict, "managed-resource")
}

func TestStory_ADisabledExtensionsTokenIsDeadAtOnce(t *testing.T) { // rule 5
	account := domain.AccountID(unique("other"))
	ada, _, err := deployed.newAccount(t.Context(), account)
	must(t, err)
	token, err := deployed.enable(t.Context(), ada)
	must(t, err)
	call(t, client.Bearer(token), contract.ListTemplateTypes, contract.ListTemplateTypesInput{})

	call(t, ada, contract.DisableExtension, contract.InstallationInput{Extension: deployed.crm})
	_, err = client.Call(t.Context(), deployed.Client, client.Bearer(token), contract.ListTemplateTypes,
		contract.ListTemplateTypesInput{})
	refusal(t, err, http.StatusUnauthorized, "unauthenticated")

	must(t, deployed.becomes(t.Context(), ada, domain.Disabled))
	again, err := deployed.enable(t.Context(), ada)
	must(t, err)
	call(t, client.Bearer(again), contract.ListTemplateTypes, contract.ListTemplateTypesInput{})
}

func TestStory_AnotherAccountsContractIsNotThere(t *testing.T) { // rule 26
	c, _ := signedContract(t, deployed.mel)
	account := domain.AccountID(unique("stranger"))
	ada, _, err := deployed.newAccount(t.Context(), account)
	must(t, err)
	_, err = client.Call(t.Context(), deployed.Client, ada, contract.ReadContract,
		contract.ContractInput{Contract: c.ID})
	refusal(t, err, http.StatusNotFound, "not-found")
}
