package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// made is a contract that went all its way.
type made struct {
	id     domain.ContractID
	signed time.Time // when its signing was asked for
}

// contracts makes the direct one first, so that nothing of it can still be on its way when the other's has arrived.
func (s *story) contracts(ctx context.Context) error {
	err := s.step("Ada adds a webhook of the account's own", func() (string, error) {
		return "Ada adds a webhook of the account's own that hears everything, for comparison.", s.addOwnHook(ctx)
	})
	if err != nil {
		return err
	}
	err = s.step("Ada makes a template", func() (string, error) {
		return "Ada makes a template of the extension's type acme-crm in Sales.", s.makeTemplate(ctx)
	})
	if err != nil {
		return err
	}
	err = s.step("Mel makes a contract by hand", func() (string, error) {
		var err error
		s.direct, err = s.makeContract(ctx, s.mel, "Made by hand", "")
		return "Mel makes a contract of the template by hand; it is published and signed.", err
	})
	if err != nil {
		return err
	}
	return s.step("The extension makes a contract", func() (string, error) {
		var err error
		s.through, err = s.makeContract(ctx, client.Bearer(s.token).For(mel.email), "Order O-1001", s.crm.slug())
		return "Acme CRM makes one of the same template by its token, for Mel; it is published and signed.", err
	})
}

func (s *story) addOwnHook(ctx context.Context) error {
	in := contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL = hearsAll, s.endpoint.URL
	hook, err := client.Call(ctx, s.api, s.ada, contract.CreateWebhook, in)
	if err != nil {
		return err
	}
	s.ownHook = hook.Body.ID
	return s.endpoint.Trust(ctx, s.ownHook, string(hook.Body.SigningSecret))
}

func (s *story) makeTemplate(ctx context.Context) error {
	i := slices.IndexFunc(s.managed, func(r domain.ManagedResource) bool {
		return r.Kind == domain.StepTemplateType && r.ExtensionType == s.crm.slug().TypeOf("")
	})
	if i < 0 {
		return errors.New("the account has no template type acme-crm")
	}
	in := contract.CreateTemplateInput{}
	in.Body.Name, in.Body.Workspace, in.Body.TemplateType = "Standard order", sales,
		domain.TemplateTypeID(s.managed[i].ID)
	made, err := client.Call(ctx, s.api, s.ada, contract.CreateTemplate, in)
	s.template = made.Body.ID
	return err
}

// makeContract makes a contract, publishes it, and has Ada record that it was signed.
func (s *story) makeContract(ctx context.Context, by client.Caller, name string,
	origin domain.ExtensionID) (made, error) {
	in := contract.CreateContractInput{}
	in.Body.Name, in.Body.Workspace, in.Body.Template = name, sales, s.template
	in.Body.DataFields = []domain.GivenValue{{CustomID: "order_number", Value: "O-1001"},
		{CustomID: "amount", Value: "129.50"}}
	in.Body.Participants = []domain.GivenParticipant{{Name: "Kim Berg", Email: "kim@example.com"}}
	c, err := client.Call(ctx, s.api, by, contract.CreateContract, in)
	if err != nil {
		return made{}, err
	}
	if c.Body.Origin != origin {
		return made{}, fmt.Errorf("the contract's origin is %q, not %q", c.Body.Origin, origin)
	}
	if _, err := client.Call(ctx, s.api, by, contract.PublishContract,
		contract.MoveContractInput{Contract: c.Body.ID}); err != nil {
		return made{}, err
	}
	signed := time.Now()
	_, err = client.Call(ctx, s.api, s.ada, contract.SignContract, contract.MoveContractInput{Contract: c.Body.ID})
	return made{c.Body.ID, signed}, err
}

// message is the body of a webhook request about a contract.
type message struct {
	events.Envelope
	Data    events.ContractData `json:"data"`
	Context map[string]string   `json:"context"`
}

func about(a receiver.Arrival) (message, error) {
	var m message
	err := json.Unmarshal([]byte(a.Body), &m)
	return m, err
}

func isOf(c made, t events.Type) func(receiver.Arrival) bool {
	return func(a receiver.Arrival) bool {
		m, err := about(a)
		return err == nil && m.Data.ID == c.id && m.Type == t
	}
}

// arrivals shows what the endpoint got, and that it got nothing of the direct contract.
func (s *story) arrivals(ctx context.Context) error {
	err := s.step("Waiting for the webhooks", func() (string, error) {
		for _, t := range []events.Type{events.ContractCreated, events.ContractPublished, events.ContractSigned} {
			if err := s.showArrival(ctx, t); err != nil {
				return "", err
			}
		}
		return "The extension's contract arrived, signed, and the published library verified it.", nil
	})
	if err != nil {
		return err
	}
	return s.step("Looking for anything of the contract made by hand", func() (string, error) {
		return "Of the contract made by hand, the extension heard nothing.", s.nothingDirect(ctx)
	})
}

