package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Why?: for an event, each webhook with the one clause that decided whether it hears. The API decides.

type whyPage struct {
	Event, Contract, Webhook string // the form
	Asked                    bool
	Missing                  string // why there is nothing to show
	Title, Says              string
	At                       time.Time
	About                    []string // the event's row, a text a column
	Choices                  []contract.Hearer
	Heard, NotHeard          []whyRow
	Rest                     string // which rows are not shown
}

// whyRow is a webhook. Its cells are those of the columns before its answer.
type whyRow struct {
	Name, Host, Second string
	Cells              []whyCell
	Answer             pill
	Fact               string
	Page, Label        string
}

// whyCell is a clause: passed, the one that decided, or not looked at.
type whyCell struct {
	Column      string
	Passed      bool
	Decided     bool
	Text, Event string
}

// whyColumns are the columns of the clauses, in the order in which the clauses are looked at.
var whyColumns = []string{"Made through", "Template type", "Event", "Workspace"}

// whyShown is how many webhooks are rows at most, so that a page stays small.
const whyShown = 100

func (k *Console) why(q *request) (answer, error) {
	page := whyPage{
		Event: strings.TrimSpace(q.FormValue("event")), Contract: strings.TrimSpace(q.FormValue("contract")),
		Webhook: q.FormValue("webhook"), Title: "Why?",
	}
	page.Asked = page.Event != ""
	a := answer{template: "why", title: page.Title}
	if page.Asked {
		err := page.fill(q)
		if p, ok := problem(err); ok && (p.Status == http.StatusNotFound ||
			p.Status == http.StatusUnprocessableEntity) {
			page.Missing, a.status, err = p.Detail, p.Status, nil
		}
		if err != nil {
			return a, err
		}
	}
	a.data = page
	return a, nil
}

// fill gathers the event, its audience and what was sent.
func (page *whyPage) fill(q *request) error {
	e, all, err := audienceOf(q, page.Event, page.Contract)
	if err != nil {
		return err
	}
	sent, err := sentOf(q, page.Event)
	if err != nil {
		return err
	}
	names, err := namesOf(q)
	if err != nil {
		return err
	}
	heard := func(h contract.Hearer) bool { return sent[h.Webhook].ID != "" || h.Heard && !h.ChangedSince }
	hearers := 0
	for _, h := range all {
		if heard(h) {
			hearers++
		}
	}
	page.Title, page.At, page.Choices = "Who heard "+e.Type+"?", e.At, all
	page.About = []string{cmp.Or(string(cmp.Or(e.Origin, e.Installation)), "–"), names.get(string(e.TemplateType)),
		e.Type, names.get(string(e.Workspace))}
	page.Says = saysOfAudience(hearers, len(all))
	slices.SortStableFunc(all, func(a, b contract.Hearer) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	shown := 0
	for _, hears := range []bool{true, false} {
		for _, h := range all {
			if heard(h) != hears || page.Webhook != "" && string(h.Webhook) != page.Webhook {
				continue
			}
			if shown++; shown > whyShown {
				continue
			}
			row := whyRowOf(h, e, names, sent[h.Webhook])
			if hears {
				page.Heard = append(page.Heard, row)
			} else {
				page.NotHeard = append(page.NotHeard, row)
			}
		}
	}
	if shown > whyShown {
		page.Rest = numbered(shown-whyShown, "more webhook is not shown", "more webhooks are not shown") +
			". Choose one above."
	}
	return nil
}

func saysOfAudience(hearers, all int) string {
	switch {
	case all == 0:
		return "There is no webhook."
	case hearers == all:
		return counted(all, "webhook", "webhooks") + " heard, and no clause refused."
	}
	return fmt.Sprintf("%s of %d heard. For each of the others, its row says why.",
		counted(hearers, "webhook", "webhooks"), all)
}

// audiencePages of 100 hold all webhooks of an account.
const audiencePages = 5

func audienceOf(q *request, event, of string) (contract.HeardEvent, []contract.Hearer, error) {
	in := contract.ListEventAudienceInput{PageInput: contract.PageInput{Limit: 100}, Event: domain.EventID(event),
		Contract: domain.ContractID(of)}
	var e contract.HeardEvent
	var all []contract.Hearer
	for range audiencePages {
		out, err := call(q, contract.ListEventAudience, in)
		if err != nil {
			return e, nil, err
		}
		e, all = out.Body.Event, append(all, out.Body.Items...)
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
	}
	return e, all, nil
}

// sentOf are the deliveries of the event that the log has, by their webhooks.
func sentOf(q *request, event string) (map[domain.WebhookID]contract.DeliveryView, error) {
	in := contract.ListEventDeliveriesInput{PageInput: contract.PageInput{Limit: 100}, Event: domain.EventID(event)}
	sent := map[domain.WebhookID]contract.DeliveryView{}
	for range audiencePages {
		out, err := call(q, contract.ListEventDeliveries, in)
		if p, ok := problem(err); ok && p.Status == http.StatusNotFound {
			return sent, nil
		}
		if err != nil {
			return nil, err
		}
		for _, d := range out.Body.Items {
			sent[d.Webhook] = d.DeliveryView
		}
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
	}
	return sent, nil
}

// idNames are names by ids. A member sees the names of its own workspaces alone.
type idNames map[string]string

func (n idNames) get(id string) string { return cmp.Or(n[id], id, "–") }

func (n idNames) all(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, n.get(id))
	}
	return joined(names, "or")
}

