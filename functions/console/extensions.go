package console

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Extensions: what needs someone, what is in use, what can be enabled.

// extensionsPage is what the template shows.
type extensionsPage struct {
	Search    string
	Family    string
	Total     int // before search and family
	Families  []familyCount
	NeedsYou  []card
	InUse     []card
	Available []card
}

type familyCount struct {
	Family, Label string
	Count         int
	Open          bool
}

// card is an extension on the page.
type card struct {
	ID                       domain.ExtensionID
	Name, Maker, Description string
	Logo                     string // below the API's root; empty without one
	Version                  int
	Pill                     pill
	Fact                     fact
	Page, Label              string // where its button leads
}

type fact struct{ Icon, Text string }

// cataloguePages is how many pages of 100 are read at most: more extensions than a page can show.
const cataloguePages = 5

func (k *Console) extensions(q *request) (answer, error) {
	offered, err := catalogueOf(q)
	if err != nil {
		return answer{}, err
	}
	installed, err := installationsOf(q)
	if err != nil {
		return answer{}, err
	}
	page := extensionsPage{Search: strings.TrimSpace(q.FormValue("q")), Family: q.FormValue("family"),
		Total: len(offered)}
	page.Families = families(offered, page.Family)
	names := map[domain.ExtensionID]string{}
	for _, item := range offered {
		names[item.Extension] = item.Name
	}
	for _, item := range offered {
		if page.Family != "" && item.CapabilityFamily != page.Family || !matches(item, page.Search) {
			continue
		}
		i, known := installed[item.Extension]
		switch {
		case known && needsSomeone(i):
			page.NeedsYou = append(page.NeedsYou, installedCard(item, i, names))
		case known && i.State != domain.Disabled:
			page.InUse = append(page.InUse, installedCard(item, i, names))
		default:
			page.Available = append(page.Available, availableCard(item, names))
		}
	}
	for _, i := range unlisted(offered, installed) {
		c := installedCard(contract.CatalogueItem{Listing: domain.Listing{Extension: i.Extension,
			Name: string(i.Extension)}}, i, names)
		c.Description = "It is no longer in the catalogue. It keeps working in this account."
		if needsSomeone(i) {
			page.NeedsYou = append(page.NeedsYou, c)
		} else {
			page.InUse = append(page.InUse, c)
		}
	}
	return answer{template: "extensions", title: "Extensions", data: page}, nil
}

// unlisted are the installations of extensions that the catalogue has no more.
func unlisted(offered []contract.CatalogueItem,
	installed map[domain.ExtensionID]contract.InstallationView) []contract.InstallationView {
	var all []contract.InstallationView
	for _, id := range slices.Sorted(maps.Keys(installed)) {
		listed := slices.ContainsFunc(offered, func(item contract.CatalogueItem) bool { return item.Extension == id })
		if !listed && installed[id].State != domain.Disabled {
			all = append(all, installed[id])
		}
	}
	return all
}

func catalogueOf(q *request) ([]contract.CatalogueItem, error) {
	var all []contract.CatalogueItem
	in := contract.ListCatalogueInput{PageInput: contract.PageInput{Limit: 100}}
	for range cataloguePages {
		out, err := call(q, contract.ListCatalogue, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Body.Items...)
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b contract.CatalogueItem) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all, nil
}

func installationsOf(q *request) (map[domain.ExtensionID]contract.InstallationView, error) {
	out, err := call(q, contract.ListInstallations,
		contract.ListInstallationsInput{PageInput: contract.PageInput{Limit: 100}})
	all := map[domain.ExtensionID]contract.InstallationView{}
	for _, i := range out.Body.Items {
		all[i.Extension] = i
	}
	return all, err
}

