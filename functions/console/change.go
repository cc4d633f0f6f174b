package console

import (
	"crypto/rand"
	"fmt"
	"strconv"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Changes of an installation. Each is asked on a page of its own, which says what stops, what goes and what stays.

// change is one of them, by its word in the path.
type change struct {
	operation contract.Operation
	label     string // of the button, before the extension's name
	title     string
	keep      string
	danger    bool
	outcomes  func(name string, i contract.InstallationView) []outcome
	do        func(*request, domain.ExtensionID, string) (answer, error)
}

// changes by their word in the path.
func changes() map[string]change {
	return map[string]change{
		"suspend": {contract.SuspendExtension.Operation, "Suspend", "Suspend %s?", "Keep it running", false,
			func(name string, _ contract.InstallationView) []outcome {
				return []outcome{
					{"bad", "cross", "Its API token is refused until you resume it."},
					{"bad", "cross", "Nothing is sent. Events that happen meanwhile are recorded as skipped " +
						"deliveries, which can be replayed."},
					{"good", "check", "Everything that it made stays, and so do all contracts."},
				}
			}, then(contract.SuspendExtension)},
		"resume": {contract.ResumeExtension.Operation, "Resume", "Resume %s?", "Leave it suspended", false,
			func(string, contract.InstallationView) []outcome {
				return []outcome{
					{"good", "check", "Its API token works again."},
					{"good", "check", "New messages are sent again."},
					{"off", "minus", "Deliveries that were skipped meanwhile are not sent by themselves. Replay them."},
				}
			}, then(contract.ResumeExtension)},
		"retry": {contract.RetryInstallation.Operation, "Try again:", "Try again to set up %s?", "Not now", false,
			func(_ string, i contract.InstallationView) []outcome {
				step := "the step that failed"
				if i.Failure != nil {
					step = i.Failure.Step
				}
				return []outcome{
					{"good", "check", "It continues with " + step + "."},
					{"off", "minus", "Finished steps are not repeated."},
				}
			}, then(contract.RetryInstallation)},
		"repair": {contract.RepairInstallation.Operation, "Repair", "Repair %s?", "Leave it as it is", false,
			func(string, contract.InstallationView) []outcome {
				return []outcome{
					{"good", "check", "Every difference is set back to what the blueprint declares."},
					{"off", "minus", "Which fields are active, pauses and secrets stay as you set them."},
				}
			}, func(q *request, id domain.ExtensionID, key string) (answer, error) {
				_, err := callOnce(q, contract.RepairInstallation, contract.RepairInstallationInput{Extension: id}, key)
				return goTo("installations/" + string(id)), err
			}},
		"rotate": {contract.RotateInstallationToken.Operation, "Make the next token of", "Make the next token of %s?",
			"Keep the token", false, func(name string, _ contract.InstallationView) []outcome {
				return []outcome{
					{"bad", "cross", "The token that it uses now stops working in an hour."},
					{"good", "check", "The next token is shown once. Enter it in " + name + "’s settings."},
				}
			}, (*request).rotate},
		"hand-off": {contract.StartHandOff.Operation, "Hand over", "Hand %s over to its maker?", "Not now", false,
			func(string, contract.InstallationView) []outcome {
				return []outcome{
					{"good", "check", "The maker’s page opens, and takes the token within 10 minutes."},
					{"off", "minus", "A token that its maker already has stops working then."},
				}
			}, (*request).handOff},
		"disable": {contract.DisableExtension.Operation, "Disable", "Disable %s?", "Keep it", true,
			func(_ string, i contract.InstallationView) []outcome {
				out := []outcome{{"bad", "cross", "Its API token stops working at once."}}
				if names := resourceNames(i, domain.StepWebhook); len(names) > 0 {
					out = append(out, outcome{"bad", "cross", namesOr(names, "webhook", "webhooks") +
						" removed. Deliveries that wait there are cancelled."})
				}
				if names := resourceNames(i, domain.StepTemplateType); len(names) > 0 {
					out = append(out, outcome{"off", "minus", "The fields that it made in " +
						listedNames(names, "template types") + " stay, but nobody can fill them in."},
						outcome{"good", "check", "Your own fields do not change."})
				}
				return append(out, outcome{"good", "check", "All contracts and their values stay."})
			}, then(contract.DisableExtension)},
	}
}

// namedMost is how many resources a question names. More are counted.
const namedMost = 5

func resourceNames(i contract.InstallationView, kind domain.StepKind) []string {
	var names []string
	for _, r := range i.Resources {
		if r.Kind == kind {
			names = append(names, "“"+r.Name+"”")
		}
	}
	return names
}

// listedNames are names, or their number where they are many.
func listedNames(names []string, many string) string {
	if len(names) > namedMost {
		return strconv.Itoa(len(names)) + " " + many
	}
	return and(names)
}

// namesOr is the beginning of a sentence about resources, up to its verb.
func namesOr(names []string, one, many string) string {
	switch {
	case len(names) == 1:
		return "Its " + one + " " + names[0] + " is"
	case len(names) > namedMost:
		return "Its " + listedNames(names, many) + " are"
	}
	return "Its " + many + " " + and(names) + " are"
}

func changeOperations() []contract.Operation {
	all := []contract.Operation{contract.ReadInstallation.Operation, contract.ReadCatalogueExtension.Operation}
	by := changes()
	for _, word := range sortedKeys(by) {
		all = append(all, by[word].operation)
	}
	return all
}

// then calls an operation that needs nothing but the extension, and goes back to the installation.
func then[O any](op contract.Op[contract.InstallationInput, O]) func(*request, domain.ExtensionID,
	string) (answer, error) {
	return func(q *request, id domain.ExtensionID, key string) (answer, error) {
		_, err := callOnce(q, op, contract.InstallationInput{Extension: id}, key)
		return goTo("installations/" + string(id)), err
	}
}

// changeAsked is the one that the path names. NotFound for another word.
func changeAsked(q *request) (change, error) {
	c, ok := changes()[q.PathValue("change")]
	if !ok {
		return change{}, fault.New(fault.NotFound, "not-found",
			"There is no such change of an installation.")
	}
	return c, nil
}

func noSuchChange() error {
	return fault.New(fault.NotFound, "not-found", "There is no such change.")
}

func (k *Console) confirmChange(q *request) (answer, error) {
	return k.confirmPage(q, "")
}

func (k *Console) confirmPage(q *request, wrong string) (answer, error) {
	c, err := changeAsked(q)
	if err != nil {
		return answer{}, err
	}
	e, i, err := installationOf(q)
	if err != nil {
		return answer{}, err
	}
	page := confirmation{
		Title: fmt.Sprintf(c.title, e.Name), Outcomes: c.outcomes(e.Name, i), Action: q.PathValue("change"),
		Key:    rand.Text(),
		Button: "primary", Label: c.label + " " + e.Name, Back: "../" + string(i.Extension), Keep: c.keep,
	}
	if c.danger {
		page.Button = "danger"
		page.Type = string(i.Extension)
		page.TypeField = formField{ID: "confirm", Label: "Type " + page.Type + " to confirm", Kind: "text",
			Required: true, Error: wrong}
	}
	return answer{template: "confirm-change", title: page.Title, data: page}, nil
}

func (k *Console) changeInstallation(q *request) (answer, error) {
	c, err := changeAsked(q)
	if err != nil {
		return answer{}, err
	}
	id := domain.ExtensionID(q.PathValue("extension_id"))
	if c.danger && q.PostFormValue("confirm") != string(id) {
		a, err := k.confirmPage(q, "This is not "+string(id)+". Nothing was changed.")
		a.status = contract.StatusOf(fault.Invalid)
		return a, err
	}
	return c.do(q, id, q.PostFormValue("key"))
}

// rotationOverlap is how long the token before stays good, so that its maker has time to enter the next.
const rotationOverlap = 3600

func (q *request) rotate(id domain.ExtensionID, key string) (answer, error) {
	e, i, err := installationOf(q)
	if err != nil {
		return answer{}, err
	}
	in := contract.RotateInstallationTokenInput{Extension: id}
	overlap := rotationOverlap
	in.Body.OverlapSeconds = &overlap
	out, err := callOnce(q, contract.RotateInstallationToken, in, key)
	if err != nil {
		return answer{}, err
	}
	page := enabledPage{Extension: e, Steps: q.console.stepsOf(i), Repeated: out.Body.Token == ""}
	if !page.Repeated {
		page.Tokens = []shownToken{{id, e.Name, string(out.Body.Token), ""}}
	}
	return answer{template: "enabled", title: e.Name, data: page}, nil
}

// handOff leads to the maker's page. A redirect would not do: form-action forbids a form to end at another host, so the
// page has the address as a link, and asks the browser to follow it.
func (q *request) handOff(id domain.ExtensionID, key string) (answer, error) {
	out, err := callOnce(q, contract.StartHandOff, contract.StartHandOffInput{Extension: id}, key)
	if err != nil {
		return answer{}, err
	}
	e, _, err := installationOf(q)
	to := string(out.Location)
	if !q.Framed() { // in a frame a tab is opened, as the maker's page may refuse frames
		q.w.Header().Set("Refresh", "0; url="+to)
	}
	return answer{template: "handed-over", title: e.Name, data: struct{ Name, To string }{e.Name, to}}, err
}
