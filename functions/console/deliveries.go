package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Deliveries: one log over all webhooks, or one webhook's, with every filter in the address.

type deliveriesPage struct {
	Webhook  string // its name, when the log is one webhook's
	OpenHook string // its id
	States   []segment
	Fields   []filterField
	Set      int // filters in use, beside the state
	Rows     []deliveryRow
	Wrong    []string // what is wrong with the filters
	LookedTo time.Time
	Older    string // the address of the next page; empty at the log's end
	Beyond   bool   // the page goes on from an earlier one
	CSV      string
	Webhooks int
}

// segment is one of a few choices of which one is open.
type segment struct {
	Label, Page string
	Open        bool
}

// filterField is a filter in the form.
type filterField struct {
	ID, Label, Kind, Value, Hint string
	Options                      []option
}

type option struct {
	Value, Label string
	Chosen       bool
}

type deliveryRow struct {
	At               time.Time
	Event, Page      string
	Contract         domain.ContractID
	OfContract       string // the address of the log of that contract
	Webhook          string
	Pill             pill
	Answer, Attempts string
	Took             string
	delivery         contract.DeliveryOfEvent
}

const deliveriesListed = 50

func (k *Console) deliveries(q *request) (answer, error) {
	hooks, err := webhooksOf(q)
	if err != nil {
		return answer{}, err
	}
	sent := q.URL.Query()
	page := deliveriesPage{
		Webhook: nameOf(hooks, domain.WebhookID(sent.Get("webhook"))), States: stateSegments(sent),
		Fields: filterFields(sent, hooks),
		CSV:    "deliveries/csv" + queryOf(sent, "cursor", ""), Beyond: sent.Get("cursor") != "", Webhooks: len(hooks),
		OpenHook: sent.Get("webhook"),
	}
	for _, f := range page.Fields {
		if f.Value != "" {
			page.Set++
		}
	}
	in, wrong := deliveryFilter(sent)
	in.Limit, in.Cursor = deliveriesListed, sent.Get("cursor")
	if len(wrong) > 0 {
		page.Wrong = wrong
		return answer{template: "deliveries", title: "Deliveries", data: page,
			status: http.StatusUnprocessableEntity}, nil
	}
	out, err := call(q, contract.ListAccountDeliveries, in)
	if p, ok := problem(err); ok && p.BadCursor() {
		return goTo("deliveries" + queryOf(sent, "cursor", "")), nil
	}
	if p, ok := problem(err); ok && p.Status == http.StatusUnprocessableEntity {
		for _, f := range p.Errors {
			page.Wrong = append(page.Wrong, f.Detail)
		}
		return answer{template: "deliveries", title: "Deliveries", data: page, status: p.Status}, nil
	}
	if err != nil {
		return answer{}, err
	}
	page.LookedTo = out.Body.LookedBackTo
	if out.Body.NextCursor != "" {
		page.Older = "deliveries" + queryOf(sent, "cursor", out.Body.NextCursor)
	}
	for _, d := range out.Body.Items {
		row := rowOf(d, hooks)
		row.OfContract = "deliveries" + queryOf(sent, "contract", string(row.Contract), "cursor", "")
		page.Rows = append(page.Rows, row)
	}
	return answer{template: "deliveries", title: cmp.Or(page.Webhook, "Deliveries"), data: page}, nil
}

// webhooksOf is every webhook of the account: at most 500, by quota.
func webhooksOf(q *request) ([]contract.WebhookView, error) {
	var all []contract.WebhookView
	in := contract.ListWebhooksInput{PageInput: contract.PageInput{Limit: 100}}
	for {
		out, err := call(q, contract.ListWebhooks, in)
		all = append(all, out.Body.Items...)
		if in.Cursor = out.Body.NextCursor; err != nil || in.Cursor == "" {
			return all, err
		}
	}
}

func nameOf(hooks []contract.WebhookView, id domain.WebhookID) string {
	for _, w := range hooks {
		if w.ID == id {
			return cmp.Or(w.Name, string(w.ID))
		}
	}
	return string(id)
}