func (s *story) showArrival(ctx context.Context, t events.Type) error {
	a, err := s.endpoint.Await(ctx, patience, s.orders, string(t)+" of the extension's contract, verified,",
		isOf(s.through, t))
	if err != nil {
		return s.why(err)
	}
	m, err := about(a)
	switch {
	case err != nil:
		return err
	case a.Header["X-Acme-Customer"] != customerID || m.Context["customer_id"] != customerID:
		return fmt.Errorf("%s came without the customer id %s in its header and its context", t, customerID)
	case a.Header["Authorization"] != "Bearer "+s.apiKey:
		return fmt.Errorf("%s came without the API key in its Authorization header", t)
	}
	s.detail("verified  %-18s  webhook-id %s", m.Type, a.Delivery)
	if t != events.ContractSigned {
		return nil
	}
	s.detail("          X-Acme-Customer: %s", a.Header["X-Acme-Customer"])
	s.detail("          Authorization: Bearer •••")
	var body bytes.Buffer
	if err := json.Indent(&body, []byte(a.Body), "                ", "  "); err != nil {
		return err
	}
	s.detail("          %s", body.String())
	s.detail("contract signed → webhook received: %s", seconds(a.At.Sub(s.through.signed)))
	return nil
}

// why adds to a wait that ended in vain what came and did not verify.
func (s *story) why(err error) error {
	if odd := s.endpoint.Unverified(); len(odd) > 0 {
		return fmt.Errorf("%w; %d requests came that no secret verifies, the last one because: %s", err, len(odd),
			odd[len(odd)-1].Problem)
	}
	return err
}

// nothingDirect proves an absence. The account's own webhook has heard of every event of the direct contract, so
// that their fan-out is done; then neither the endpoint nor the log of deliveries may know them for the extension's
// webhooks. The same look-up finds the other contract's.
func (s *story) nothingDirect(ctx context.Context) error {
	if _, err := s.endpoint.Await(ctx, patience, s.ownHook,
		"contract.signed of the extension's contract, at the account's own webhook,",
		isOf(s.through, events.ContractSigned)); err != nil {
		return s.why(err)
	}
	var direct, through []message
	for _, t := range []events.Type{events.ContractCreated, events.ContractPublished, events.ContractSigned} {
		for c, heard := range map[made]*[]message{s.direct: &direct, s.through: &through} {
			a, err := s.endpoint.Await(ctx, patience, s.ownHook, string(t)+", at the account's own webhook,",
				isOf(c, t))
			if err != nil {
				return s.why(err)
			}
			m, err := about(a)
			if err != nil {
				return err
			}
			*heard = append(*heard, m)
		}
	}
	s.detail("the account's own webhook heard %d events of it, and %d of the other", len(direct), len(through))

	for _, m := range through {
		err := client.Until(ctx, patience, fmt.Sprintf("the delivery of %s to the extension was logged", m.Type),
			func(ctx context.Context) (bool, error) {
				return s.delivered(ctx, m, s.orders)
			})
		if err != nil {
			return err
		}
	}
	for _, r := range s.managed {
		if r.Kind != domain.StepWebhook {
			continue
		}
		w := domain.WebhookID(r.ID)
		for _, m := range direct {
			found, err := s.delivered(ctx, m, w)
			if err != nil {
				return err
			}
			if found {
				return fmt.Errorf("the log has a delivery of %s of the contract made by hand to %s", m.Type, r.Name)
			}
		}
		arrived := s.endpoint.Arrivals(w)
		for _, a := range arrived {
			if m, err := about(a); err != nil || m.Data.ID != s.through.id {
				return fmt.Errorf("the endpoint got something else than the extension's contract: %.200s", a.Body)
			}
		}
		s.detail("%-33s got %d requests, none of it", r.Name, len(arrived))
	}
	if odd := s.endpoint.Unverified(); len(odd) > 0 {
		return fmt.Errorf("%d requests came that no secret verifies, the last one because: %s", len(odd),
			odd[len(odd)-1].Problem)
	}
	return s.deleteOwnHooks(ctx)
}

// delivered looks an event's delivery to a webhook up in the log, by the id that derives from both.
func (s *story) delivered(ctx context.Context, m message, w domain.WebhookID) (bool, error) {
	d, err := client.Call(ctx, s.api, s.ada, contract.ReadDelivery, contract.ReadDeliveryInput{
		Webhook: w, Delivery: domain.DeliveryOf(m.ID, w), Day: m.Timestamp.UTC().Format(time.DateOnly),
	})
	if refused(err, "not-found") {
		return false, nil
	}
	return d.Body.State == domain.DeliveryDelivered, err
}