func families(offered []contract.CatalogueItem, open string) []familyCount {
	counts := map[string]int{}
	for _, item := range offered {
		counts[item.CapabilityFamily]++
	}
	all := []familyCount{{Family: "", Label: "All", Count: len(offered), Open: open == ""}}
	for _, family := range sortedKeys(counts) {
		if family != "" {
			label := strings.ToUpper(family[:1]) + family[1:]
			if len(family) <= 3 { // CRM, ERP
				label = strings.ToUpper(family)
			}
			all = append(all, familyCount{family, label, counts[family], family == open})
		}
	}
	return all
}

func matches(item contract.CatalogueItem, search string) bool {
	text := strings.ToLower(strings.Join([]string{item.Name, item.Maker, item.Description, string(item.Extension)},
		" "))
	return strings.Contains(text, strings.ToLower(search))
}

// needsSomeone tells whether a person has to act for the installation to work.
func needsSomeone(i contract.InstallationView) bool {
	tone := pillOf(i).Tone
	return tone == "bad" || tone == "ask"
}

func installedCard(item contract.CatalogueItem, i contract.InstallationView, names map[domain.ExtensionID]string) card {
	c := cardOf(item)
	c.Version, c.Pill, c.Page, c.Label = i.Version, pillOf(i), "installations/"+string(item.Extension), "Open"
	switch {
	case i.Failure != nil:
		c.Fact = fact{"warn", "Stopped at " + i.Failure.Step + ": " + i.Failure.Reason}
	case i.Drift != nil:
		c.Fact = fact{"warn", fmt.Sprintf("%s from what it declares. Repair brings it back.",
			counted(i.Drift.Total, "difference", "differences"))}
	case i.State == domain.Enabling || i.State == domain.Upgrading || i.State == domain.Disabling:
		c.Fact = fact{"clock", progress(i.Steps)}
	case i.State == domain.Suspended:
		c.Fact = fact{"person", "Suspended by " + suspenders(i.SuspendedBy) + ". Nothing is sent."}
	case item.Version > i.Version:
		c.Fact = fact{"up", fmt.Sprintf("Version %d is ready.", item.Version)}
	case i.EnabledBy != "":
		c.Fact = fact{"link", "Came with " + cmp.Or(names[i.EnabledBy], string(i.EnabledBy))}
	default:
		c.Fact = sendsTo(item.SendsTo)
	}
	return c
}

func availableCard(item contract.CatalogueItem, names map[domain.ExtensionID]string) card {
	c := cardOf(item)
	c.Page, c.Label = "extensions/"+string(item.Extension), "Review and enable"
	switch {
	case item.Unobtainable != "":
		c.Fact = fact{"warn", item.Unobtainable}
	case len(item.AlsoEnables) > 0:
		also := []string{}
		for _, id := range item.AlsoEnables {
			also = append(also, cmp.Or(names[id], string(id)))
		}
		c.Fact = fact{"link", "Also enables " + and(also)}
	default:
		c.Fact = sendsTo(item.SendsTo)
	}
	if item.Trial {
		c.Pill = pill{"busy", "clock", "On trial here"}
	}
	return c
}

func cardOf(item contract.CatalogueItem) card {
	return card{
		ID: item.Extension, Name: item.Name, Maker: item.Maker, Description: item.Description, Logo: item.LogoURL,
		Version: item.Version,
	}
}

func sendsTo(hosts []string) fact {
	if len(hosts) == 0 {
		return fact{"minus", "Sends nothing"}
	}
	return fact{"arrow", "Sends to " + and(hosts)}
}

func progress(steps []domain.Step) string {
	done := 0
	for _, s := range steps {
		if !s.DoneAt.IsZero() {
			done++
		}
	}
	if len(steps) == 0 || done == len(steps) {
		return "Almost there."
	}
	return fmt.Sprintf("Step %d of %d.", done+1, len(steps))
}

func suspenders(by []domain.Suspender) string {
	names := []string{}
	for _, s := range by {
		names = append(names, map[domain.Suspender]string{domain.SuspendedByAdmin: "an admin",
			domain.SuspendedByPlatform: "the platform"}[s])
	}
	return and(names)
}
