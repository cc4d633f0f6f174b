package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// orbit is a second partner, whose extensions do what the first one's do not: tokens are handed off instead of shown,
// the endpoint takes OAuth 2.0 access tokens, one needs the other, and one is upgraded.
type orbit struct {
	crm, desk offer
	next      offer         // desk's second version
	partner   client.Caller // by its key
	orbitDev  domain.AccountID
	oauth     receiver.Client               // the customer's client at Orbit
	tokens    map[domain.ExtensionID]string // handed off to Orbit; Ada has seen none
	ticket    domain.ContractID
}

func newOrbit() (orbit, error) {
	o := orbit{orbitDev: "demo-orbit-dev", tokens: map[domain.ExtensionID]string{}}
	var errs [3]error
	o.crm, errs[0] = readOffer("orbit-crm.json")
	o.desk, errs[1] = readOffer("orbit-desk.json")
	o.next, errs[2] = readOffer("orbit-desk-2.json")
	return o, errors.Join(errs[:]...)
}

// offerOrbit lists Orbit's two extensions, the one that the other needs first.
func (s *story) offerOrbit(ctx context.Context) error {
	o := &s.orbit
	err := s.step("Making Orbit a partner", func() (string, error) {
		var err error
		o.partner, err = s.partner(ctx, o.crm.slug(), "Orbit", o.orbitDev)
		return "Orbit is a partner, too.", err
	})
	if err != nil {
		return err
	}
	for _, offered := range []*offer{&o.crm, &o.desk, &o.next} {
		offered.sendTo(s.endpoint.URL)
	}
	for _, offered := range []offer{o.crm, o.desk} {
		err := s.step("Listing "+offered.extension.Body.Name, func() (string, error) {
			version, err := s.list(ctx, o.partner, offered)
			s.detail("localstack/demo/%s: %s", offered.file, inWords(offered.blueprint))
			return fmt.Sprintf("%s, version %d, is listed.", offered.extension.Body.Name, version), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// handOff enables Orbit Desk, and Orbit CRM with it, and hands both over.
func (s *story) handOff(ctx context.Context) error {
	o := &s.orbit
	o.oauth = receiver.Client{ID: "nordic-shop", Secret: rand.Text()}
	if err := s.endpoint.Know(o.oauth); err != nil {
		return err
	}
	in := contract.EnableExtensionInput{Extension: o.desk.slug()}
	in.Body.Parameters = map[domain.ExtensionID]map[string]domain.ParameterValue{o.crm.slug(): {
		"customer_id": "OC-2001", "account_id": "nordic-shop", "client_id": o.oauth.ID, "client_secret": o.oauth.Secret,
	}}
	err := s.step("Ada enables Orbit Desk", func() (string, error) {
		out, err := client.Call(ctx, s.api, s.ada, contract.EnableExtension, in)
		if err != nil {
			return "", err
		}
		for _, i := range out.Body.Created {
			if i.Token != "" || !i.HandOff {
				return "", fmt.Errorf("the token of %s, which is to be handed off, was shown to Ada", i.Extension)
			}
			s.detail("%s: its token is Orbit's to fetch%s", i.Extension, enabledBy(i))
		}
		if len(out.Body.Created) != 2 {
			return "", fmt.Errorf("enabling Orbit Desk made %d installations, not itself and Orbit CRM",
				len(out.Body.Created))
		}
		for _, id := range []domain.ExtensionID{o.crm.slug(), o.desk.slug()} {
			if state, err := s.settled(ctx, id); err != nil || state != domain.Enabled {
				return "", errors.Join(err, fmt.Errorf("the extension %s is %s", id, state))
			}
		}
		return "Ada enables Orbit Desk, and Orbit CRM with it, since the one needs the other.", nil
	})
	if err != nil {
		return err
	}
	return s.step("Ada is sent to Orbit", func() (string, error) {
		for _, id := range []domain.ExtensionID{o.crm.slug(), o.desk.slug()} {
			if err := s.handOver(ctx, id); err != nil {
				return "", err
			}
		}
		return "Ada is redirected to Orbit with a code, for which Orbit's server gets the token by its " +
			"partner key.", nil
	})
}

// handOver does as Ada's browser does, and then as Orbit's server.
func (s *story) handOver(ctx context.Context, id domain.ExtensionID) error {
	redirect, err := client.Call(ctx, s.api, s.ada, contract.StartHandOff, contract.StartHandOffInput{Extension: id})
	if err != nil {
		return err
	}
	to, err := url.Parse(string(redirect.Location))
	if err != nil {
		return fmt.Errorf("the hand-off of %s leads to no URL: %w", id, err)
	}
	visit, err := s.endpoint.Visit(ctx, to.String(), patience)
	if err != nil {
		return err
	}
	in := contract.ExchangeHandOffInput{}
	in.Body.Code = visit.Code
	got, err := client.Call(ctx, s.api, s.orbit.partner, contract.ExchangeHandOff, in)
	if err != nil {
		return err
	}
	s.orbit.tokens[id] = string(got.Body.Token)
	s.detail("%s: 303 to %s?code=•••, exchanged for the token of %s", id, to.Path, got.Body.Account)
	if _, err := client.Call(ctx, s.api, s.orbit.partner, contract.ExchangeHandOff, in); err == nil {
		return fmt.Errorf("the code of %s was exchanged twice", id)
	}
	return nil
}

// work makes a deal's contract and a ticket's by the tokens that were handed off.
func (s *story) work(ctx context.Context) error {
	o := &s.orbit
	err := s.step("A deal becomes a contract", func() (string, error) {
		deal, err := s.contractOf(ctx, o.crm.slug(), o.crm.slug().TypeOf(""), "Deal D-7",
			[]domain.GivenValue{{CustomID: "deal_id", Value: "D-7"}, {CustomID: "value", Value: "4800"}})
		if err != nil {
			return "", err
		}
		hook, err := s.hookOf(ctx, o.crm.slug(), o.crm.slug().TypeOf(""))
		if err != nil {
			return "", err
		}
		a, err := s.endpoint.Await(ctx, patience, hook, "contract.signed of the deal",
			isOf(made{id: deal}, events.ContractSigned))
		if err != nil {
			return "", s.why(err)
		}
		if m, err := about(a); err != nil || !a.Authorized || m.Context["account_id"] != "nordic-shop" {
			return "", errors.Join(err,
				errors.New("the deal's webhook came without Orbit's access token, or without the account's id"))
		}
		s.detail("verified  contract.signed  Authorization: Bearer ••• (from Orbit's token endpoint)  " +
			"context.account_id nordic-shop")
		return "Orbit CRM makes a contract of a deal; the webhook carries an access token of Orbit's own.", nil
	})
	if err != nil {
		return err
	}
	return s.step("A ticket becomes a contract", func() (string, error) {
		values := []domain.GivenValue{{CustomID: "ticket_id", Value: "T-77"}, {CustomID: "hours", Value: "3"},
			{CustomID: "fax", Value: "+46 8 123"}}
		var err error
		o.ticket, err = s.contractOf(ctx, o.desk.slug(), o.desk.slug().TypeOf("work-order"), "Work order T-77", values)
		return "Orbit Desk makes one of a ticket, by its own token.", err
	})
}

// contractOf makes a contract through an extension, goes by its extension type, and takes it to signed.
func (s *story) contractOf(ctx context.Context, e domain.ExtensionID, extensionType, name string,
	values []domain.GivenValue) (domain.ContractID, error) {
	types, err := client.Call(ctx, s.api, s.ada, contract.ListTemplateTypes, contract.ListTemplateTypesInput{})
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(types.Body.Items, func(t domain.TemplateType) bool {
		return t.ExtensionType == extensionType
	})
	if at < 0 {
		return "", fmt.Errorf("the account has no template type %s", extensionType)
	}
	template := contract.CreateTemplateInput{}
	template.Body.Name, template.Body.Workspace, template.Body.TemplateType = name, sales, types.Body.Items[at].ID
	if _, err := client.Call(ctx, s.api, s.ada, contract.CreateTemplate, template); err != nil {
		return "", err
	}
	by := client.Bearer(s.orbit.tokens[e]).For(mel.email)
	helped, err := client.Call(ctx, s.api, by, contract.ContractCreateData,
		contract.ContractCreateDataInput{ExtensionTypes: []string{extensionType}})
	if err != nil {
		return "", err
	}
	if len(helped.Body.Items) == 0 {
		return "", fmt.Errorf("the helper knows no workspace for contracts of %s", extensionType)
	}
	choice := helped.Body.Items[0]
	in := contract.CreateContractInput{}
	in.Body.Name, in.Body.Workspace, in.Body.Template, in.Body.DataFields = name, choice.ID, choice.Templates[0].ID,
		values
	in.Body.Participants = []domain.GivenParticipant{{Name: "Kim Berg", Email: "kim@example.com"}}
	c, err := client.Call(ctx, s.api, by, contract.CreateContract, in)
	if err != nil {
		return "", err
	}
	if _, err := client.Call(ctx, s.api, by, contract.PublishContract,
		contract.MoveContractInput{Contract: c.Body.ID}); err != nil {
		return "", err
	}
	_, err = client.Call(ctx, s.api, s.ada, contract.SignContract, contract.MoveContractInput{Contract: c.Body.ID})
	return c.Body.ID, err
}

// hookOf is the webhook of an extension's template type. The endpoint learns its secret.
func (s *story) hookOf(ctx context.Context, e domain.ExtensionID, extensionType string) (domain.WebhookID, error) {
	i, err := client.Call(ctx, s.api, s.ada, contract.ReadInstallation, contract.InstallationInput{Extension: e})
	if err != nil {
		return "", err
	}
	for _, r := range i.Body.Resources {
		if r.Kind == domain.StepWebhook && r.ExtensionType == extensionType {
			return domain.WebhookID(r.ID), s.trust(ctx, domain.WebhookID(r.ID))
		}
	}
	return "", fmt.Errorf("the extension %s has no webhook for %s", e, extensionType)
}

// upgrade takes Orbit Desk to its second version: the exact change first, then consent, then the change.
func (s *story) upgrade(ctx context.Context) error {
	o := &s.orbit
	err := s.step("Listing a second version", func() (string, error) {
		version, err := s.list(ctx, o.partner, o.next)
		return fmt.Sprintf("Orbit Desk, version %d, is listed. What is enabled stays as it is.", version), err
	})
	if err != nil {
		return err
	}
	var preview contract.PreviewUpgradeOutput
	err = s.step("Ada looks at what it would change", func() (string, error) {
		var err error
		preview, err = client.Call(ctx, s.api, s.ada, contract.PreviewUpgrade,
			contract.PreviewUpgradeInput{Extension: o.desk.slug()})
		if err != nil {
			return "", err
		}
		return "Ada looks at what it would change, exactly and before anything does.",
			s.showPlan(preview.Body.UpgradePlan)
	})
	if err != nil {
		return err
	}
	return s.step("Ada agrees", func() (string, error) {
		in := contract.UpgradeExtensionInput{Extension: o.desk.slug(), IfMatch: preview.ETag}
		if _, err := client.Call(ctx, s.api, s.ada, contract.UpgradeExtension, in); !refused(err, "consent-required") {
			return "", errors.Join(errors.New("the upgrade was not refused without consent"), err)
		}
		s.detail("without consent: 409 consent-required")
		for _, r := range preview.Body.NeedsConsent {
			in.Body.Consent = append(in.Body.Consent, r.Code)
		}
		if _, err := client.Call(ctx, s.api, s.ada, contract.UpgradeExtension, in); err != nil {
			return "", err
		}
		state, err := s.settled(ctx, o.desk.slug())
		if err != nil || state != domain.Enabled {
			return "", errors.Join(err, fmt.Errorf("after the upgrade Orbit Desk is %s", state))
		}
		old, err := client.Call(ctx, s.api, s.ada, contract.ReadContract, contract.ContractInput{Contract: o.ticket})
		if err != nil {
			return "", err
		}
		if !slices.ContainsFunc(old.Body.Values, func(v domain.Value) bool {
			return v.CustomID == "fax" && v.Value != ""
		}) {
			return "", errors.New("the old contract has lost a value that the second version has no field for")
		}
		s.detail("the contract of before still has its fax number; new ones have no such field")
		return "Ada agrees, and the extension is upgraded while it works.", nil
	})
}

// showPlan tells an upgrade's plan, and fails when it is not what the two blueprints make of it.
func (s *story) showPlan(p domain.UpgradePlan) error {
	s.detail("version %d → %d", p.From, p.To)
	for _, t := range p.TemplateTypes {
		for _, f := range t.Fields {
			s.detail("%-11s  field %s of %s", f.Change, f.CustomID, t.ExtensionType)
		}
	}
	for _, w := range p.Webhooks {
		s.detail("%-11s  webhook %s of %s", w.Change, w.Key, w.ExtensionType)
	}
	for _, r := range p.NeedsConsent {
		s.detail("needs Ada's consent: %s", r.Detail)
	}
	if len(p.TemplateTypes) != 1 || len(p.TemplateTypes[0].Fields) != 3 || len(p.Webhooks) != 1 ||
		len(p.NeedsConsent) != 1 || len(p.Conflicts) != 0 {
		return fmt.Errorf("the plan changes %d template types and %d webhooks, needs %d consents and has %d "+
			"conflicts: not what version 2 is",
			len(p.TemplateTypes), len(p.Webhooks), len(p.NeedsConsent), len(p.Conflicts))
	}
	return nil
}
