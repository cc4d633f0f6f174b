package enablement

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
)

// CatalogueExtension tells everything that enabling the extension would create. NotFound when it is neither listed nor
// on trial in the account.
func (s *Service) CatalogueExtension(ctx context.Context,
	in *contract.ReadCatalogueExtensionInput) (*contract.ReadCatalogueExtensionOutput, error) {
	if err := notForExtensions(ctx); err != nil {
		return nil, err
	}
	account := auth.From(ctx).Account
	available := obtainable.New(s.store)
	b, err := available.Offered(ctx, account, in.Extension)
	if u, ok := obtainable.Refusal(err); ok {
		return nil, fault.New(fault.NotFound, "not-found", "%s", u.Detail)
	}
	if err != nil {
		return nil, err
	}
	e, err := s.store.Extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	maker, err := s.store.Partner(ctx, e.Partner)
	if err != nil {
		return nil, fault.Wrap(err, "the partner of %s", e.ID)
	}
	installed, err := s.store.Installations(ctx, account)
	if err != nil {
		return nil, err
	}
	item, err := catalogueItem(ctx, available, domain.ListingOf(e, b, maker.Name), installed)
	if err != nil {
		return nil, err
	}
	if item.Trial = e.ListedVersion == 0; !item.Trial {
		item.LogoURL = contract.LogoURL(e.ID, e.Logo)
	}
	out := &contract.ReadCatalogueExtensionOutput{Body: contract.CatalogueExtension{
		CatalogueItem: item, Contact: e.Contact, Links: e.Links, Creates: creation(b),
		Brings: []contract.BroughtAlong{},
	}}
	blueprints := append(available.Read(), b)
	for _, id := range item.AlsoEnables {
		brought, err := s.broughtAlong(ctx, available, id, blueprints)
		if err != nil {
			return nil, err
		}
		out.Body.Brings = append(out.Body.Brings, brought)
	}
	return out, nil
}

// broughtAlong describes a dependency. blueprints are those among which some need it.
func (s *Service) broughtAlong(ctx context.Context, available obtainable.Blueprints, id domain.ExtensionID,
	blueprints []domain.Blueprint) (contract.BroughtAlong, error) {
	b, err := available.Listed(ctx, id)
	if err != nil {
		return contract.BroughtAlong{}, err
	}
	e, err := s.store.Extension(ctx, id)
	brought := contract.BroughtAlong{
		Extension: id, Version: b.Version, Name: e.Name, Description: e.Description,
		LogoURL: contract.LogoURL(id, e.Logo), Creates: creation(b),
		NeededBy: []domain.ExtensionID{},
	}
	for _, other := range blueprints {
		needs := slices.ContainsFunc(other.Dependencies, func(d domain.Dependency) bool { return d.Extension == id })
		if needs && !slices.Contains(brought.NeededBy, other.Extension) {
			brought.NeededBy = append(brought.NeededBy, other.Extension)
		}
	}
	slices.Sort(brought.NeededBy)
	return brought, err
}

// creation is what the blueprint makes. Values of auth and headers stay out: a partner may have written a secret there.
func creation(b domain.Blueprint) contract.Creation {
	c := contract.Creation{Scopes: b.Scopes, HandsOff: b.Setup != nil, TemplateTypes: b.TemplateTypes,
		Webhooks: []contract.PromisedWebhook{}}
	if b.Lifecycle != nil {
		c.LifecycleHost = hostOf(b.Lifecycle.URL)
	}
	var each []string
	for _, t := range b.TemplateTypes {
		if !t.NoWebhooks {
			each = append(each, b.Extension.TypeOf(t.Key))
		}
	}
	for _, w := range b.Webhooks {
		c.Webhooks = append(c.Webhooks, contract.PromisedWebhook{
			Key: w.Key, Host: hostOf(w.URL), EventTypes: w.EventTypes, Each: each, Scheme: w.Auth.Scheme,
			TokenHost:  hostOf(w.Auth.TokenURL),
			Parameters: parametersIn(b, w),
		})
	}
	return c
}

// parametersIn are the keys of the parameters that the webhook sends along.
func parametersIn(b domain.Blueprint, w domain.WebhookBlueprint) []string {
	var texts []string
	for _, values := range []map[string]string{w.Headers, w.Query, w.Context} {
		for _, text := range values {
			texts = append(texts, text)
		}
	}
	all := strings.Join(append(texts, w.Auth.Templates()...), "\n")
	keys := []string{}
	for _, p := range b.Parameters.All() {
		if strings.Contains(all, "{{"+p.Key+"}}") {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
