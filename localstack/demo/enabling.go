package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/secret"
)

// enable is the click, and what follows it.
func (s *story) enable(ctx context.Context) error {
	if err := s.step("Ada opens the extension page", func() (string, error) {
		return "Ada opens the extension page.", s.showCatalogue(ctx)
	}); err != nil {
		return err
	}
	s.apiKey = "key-" + rand.Text()
	in := contract.EnableExtensionInput{Extension: s.crm.slug()}
	in.Body.Parameters = map[domain.ExtensionID]map[string]domain.ParameterValue{
		s.crm.slug(): {"customer_id": customerID, "api_key": s.apiKey}}
	clicked := time.Now()
	err := s.step("Ada enables Acme CRM", func() (string, error) {
		out, err := client.Call(ctx, s.api, s.ada, contract.EnableExtension, in)
		if err != nil {
			return "", err
		}
		for _, i := range out.Body.Created {
			if i.Extension == s.crm.slug() {
				s.token = string(i.Token)
			}
			s.detail("%s: token %s•••, shown to Ada this once%s", i.Extension, secret.TokenPrefix, enabledBy(i))
		}
		if len(out.Body.Created) != 2 || !strings.HasPrefix(s.token, secret.TokenPrefix) {
			return "", fmt.Errorf("enabling answered %d new installations, not acme-core and acme-crm with a "+
				"token each", len(out.Body.Created))
		}
		return "Ada enables Acme CRM with one action, and the answer is there at once.", nil
	})
	if err != nil {
		return err
	}
	err = s.step("Provisioning makes what the blueprint names", func() (string, error) {
		err := s.showSteps(ctx, clicked)
		s.detail("%-51s after %s", "click → enabled", seconds(time.Since(clicked)))
		return "Acme CRM is enabled: all that it needs exists.", err
	})
	if err != nil {
		return err
	}
	return s.step("Ada clicks once more", func() (string, error) {
		again, err := client.Call(ctx, s.api, s.ada, contract.EnableExtension, in)
		if err == nil && len(again.Body.Created) != 0 {
			err = fmt.Errorf("a second click made %d more installations", len(again.Body.Created))
		}
		return "A second click changes nothing: the same installation, no second token.", err
	})
}

func enabledBy(i contract.NewInstallation) string {
	if i.EnabledBy == "" {
		return ""
	}
	return " (enabled because " + string(i.EnabledBy) + " needs it)"
}

func (s *story) showCatalogue(ctx context.Context) error {
	in := contract.ListCatalogueInput{}
	in.Limit = 100
	page, err := client.Call(ctx, s.api, s.ada, contract.ListCatalogue, in)
	if err != nil {
		return err
	}
	shown := 0
	for _, item := range page.Body.Items {
		if item.Extension != s.core.slug() && item.Extension != s.crm.slug() {
			continue // an emulator may be shared with the tests
		}
		shown++
		state := "not enabled"
		if item.State != "" {
			state = string(item.State)
		}
		s.detail("%s (%s), %s. %s", item.Name, item.Extension, state, item.Description)
		for _, id := range item.AlsoEnables {
			s.detail("    also enables: %s", id)
		}
		for _, p := range item.Parameters {
			asks := p.Name()
			if p.Schema.WriteOnly {
				asks += ", kept secret"
			}
			s.detail("    asks for: %s", asks)
		}
	}
	if shown != 2 {
		return fmt.Errorf("the catalogue shows %d of the two extensions", shown)
	}
	return nil
}

// showSteps tells each provisioning step when it is done.
func (s *story) showSteps(ctx context.Context, clicked time.Time) error {
	told := 0
	return client.Until(ctx, patience, "acme-crm became enabled", func(ctx context.Context) (bool, error) {
		i, err := client.Call(ctx, s.api, s.ada, contract.ReadInstallation,
			contract.InstallationInput{Extension: s.crm.slug()})
		if err != nil {
			return false, err
		}
		for ; told < len(i.Body.Steps) && !i.Body.Steps[told].DoneAt.IsZero(); told++ {
			step := i.Body.Steps[told]
			s.detail("%-51s after %s", stepInWords(s.crm.slug(), step), seconds(max(0, step.DoneAt.Sub(clicked))))
		}
		s.managed = i.Body.Resources
		if i.Body.State == domain.Failed {
			return false, fmt.Errorf("provisioning failed at %s: %s", i.Body.Failure.Step, i.Body.Failure.Reason)
		}
		return i.Body.State == domain.Enabled, nil
	})
}

func stepInWords(e domain.ExtensionID, step domain.Step) string {
	if step.Kind == domain.StepWebhook {
		return fmt.Sprintf("made the webhook %q of %s", step.WebhookKey, e.TypeOf(step.TypeKey))
	}
	return "made the template type " + e.TypeOf(step.TypeKey)
}

// protect shows the managed resources, and that nobody takes one away.
func (s *story) protect(ctx context.Context) error {
	hooks, err := s.managedHooks()
	if err != nil {
		return err
	}
	err = s.step("Ada tries to delete a webhook of the extension's", func() (string, error) {
		for _, r := range s.managed {
			s.detail("%-13s  %-33s  %s", r.Kind, r.Name, r.ID)
		}
		_, err := client.Call(ctx, s.api, s.ada, contract.DeleteWebhook, contract.WebhookInput{Webhook: s.orders})
		var r *client.Refusal
		if !refused(err, "managed-resource") || !errors.As(err, &r) {
			return "", errors.Join(errors.New("deleting a managed webhook was not refused"), err)
		}
		s.detail("%d %s: %s", r.Problem.Status, r.Problem.Code, r.Problem.Detail)
		return "The extension manages four things. Ada tries to delete one, a webhook, and is refused.", nil
	})
	if err != nil {
		return err
	}
	return s.step("The partner's endpoint learns the signing secrets", func() (string, error) {
		for _, w := range hooks {
			if err := s.trust(ctx, w); err != nil {
				return "", err
			}
		}
		return "The partner's endpoint knows the two signing secrets, each its own.", nil
	})
}

// managedHooks are the extension's webhooks. It notes which is of the template type that the contracts will be of.
func (s *story) managedHooks() ([]domain.WebhookID, error) {
	var hooks []domain.WebhookID
	for _, r := range s.managed {
		if r.Kind != domain.StepWebhook {
			continue
		}
		hooks = append(hooks, domain.WebhookID(r.ID))
		if r.ExtensionType == s.crm.slug().TypeOf("") {
			s.orders = domain.WebhookID(r.ID)
		}
	}
	if len(s.managed) != 4 || len(hooks) != 2 || s.orders == "" {
		return nil, fmt.Errorf("acme-crm manages %d things, %d of them webhooks, not two template types with a "+
			"webhook each", len(s.managed), len(hooks))
	}
	return hooks, nil
}

// trust makes the webhook a secret and tells it: the one that it was made with was shown to nobody.
func (s *story) trust(ctx context.Context, w domain.WebhookID) error {
	shown, err := client.Call(ctx, s.api, s.ada, contract.RotateWebhookSecret,
		contract.RotateWebhookSecretInput{Webhook: w})
	if err != nil {
		return err
	}
	return s.endpoint.Trust(ctx, w, string(shown.Body.SigningSecret))
}