// queryOf is the query of the page with some parameters changed; an empty value removes one.
func queryOf(sent url.Values, changes ...string) string {
	query := url.Values{}
	for name, values := range sent {
		if values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" }); len(values) > 0 {
			query[name] = values
		}
	}
	for i := 0; i < len(changes); i += 2 {
		if query.Del(changes[i]); changes[i+1] != "" {
			query.Set(changes[i], changes[i+1])
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

var deliveryStates = []domain.DeliveryState{
	domain.DeliveryDelivered, domain.DeliveryRetrying, domain.DeliveryExhausted, domain.DeliverySkipped,
	domain.DeliveryCancelled,
}

func stateSegments(sent url.Values) []segment {
	all := []segment{{"All", "deliveries" + queryOf(sent, "state", "", "cursor", ""), sent.Get("state") == ""}}
	for _, s := range deliveryStates {
		all = append(all, segment{deliveryPills[s].Word, "deliveries" + queryOf(sent, "state", string(s), "cursor", ""),
			sent.Get("state") == string(s)})
	}
	return all
}

// ofContracts stands for every event type that contracts have.
const ofContracts = "contracts"

func filterFields(sent url.Values, hooks []contract.WebhookView) []filterField {
	choose := func(id, label string, options ...option) filterField {
		f := filterField{ID: id, Label: label, Kind: "select", Value: sent.Get(id),
			Options: append([]option{{"", "any", false}}, options...)}
		for i := range f.Options {
			f.Options[i].Chosen = f.Options[i].Value == f.Value
		}
		return f
	}
	write := func(id, label, kind, hint string) filterField {
		return filterField{ID: id, Label: label, Kind: kind, Value: sent.Get(id), Hint: hint}
	}
	var webhooks, failures []option
	for _, w := range hooks {
		webhooks = append(webhooks, option{string(w.ID), nameOf(hooks, w.ID), false})
	}
	types := []option{{ofContracts, "any of contracts", false}}
	for _, r := range events.Catalogue {
		types = append(types, option{string(r.Type), string(r.Type), false})
	}
	for _, class := range failureClasses {
		failures = append(failures, option{string(class), failureWords[class], false})
	}
	return []filterField{
		choose("webhook", "Webhook", webhooks...), choose("event", "Event", types...),
		write("status", "Answer", "text", "503 or 5xx"),
		choose("failure", "Failure", failures...), write("contract", "Contract", "text", "con_…"),
		write("from", "Since, UTC", "datetime-local", ""), write("to", "Until, UTC", "datetime-local", ""),
	}
}

// deliveryFilter is the operation's input for what is in the address.
func deliveryFilter(sent url.Values) (contract.ListAccountDeliveriesInput, []string) {
	in := contract.ListAccountDeliveriesInput{Contract: domain.ContractID(sent.Get("contract"))}
	var wrong []string
	if v := sent.Get("webhook"); v != "" {
		in.Webhooks = []domain.WebhookID{domain.WebhookID(v)}
	}
	if v := sent.Get("state"); v != "" {
		in.States = []domain.DeliveryState{domain.DeliveryState(v)}
	}
	if v := strings.ToLower(strings.TrimSpace(sent.Get("status"))); v != "" {
		in.Statuses = []string{v}
	}
	if v := sent.Get("failure"); v != "" {
		in.Failures = []domain.FailureClass{domain.FailureClass(v)}
	}
	switch v := sent.Get("event"); v {
	case "":
	case ofContracts:
		in.EventTypes = texts(events.OfContractTypes())
	default:
		in.EventTypes = []string{v}
	}
	for name, to := range map[string]*contract.Time{"from": &in.From, "to": &in.To} {
		if v := sent.Get(name); v != "" {
			at, err := timeOf(v)
			if err != nil {
				wrong = append(wrong, fmt.Sprintf("%q is no time. Write it as 2026-11-23T07:00.", v))
			}
			to.Time = at
		}
	}
	slices.Sort(wrong)
	return in, wrong
}

// timeOf reads a time of RFC 3339, or one as browsers' forms send it, which is taken for UTC.
func timeOf(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return domain.ParseTime(text)
}

func rowOf(d contract.DeliveryOfEvent, hooks []contract.WebhookView) deliveryRow {
	first, last := d.Attempts[0], lastAttempt(d.Attempts)
	row := deliveryRow{
		At: cmp.Or(first.EventAt, first.At), Event: d.EventType, Contract: first.Contract,
		Webhook: nameOf(hooks, d.Webhook), Pill: deliveryPills[d.State],
		Page: deliveryPage(d.Webhook, d.ID, first.EventDay), Answer: answerWords(d),
		Attempts: fmt.Sprint(madeAttempts(d.Attempts)), Took: "–", delivery: d,
	}
	if last.Milliseconds > 0 {
		row.Took = millisecondWords(last.Milliseconds)
	}
	return row
}

// deliveryPage is the address of a delivery's page. An external event's id tells no day.
func deliveryPage(w domain.WebhookID, d domain.DeliveryID, day string) string {
	return "deliveries/" + url.PathEscape(string(w)) + "/" + url.PathEscape(string(d)) + "?day=" + day
}
