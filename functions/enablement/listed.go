package enablement

import (
	"context"
	"slices"
	"strings"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
)

// Catalogue lists the extensions that the account can enable, listed or on trial, each with its dependencies and
// parameters. Its cost depends on the page alone, not on the number of other offers. A trial that is listed by now,
// or has nothing to try, leaves its place empty.
func (s *Service) Catalogue(ctx context.Context,
	in *contract.ListCatalogueInput) (*contract.ListCatalogueOutput, error) {
	if err := notForExtensions(ctx); err != nil {
		return nil, err
	}
	account, after := auth.From(ctx).Account, domain.ExtensionID(in.Cursor)
	listings, err := s.store.Listings(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	trials, err := s.store.Trials(ctx, account)
	if err != nil {
		return nil, err
	}
	installed, err := s.store.Installations(ctx, account)
	if err != nil {
		return nil, err
	}
	out := &contract.ListCatalogueOutput{Body: contract.Page[contract.CatalogueItem]{Items: []contract.CatalogueItem{}}}
	places := catalogued(listings, trials, after)
	if len(places) > in.Limit {
		places = places[:in.Limit]
		out.Body.NextCursor = string(places[in.Limit-1].Extension)
	}
	listed := obtainable.New(s.store)
	for _, l := range places {
		item, ok, err := s.catalogueEntry(ctx, listed, l, installed)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Body.Items = append(out.Body.Items, item)
		}
	}
	return out, nil
}

// catalogued is the listings, and a listing without a version for each trial that comes after the place, in their
// order.
func catalogued(listings []domain.Listing, trials []domain.Trial, after domain.ExtensionID) []domain.Listing {
	all := slices.Clone(listings)
	for _, t := range trials {
		known := slices.ContainsFunc(listings, func(l domain.Listing) bool { return l.Extension == t.Extension })
		if !known && t.Extension > after {
			all = append(all, domain.Listing{Extension: t.Extension})
		}
	}
	slices.SortFunc(all, func(a, b domain.Listing) int {
		return strings.Compare(string(a.Extension), string(b.Extension))
	})
	return all
}

// catalogueEntry is the line of a listing, or of a trial; ok is false for a trial that is listed on another page, or
// has no version to try.
func (s *Service) catalogueEntry(ctx context.Context, listed obtainable.Blueprints, l domain.Listing,
	installed map[domain.ExtensionID]domain.Installation) (item contract.CatalogueItem, ok bool, err error) {
	if l.Version > 0 {
		item, err = catalogueItem(ctx, listed, l, installed)
		item.LogoURL = contract.LogoURL(l.Extension, l.Logo)
		return item, true, err
	}
	e, err := s.store.Extension(ctx, l.Extension)
	if err != nil || e.ListedVersion > 0 {
		return item, false, fault.Wrap(err, "the extension %s, on trial", l.Extension)
	}
	available := obtainable.New(s.store) // of its own: what is on trial is no other extension's dependency
	b, err := available.OnTrial(ctx, e.ID)
	if _, none := obtainable.Refusal(err); none {
		return item, false, nil
	}
	if err != nil {
		return item, false, err
	}
	maker, err := s.store.Partner(ctx, e.Partner)
	if err != nil {
		return item, false, fault.Wrap(err, "the partner of %s", e.ID)
	}
	item, err = catalogueItem(ctx, available, domain.ListingOf(e, b, maker.Name), installed)
	item.Trial = true
	return item, true, err
}

// catalogueItem is what enabling the extension would bring along and ask for.
func catalogueItem(ctx context.Context, available obtainable.Blueprints, l domain.Listing,
	installed map[domain.ExtensionID]domain.Installation) (contract.CatalogueItem, error) {
	item := contract.CatalogueItem{Listing: l, State: installed[l.Extension].State, SendsTo: []string{},
		AlsoEnables: []domain.ExtensionID{}, Parameters: []contract.NeededParameter{}}
	blueprints, err := available.Closure(ctx, domain.Dependency{Extension: l.Extension})
	if u, ok := obtainable.Refusal(err); ok {
		item.Unobtainable = u.Detail
		return item, nil
	}
	if err != nil {
		return item, err
	}
	if asked := blueprints[len(blueprints)-1]; asked.Setup != nil {
		item.SetupURL = asked.Setup.URL
	}
	for _, b := range blueprints {
		present := installed[b.Extension].Present()
		if b.Extension == l.Extension || !present {
			item.SendsTo = append(item.SendsTo, b.Hosts()...)
		}
		if present {
			continue
		}
		if b.Extension != l.Extension {
			item.AlsoEnables = append(item.AlsoEnables, b.Extension)
		}
		for _, p := range b.Parameters.All() {
			item.Parameters = append(item.Parameters, contract.NeededParameter{Extension: b.Extension, Parameter: p})
		}
	}
	slices.Sort(item.SendsTo)
	item.SendsTo = slices.Compact(item.SendsTo)
	return item, nil
}

// notForExtensions keeps an extension from learning which others an account has.
func notForExtensions(ctx context.Context) error {
	if auth.From(ctx).Extension() == "" {
		return nil
	}
	return fault.New(fault.Forbidden, "extension-token",
		"An extension does not read the catalogue. Use an account's own credential.")
}
