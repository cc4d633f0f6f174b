package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page of an installation: its state in words, what to do next, what it manages.

type installationPage struct {
	Extension    contract.CatalogueExtension
	Installation contract.InstallationView
	Pill         pill
	Says         string
	Steps        stepsPart
	Resources    []resourceRow
	Parameters   []keyValue
	Edit         bool // an admin may change the parameters
	Actions      []action
	Findings     []diffLine
	Compare      bool // the comparison with the blueprint can be asked for
	Upgrade      *upgradeCard
	Health       *installationHealth
}

// stepsPart is a list of steps that polls while something is under way.
type stepsPart struct {
	Poll  string // where the list is asked for again; empty when nothing is under way
	State domain.InstallationState
	Pill  pill
	Done  string // "2 of 3"
	Steps []stepLine
}

type stepLine struct{ Tone, Icon, Said, Text, More, Took string }

type resourceRow struct {
	Icon, Name, Second, Identifier string
	Page                           string // of the resource; empty without one
	Pill                           pill   // of a webhook: how it fares
	Action                         action
}

// diffLine is a change in words. Before stands struck out before the text; New marks what a page did not show earlier.
type diffLine struct {
	Tone, Icon, Word, Before, Text, ID string
	New                                bool
}

// action leads to a page that asks before a change.
type action struct{ Class, Label, Page string }

func (k *Console) installation(q *request) (answer, error) {
	e, i, err := installationOf(q)
	if err != nil {
		return answer{}, err
	}
	page := installationPage{
		Extension: e, Installation: i, Pill: pillOf(i), Says: says(e.Name, i), Steps: k.stepsOf(i),
		Resources: resourceRows(e.Name, i, q), Actions: actions(i, q), Compare: checkable(i),
		Edit: q.Admin() && i.State != domain.Disabled && i.State != domain.Disabling,
	}
	if i.Drift != nil {
		page.Findings = findingLines(i.Drift.Findings)
	}
	for _, key := range sortedKeys(i.Parameters) {
		page.Parameters = append(page.Parameters, keyValue{key, domain.ParameterText(i.Parameters[key])})
	}
	if page.Upgrade, err = readUpgrade(q, e, i); err != nil {
		return answer{}, err
	}
	if page.Health, err = k.readInstallationHealth(q, i); err != nil {
		return answer{}, err
	}
	if page.Health != nil {
		page.showHealth(q)
	}
	return answer{template: "installation", title: e.Name, data: page}, nil
}

// showHealth puts each webhook's state to its row.
func (p *installationPage) showHealth(q *request) {
	for n, row := range p.Resources {
		for _, w := range p.Health.Rows {
			if row.Identifier == w.ID {
				p.Resources[n].Page, p.Resources[n].Pill = q.Root()+w.Page, w.Pill
			}
		}
	}
}

// installationOf reads an installation with what the catalogue says of it: an extension that is not listed any more has
// its id alone.
func installationOf(q *request) (contract.CatalogueExtension, contract.InstallationView, error) {
	id := domain.ExtensionID(q.PathValue("extension_id"))
	i, err := call(q, contract.ReadInstallation, contract.InstallationInput{Extension: id})
	if err != nil {
		return contract.CatalogueExtension{}, i.Body, err
	}
	e, err := call(q, contract.ReadCatalogueExtension, contract.ReadCatalogueExtensionInput{Extension: id})
	if p, ok := problem(err); ok && p.Status == http.StatusNotFound {
		e.Body.Extension, e.Body.Name, err = id, string(id), nil
	}
	return e.Body, i.Body, err
}

// installationSteps is the part of the page that polls.
func (k *Console) installationSteps(q *request) (answer, error) {
	i, err := call(q, contract.ReadInstallation,
		contract.InstallationInput{Extension: domain.ExtensionID(q.PathValue("extension_id"))})
	return answer{template: "installation-steps", data: k.stepsOf(i.Body), part: true}, err
}

// stepsOf is the list. The address that it is asked for again has the stage's base path, since pages of different depth
// show it.
func (k *Console) stepsOf(i contract.InstallationView) stepsPart {
	p := stepsPart{State: i.State, Pill: pillOf(i)}
	under := i.State == domain.Enabling || i.State == domain.Upgrading || i.State == domain.Disabling
	if under {
		p.Poll = k.address.Path + root + "/installations/" + string(i.Extension) + "/steps"
	}
	done := 0
	for n, s := range i.Steps {
		line := stepLine{Tone: "off", Icon: "clock", Said: "waits", Text: stepWords(i.Extension, s)}
		switch {
		case !s.DoneAt.IsZero():
			done++
			line.Tone, line.Icon, line.Said, line.Took = "good", "check", "done", took(i, s.DoneAt)
		case i.Failure != nil && n == done:
			line.Tone, line.Icon, line.Said, line.More = "bad", "cross", "failed", i.Failure.Reason
		case under && n == done:
			line.Tone, line.Said = "busy", "under way"
		}
		p.Steps = append(p.Steps, line)
	}
	p.Done = fmt.Sprintf("%d of %d", done, len(i.Steps))
	return p
}