// namesOf are the names of the account's first hundred template types and workspaces.
func namesOf(q *request) (idNames, error) {
	names := idNames{}
	types, err := call(q, contract.ListTemplateTypes,
		contract.ListTemplateTypesInput{PageInput: contract.PageInput{Limit: 100}})
	if err != nil {
		return nil, err
	}
	for _, t := range types.Body.Items {
		names[string(t.ID)] = t.Name
	}
	workspaces, err := call(q, contract.ListWorkspaces,
		contract.ListWorkspacesInput{PageInput: contract.PageInput{Limit: 100}})
	for _, w := range workspaces.Body.Items {
		names[string(w.ID)] = w.Name
	}
	return names, err
}

func whyRowOf(h contract.Hearer, e contract.HeardEvent, names idNames, sent contract.DeliveryView) whyRow {
	row := whyRow{Name: h.Name, Host: hostOf(h.URL), Cells: cellsOf(h, e, names),
		Answer: pill{"off", "minus", "Not heard"}}
	if h.Extension != "" {
		row.Second = string(h.Extension) + " manages it"
	}
	switch {
	case sent.ID != "": // an attempt was made, whatever the webhook has become since
		row.Answer, row.Fact = pill{"good", "check", "Heard"}, sentWords[sent.State]
		if row.Page = pagePath("delivery", string(h.Webhook), string(sent.ID)); row.Page != "" {
			row.Label = "Its delivery"
		}
	case h.Heard && h.ChangedSince:
		row.Answer, row.Fact = pill{"off", "minus", "Nothing sent"}, "Created or changed after the event."
	case h.Heard:
		row.Answer, row.Fact = pill{"good", "check", "Heard"}, "It waits for its first attempt."
	case h.ChangedSince:
		row.Fact = "Changed after the event."
	}
	return row
}

var sentWords = map[domain.DeliveryState]string{
	domain.DeliveryDelivered: "Delivered.",
	domain.DeliveryRetrying:  "Tried, and is tried again.",
	domain.DeliveryExhausted: "Given up after the last attempt.",
	domain.DeliverySkipped:   "Recorded as skipped.",
	domain.DeliveryCancelled: "Cancelled.",
}

// cellsOf are a webhook's clauses: those before the one that decided have passed, those after it were not looked at.
func cellsOf(h contract.Hearer, e contract.HeardEvent, names idNames) []whyCell {
	cells := []whyCell{
		{Text: cmp.Or(string(h.Extension), joined(texts(h.Origins), "or"), "anything"),
			Event: "It was made through " + cmp.Or(string(e.Origin), "no extension")},
		{Text: cmp.Or(names.all(typesOf(h)), "any"), Event: "This one has " + ofType(names, e.TemplateType)},
		{Text: cmp.Or(joined(h.EventTypes, "or"), "any"), Event: "This one is " + e.Type},
		{Text: cmp.Or(names.all(texts(h.Workspaces)), "any"),
			Event: "This one is in " + inWorkspace(names, e.Workspace)},
	}
	decided := map[domain.Clause]int{domain.ClauseTemplateType: 1, domain.ClauseEventType: 2,
		domain.ClauseWorkspace: 3}[h.Clause]
	looked := len(cells)
	switch {
	case !h.Heard:
		looked = decided
	case e.Only != "" || h.Lifecycle: // one clause lets it hear, and no filter is looked at
		looked = 1
	}
	switch {
	case h.Clause == domain.ClauseMeantFor:
		cells[0].Text, cells[0].Event = "only what is meant for it", "This one is meant for another webhook"
	case e.Only != "":
		cells[0].Text = "meant for this webhook"
	case h.Clause == domain.ClauseItself:
		cells[0].Text, cells[0].Event = "nothing of how it fares", "This one tells that of this webhook"
	case h.Clause == domain.ClauseEnded:
		cells[0].Text, cells[0].Event = "its own installation, which ended", "This one is of a later installation"
	case h.Lifecycle:
		cells[0].Text, cells[0].Event = "its own installation",
			"This one is of "+cmp.Or(string(e.Installation), "no installation")
	case h.Clause == domain.ClauseOrigin && h.Extension != "":
		cells[0].Text = "contracts made through " + string(h.Extension)
	}
	for n := range cells {
		c := &cells[n]
		c.Column, c.Passed, c.Decided = whyColumns[n], n < looked, !h.Heard && n == decided
		if !c.Passed && !c.Decided {
			c.Text = ""
		}
	}
	return cells
}

func typesOf(h contract.Hearer) []string {
	if h.TemplateType != "" {
		return []string{string(h.TemplateType)}
	}
	return texts(h.TemplateTypes)
}

func ofType(names idNames, id domain.TemplateTypeID) string {
	if id == "" {
		return "no template type"
	}
	return names.get(string(id))
}

func inWorkspace(names idNames, id domain.WorkspaceID) string {
	if id == "" {
		return "no workspace"
	}
	return names.get(string(id))
}

// pagePath is the page of a route with values in its path, below the console's root; empty without such a route.
func pagePath(route string, values ...string) string {
	for _, r := range Routes() {
		if r.ID != route {
			continue
		}
		parts := strings.Split(strings.TrimPrefix(r.Path, root+"/"), "/")
		for n, part := range parts {
			if strings.HasPrefix(part, "{") && len(values) > 0 {
				parts[n], values = url.PathEscape(values[0]), values[1:]
			}
		}
		return strings.Join(parts, "/")
	}
	return ""
}
