package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

//go:embed *.json
var files embed.FS

// offer is what a partner sends in for one extension: the bodies of create-extension and submit-blueprint, which
// the JSON files beside this are examples of.
type offer struct {
	file      string
	extension contract.CreateExtensionInput
	blueprint domain.BlueprintSpec
}

func (o *offer) slug() domain.ExtensionID { return o.extension.Body.Slug }

func readOffer(file string) (offer, error) {
	o := offer{file: file}
	text, err := files.ReadFile(file)
	if err != nil {
		return o, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&struct {
		Extension any `json:"extension"`
		Blueprint any `json:"blueprint"`
	}{&o.extension.Body, &o.blueprint})
	if err != nil {
		return o, fmt.Errorf("read %s: %w", file, err)
	}
	return o, nil
}

// sendTo puts the partner's endpoint on this machine in the place of its example's.
func (o *offer) sendTo(endpoint string) {
	for i := range o.blueprint.Webhooks {
		w := &o.blueprint.Webhooks[i]
		w.URL = endpoint
		if w.Auth.Scheme == domain.AuthOAuth2 {
			w.Auth.TokenURL = endpoint + receiver.TokenPath
		}
	}
	if o.blueprint.Setup != nil {
		o.blueprint.Setup.URL = endpoint + receiver.SetupPath
	}
}

// offer has the partner's two extensions listed. An earlier demo's are the same partner's: a new version of each
// is listed then, with the address that the endpoint has now.
func (s *story) offer(ctx context.Context) error {
	var partner client.Caller
	err := s.step("Making Acme a partner", func() (string, error) {
		var err error
		partner, err = s.partner(ctx, s.core.slug(), "Acme", acmeDev)
		return "Acme is a partner, with a key of its own.", err
	})
	if err != nil {
		return err
	}
	s.crm.sendTo(s.endpoint.URL)
	for _, o := range []offer{s.core, s.crm} {
		err := s.step("Listing "+o.extension.Body.Name, func() (string, error) {
			version, err := s.list(ctx, partner, o)
			s.detail("localstack/demo/%s: %s", o.file, inWords(o.blueprint))
			return fmt.Sprintf("Acme submits %s, version %d, and the platform approves and lists it.",
				o.extension.Body.Name, version), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inWords counts what a blueprint names.
func inWords(b domain.BlueprintSpec) string {
	fields, webhooks := 0, 0
	for _, t := range b.TemplateTypes {
		fields += len(t.Fields)
		if !t.NoWebhooks {
			webhooks += len(b.Webhooks)
		}
	}
	return fmt.Sprintf("dependencies %d, parameters %d, template types %d, system fields %d, webhooks %d",
		len(b.Dependencies), len(b.Parameters.Properties), len(b.TemplateTypes), fields, webhooks)
}

// partner is new, or the one whose extension is there already. Its key was shown once then, and so is replaced by a
// new one.
func (s *story) partner(ctx context.Context, known domain.ExtensionID, name string,
	development domain.AccountID) (client.Caller, error) {
	offered, err := client.Call(ctx, s.api, s.api.Platform(), contract.ReadExtension,
		contract.ReadExtensionInput{Extension: known})
	switch {
	case refused(err, "not-found"):
		in := contract.CreatePartnerInput{}
		in.Body.Name, in.Body.Contact, in.Body.DevelopmentAccount = name, "help@partner.example", development
		made, err := client.Call(ctx, s.api, s.api.Platform(), contract.CreatePartner, in)
		return client.Bearer(string(made.Body.Key)), err
	case err != nil:
		return client.Caller{}, err
	}
	rotated, err := client.Call(ctx, s.api, s.api.Platform(), contract.RotatePartnerKey,
		contract.RotatePartnerKeyInput{Partner: offered.Body.Partner})
	return client.Bearer(string(rotated.Body.Key)), err
}

// list takes an extension all the way into the catalogue.
func (s *story) list(ctx context.Context, partner client.Caller, o offer) (version int, err error) {
	if _, err := client.Call(ctx, s.api, partner, contract.CreateExtension, o.extension); err != nil &&
		!refused(err, "slug-taken") {
		return 0, err
	}
	submit := contract.SubmitBlueprintInput{Extension: o.slug()}
	submit.Body.Blueprint = &o.blueprint
	frozen, err := client.Call(ctx, s.api, partner, contract.SubmitBlueprint, submit)
	if err != nil {
		return 0, err
	}
	review := contract.ReviewVersionInput{VersionInput: contract.VersionInput{Extension: o.slug(),
		Version: frozen.Body.Version}}
	review.Body.Decision = contract.Approve
	if _, err := client.Call(ctx, s.api, s.api.Platform(), contract.ReviewVersion, review); err != nil {
		return 0, err
	}
	listing := contract.ListExtensionInput{Extension: o.slug()}
	listing.Body.Version = frozen.Body.Version
	_, err = client.Call(ctx, s.api, s.api.Platform(), contract.ListExtension, listing)
	return frozen.Body.Version, err
}