// took is how long after the first enabling a step was done. When a later enabling or an upgrade began is not kept.
func took(i contract.InstallationView, at time.Time) string {
	if i.Epoch > 0 || i.Upgrade != nil {
		return ""
	}
	return fmt.Sprintf("%.2f s", at.Sub(i.CreatedAt).Seconds())
}

func stepWords(e domain.ExtensionID, s domain.Step) string {
	words := map[domain.StepKind]string{
		domain.StepTemplateType: "Template type", domain.StepWebhook: "Webhook",
		domain.StepLifecycle:        "Messages about the installation",
		domain.StepWithdrawal:       "Template type that the version lacks",
		domain.StepWebhookRemoval:   "Removal of the webhook",
		domain.StepLifecycleRemoval: "End of the messages about the installation",
	}[s.Kind]
	if s.WebhookKey != "" {
		words += " “" + s.WebhookKey + "”"
	}
	switch s.Kind {
	case domain.StepTemplateType, domain.StepWithdrawal:
		words += " “" + e.TypeOf(s.TypeKey) + "”"
	case domain.StepWebhook, domain.StepWebhookRemoval:
		words += " of “" + e.TypeOf(s.TypeKey) + "”"
	}
	return words
}

// says is the state in a sentence, with what it means and what to do.
func says(name string, i contract.InstallationView) string {
	switch {
	case i.State == domain.Failed && i.Failure != nil:
		return fmt.Sprintf("It stopped at %s: %s Try again, and it continues there.", i.Failure.Step,
			sentence(i.Failure.Reason))
	case i.State == domain.Enabled && i.Setup != nil && i.Setup.State == domain.SetupPending:
		return "Everything exists here, and its maker has not confirmed its own side yet. Hand it over, if you " +
			"have not."
	case i.State == domain.Enabled && i.Setup != nil && i.Setup.State == domain.SetupFailed:
		return "Its maker could not set up its own side: " + sentence(i.Setup.Reason)
	case i.State == domain.Enabled && i.Drift != nil:
		return "It works, but its resources differ from its blueprint. Repair restores them, and changes " +
			"nothing of yours."
	case i.State == domain.Suspended:
		return "Suspended by " + suspenders(i.SuspendedBy) +
			". Its token is refused and nothing is sent, until it is resumed."
	}
	return map[domain.InstallationState]string{
		domain.Enabling:  "What it needs is being created. You can leave this page.",
		domain.Enabled:   "Everything that it needs exists.",
		domain.Upgrading: "It keeps working while the new version is installed.",
		domain.Disabling: "Its token no longer works. Its webhooks are being removed.",
		domain.Disabled:  "Its token no longer works, and nothing is sent. Contracts and their values stay.",
	}[i.State]
}

// sentence ends with a full stop.
func sentence(text string) string {
	if text = strings.TrimSpace(text); text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func resourceRows(name string, i contract.InstallationView, q *request) []resourceRow {
	var rows []resourceRow
	page := q.Root() + "installations/" + string(i.Extension)
	if i.TokenID != "" {
		row := resourceRow{Icon: "key", Name: "API token", Second: "Held by the maker of " + name,
			Identifier: string(i.TokenID)}
		if q.Admin() {
			row.Action = action{"", "Rotate…", page + "/rotate"}
		}
		rows = append(rows, row)
	}
	for _, r := range i.Resources {
		row := resourceRow{Name: r.Name, Identifier: r.ID}
		switch r.Kind {
		case domain.StepTemplateType:
			row.Icon, row.Name, row.Identifier = "template", "Template type “"+r.Name+"”", r.ExtensionType
		case domain.StepWebhook:
			row.Icon, row.Name = "webhook", "Webhook “"+r.Name+"”"
		default:
			row.Icon = "activity"
		}
		rows = append(rows, row)
	}
	return rows
}

// actions are those that the state allows an admin.
func actions(i contract.InstallationView, q *request) []action {
	if !q.Admin() {
		return nil
	}
	page := q.Root() + "installations/" + string(i.Extension) + "/"
	var all []action
	switch i.State {
	case domain.Failed:
		all = append(all, action{"primary", "Try again…", page + "retry"})
	case domain.Suspended:
		all = append(all, action{"primary", "Resume…", page + "resume"})
	case domain.Enabled:
		if i.Drift != nil {
			all = append(all, action{"primary", "Repair…", page + "repair"})
		}
		if i.Setup != nil && i.Setup.State != domain.SetupCompleted {
			all = append(all, action{"primary", "Hand over…", page + "hand-off"})
		}
		all = append(all, action{"", "Suspend…", page + "suspend"})
	case domain.Disabled:
		return []action{{"primary", "Review and enable", q.Root() + "extensions/" + string(i.Extension)}}
	}
	needed := len(i.RequiredBy) > 0 // then what needs it is disabled first
	if !needed && (i.State == domain.Enabled || i.State == domain.Suspended || i.State == domain.Failed) {
		all = append(all, action{"danger-quiet", "Disable…", page + "disable"})
	}
	return all
}
