package console

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The upgrade of an installation: what it changes, what it needs consent for, and the button that applies exactly that.

// upgradeCard is the previewed upgrade, on the installation's page and on a page of its own.
type upgradeCard struct {
	Extension contract.CatalogueExtension
	From, To  int
	Plan      string // the tag of the preview
	Groups    []diffGroup
	Unchanged string
	Consents  []tick // what the admin agrees to, by the codes of the operation
	Unticked  string // the error when not all are ticked
	Fields    []formField
	Obstacles []string // what is in the way; nothing can be upgraded before
	Key       string
	Seen      string // the lines that this page shows, for a later comparison
	Stale     bool   // the plan changed while the page was open
	Gone      []diffLine
	Wrong     []formField
	Refused   string

	asked []contract.NeededParameter
}

// diffGroup is the changes of one thing.
type diffGroup struct {
	Icon, Title string
	Lines       []diffLine
}

// upgradePage is the page of an upgrade.
type upgradePage struct {
	Extension contract.CatalogueExtension
	Pill      pill
	Card      *upgradeCard // nil when there is no newer version

	state   domain.InstallationState
	version int
}

// Ready tells whether the button is shown.
func (c upgradeCard) Ready() bool { return len(c.Obstacles) == 0 }

func (k *Console) upgrade(q *request) (answer, error) {
	page, err := readUpgradePage(q)
	return answer{template: "upgrade", title: "Upgrade " + page.Extension.Name, data: page}, err
}

func readUpgradePage(q *request) (upgradePage, error) {
	e, i, err := installationOf(q)
	if err != nil {
		return upgradePage{}, err
	}
	page := upgradePage{Extension: e, Pill: pillOf(i), state: i.State, version: i.Version}
	page.Card, err = readUpgrade(q, e, i)
	return page, err
}

// readUpgrade previews the upgrade to the listed version. It is nil when there is none, or the extension is not
// enabled.
func readUpgrade(q *request, e contract.CatalogueExtension, i contract.InstallationView) (*upgradeCard, error) {
	if i.State != domain.Enabled || e.Version <= i.Version {
		return nil, nil
	}
	out, err := call(q, contract.PreviewUpgrade, contract.PreviewUpgradeInput{Extension: i.Extension})
	if err != nil || out.Body.To == i.Version {
		return nil, err
	}
	p := out.Body
	card := &upgradeCard{
		Extension: e, From: p.From, To: p.To, Plan: out.ETag, Groups: upgradeGroups(e, i, p),
		Unchanged: unchangedWords(p),
		Consents:  consentTicks(p), Obstacles: obstacles(p), Key: rand.Text(), asked: askedOf(p),
	}
	card.Fields = parameterFields(card.asked, nil, nil)
	card.Seen = seenLines(card.Groups)
	return card, nil
}

// askedOf are the parameters that the upgrade needs: its own and those of what it enables.
func askedOf(p contract.UpgradePreview) []contract.NeededParameter {
	var asked []contract.NeededParameter
	for _, own := range p.Parameters {
		asked = append(asked, contract.NeededParameter{Extension: p.Extension, Parameter: own})
	}
	return append(asked, p.Asked...)
}

// applyUpgrade applies the plan that the page showed, or shows what changed since.
func (k *Console) applyUpgrade(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	sent := q.PostForm
	page, err := readUpgradePage(q)
	if err != nil {
		return answer{}, err
	}
	wanted, _ := strconv.Atoi(sent.Get("version"))
	installation := "installations/" + string(page.Extension.Extension)
	switch {
	case page.Card == nil && (page.state == domain.Upgrading || page.version == wanted): // an earlier click did it
		return goTo(installation), nil
	case page.Card == nil:
		return goTo(installation + "/upgrade"), nil
	}
	in := contract.UpgradeExtensionInput{Extension: page.Extension.Extension, IfMatch: sent.Get("plan")}
	in.Body.Version, in.Body.Consent = wanted, append(slices.Clone(sent["consent"]), parameterAdded)
	in.Body.Parameters = parameterValues(page.Card.asked, sent)
	out, err := callOnce(q, contract.UpgradeExtension, in, sent.Get("key"))
	p, refused := problem(err)
	if err == nil {
		return k.upgraded(q, page.Extension, out), nil
	}
	if !refused || p.Status < http.StatusConflict || p.Status >= http.StatusTooManyRequests {
		return answer{}, err
	}
	card := page.Card
	card.Fields = parameterFields(card.asked, nil, sent)
	for n, t := range card.Consents {
		card.Consents[n].On = slices.Contains(sent["consent"], t.Value)
	}
	switch {
	case p.Status == http.StatusPreconditionFailed:
		card.markStale(sent)
	case p.Code == "consent-required":
		card.Unticked = "Tick what you agree to. Nothing was upgraded."
	case p.Status == http.StatusUnprocessableEntity:
		card.Fields = mark(card.Fields, p)
		card.Wrong = wrongFields(card.Fields)
	default:
		card.Refused = p.Detail
	}
	return answer{template: "upgrade", title: "Nothing was upgraded · " + page.Extension.Name, data: page,
		status: p.Status}, nil
}

// upgraded leads to the installation, or shows the tokens of what was enabled with the upgrade, once.
func (k *Console) upgraded(q *request, e contract.CatalogueExtension, out contract.UpgradeExtensionOutput) answer {
	page := enabledPage{Extension: e, Steps: k.stepsOf(out.Body.Installation), Key: rand.Text()}
	for _, c := range out.Body.Created {
		if c.Token != "" {
			page.Tokens = append(page.Tokens, shownToken{c.Extension, string(c.Extension), string(c.Token),
				string(c.CallbackSecret)})
		}
	}
	if len(page.Tokens) == 0 {
		return goTo("installations/" + string(e.Extension))
	}
	return answer{template: "enabled", title: e.Name, data: page}
}

func wrongFields(fields []formField) []formField {
	return slices.DeleteFunc(slices.Clone(fields), func(f formField) bool { return f.Error == "" })
}

// markStale compares the lines with those that the page had shown.
func (c *upgradeCard) markStale(sent url.Values) {
	c.Stale = true
	var seen []diffLine
	_ = json.Unmarshal([]byte(sent.Get("seen")), &seen) // a form without it is compared with nothing
	var now []diffLine
	for g := range c.Groups {
		for n, line := range c.Groups[g].Lines {
			c.Groups[g].Lines[n].New = !slices.Contains(seen, line)
			now = append(now, line)
		}
	}
	for _, line := range seen {
		if !slices.Contains(now, line) {
			c.Gone = append(c.Gone, line)
		}
	}
}

func seenLines(groups []diffGroup) string {
	lines := []diffLine{}
	for _, g := range groups {
		lines = append(lines, g.Lines...)
	}
	raw, _ := json.Marshal(lines) // texts alone
	return string(raw)
}

// consentTicks is a checkbox for each code, with all its reasons.
func consentTicks(p contract.UpgradePreview) []tick {
	var ticks []tick
	for _, r := range p.NeedsConsent {
		if r.Code == parameterAdded {
			continue
		}
		at := slices.IndexFunc(ticks, func(t tick) bool { return t.Value == r.Code })
		switch {
		case at < 0 && r.Code == "scope-added":
			ticks = append(ticks, tick{Value: r.Code,
				Label: "Its token may also: " + and(scopesInWords(p.ScopesAdded)) + "."})
		case at < 0:
			ticks = append(ticks, tick{Value: r.Code, Label: consentText(r)})
		case r.Code != "scope-added":
			ticks[at].Label += " " + consentText(r)
		}
	}
	return ticks
}

// consentText is a reason in words, with hosts as people write them.
func consentText(r domain.ConsentReason) string {
	return sentence(strings.NewReplacer("https://", "", ":443", "").Replace(r.Detail))
}

// parameterAdded is the reason whose consent is the value that the admin enters.
const parameterAdded = "required-parameter-added"

// obstacles are what is in the upgrade's way, each with what to do.
func obstacles(p contract.UpgradePreview) []string {
	var all []string
	for _, c := range p.Conflicts {
		all = append(all, sentence(c.Detail))
	}
	for _, d := range p.Dependencies {
		if d.Problem == domain.DependencyTooOld {
			all = append(all, fmt.Sprintf("%s must have version %d or newer. Upgrade it first.", d.Extension,
				d.MinVersion))
		}
	}
	if p.Unobtainable != "" && len(all) == 0 {
		all = append(all, sentence(p.Unobtainable))
	}
	return all
}

// unchangedWords names what the upgrade leaves alone, of what people ask about first.
func unchangedWords(p contract.UpgradePreview) string {
	var same []string
	if len(p.ScopesAdded)+len(p.ScopesRemoved) == 0 {
		same = append(same, "what its token may do")
	}
	if len(p.Webhooks) == 0 {
		same = append(same, "where data goes")
	}
	if len(p.Dependencies) == 0 {
		same = append(same, "what it needs")
	}
	return "Unchanged: " + and(append(same, "your own fields and settings")) + "."
}
