package console

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page of a webhook: how it fares, what it hears, its secrets, its last deliveries, a test.

type webhookPage struct {
	Webhook contract.WebhookView
	Name    string
	Pill    pill
	Says    string
	Next    time.Time
	Facts   []keyValue
	Hears   []string
	Actions []action
	Tests   []string // event types that can be sent as a test; empty where none can
	Key     string
	Last    []deliveryRow
	Log     string
	Secrets []secretLine
	Sent    string // the address of the test's delivery
	Health  figuresCard
}

type secretLine struct {
	Text string
	Made time.Time
	Ends time.Time
}

const lastDeliveries = 5

func (k *Console) webhook(q *request) (answer, error) {
	id := domain.WebhookID(q.PathValue("webhook_id"))
	read, err := call(q, contract.ReadWebhook, contract.WebhookInput{Webhook: id})
	if err != nil {
		return answer{}, err
	}
	w := read.Body.WebhookView
	in := contract.ListDeliveriesInput{Webhook: id, PageInput: contract.PageInput{Limit: lastDeliveries}}
	in.From.Time = k.now().AddDate(0, 0, -7)
	last, err := call(q, contract.ListDeliveries, in)
	if err != nil {
		return answer{}, err
	}
	row := webhookRowOf(w, read.Body.Parked)
	page := webhookPage{
		Webhook: w, Name: row.Name, Pill: row.Pill, Says: row.Says, Next: row.Next, Facts: webhookFacts(w),
		Hears: w.EventTypes, Key: rand.Text(),
		Log: "deliveries?webhook=" + string(id), Actions: webhookActions(q, w), Secrets: secretLines(w.Secrets),
	}
	if d := q.URL.Query().Get("tested"); d != "" {
		page.Sent = deliveryPage(id, domain.DeliveryID(d), "")
	}
	for _, d := range last.Body.Items {
		page.Last = append(page.Last, rowOf(contract.DeliveryOfEvent{Webhook: id, DeliveryView: d},
			[]contract.WebhookView{w}))
	}
	if q.Admin() && !w.Lifecycle {
		page.Tests = append([]string{string(events.WebhookPing)}, testable(w)...)
	}
	if w.URL == domain.AgentURL {
		if page.Facts[0], err = agentFact(q, id); err != nil {
			return answer{}, err
		}
	}
	from, err := call(q, contract.ListDeliveryAddresses, contract.ListDeliveryAddressesInput{})
	if err != nil {
		return answer{}, err
	}
	if from.Body.Fixed && w.URL != domain.AgentURL {
		page.Facts = append(page.Facts, keyValue{"Sent from", and(from.Body.Addresses)})
	}
	page.Health, err = k.webhookHealth(q, read, last.Body.Items)
	return answer{template: "webhook", title: page.Name, data: page}, err
}

// retriesRead is how many of the newest deliveries that are tried again are looked at for the next retry.
const retriesRead = 25

// webhookHealth is the figures of one webhook. last are its last deliveries.
func (k *Console) webhookHealth(
	q *request, read contract.ReadWebhookOutput, last []contract.DeliveryView,
) (figuresCard, error) {
	w := read.Body.WebhookView
	var day, week contract.ReadWebhookStatisticsOutput
	var err error
	if day, err = readFigures(q, w.ID, dayHours); err == nil {
		week, err = readFigures(q, w.ID, weekHours)
	}
	if err != nil {
		return figuresCard{}, err
	}
	if w.Health.State != domain.HealthGood && w.Health.Breaker == nil {
		in := contract.ListDeliveriesInput{
			Webhook: w.ID, States: []domain.DeliveryState{domain.DeliveryRetrying},
			PageInput: contract.PageInput{Limit: retriesRead},
		}
		in.From.Time = k.now().AddDate(0, 0, -7)
		retrying, err := call(q, contract.ListDeliveries, in)
		if err != nil {
			return figuresCard{}, err
		}
		last = retrying.Body.Items
	}
	return figuresCard{
		Title: "Health", Pill: healthPill(w), Waiting: waitingFigure(read.Body.Parked), Next: nextSteps(w, last),
		Day:  spanOf(day.Body.Hours, day.Body.AttemptFigures, dayHours, "24 hours"),
		Week: spanOf(week.Body.Hours, week.Body.AttemptFigures, weekBars, "7 days"),
	}, nil
}

// testable is the event types that a webhook hears, of which a sample can be sent to it.
func testable(w contract.WebhookView) []string {
	if len(w.EventTypes) > 0 {
		return w.EventTypes
	}
	if w.Extension != "" || len(w.Workspaces)+len(w.TemplateTypes) > 0 {
		return texts(events.OfContractTypes())
	}
	var all []string
	for _, r := range events.Catalogue {
		if r.Type != events.WebhookPing {
			all = append(all, string(r.Type))
		}
	}
	return all
}

func webhookFacts(w contract.WebhookView) []keyValue {
	facts := []keyValue{{"Address", w.URL}, {"Authentication", authWords[w.Auth.Scheme]}}
	if len(w.Headers) > 0 {
		facts = append(facts, keyValue{"Extra headers", and(w.Headers)})
	}
	for _, filter := range []keyValue{
		{"Extensions", and(texts(w.Origins))}, {"Workspaces", and(texts(w.Workspaces))},
		{"Template types", and(texts(w.TemplateTypes))},
		{"Template type", string(w.TemplateType)},
	} {
		if filter.Value != "" {
			facts = append(facts, filter)
		}
	}
	facts = append(facts, keyValue{"Timeout", fmt.Sprintf("%.0f s", w.Policy.Timeout().Seconds())})
	retries := 0
	for _, again := w.Policy.RetryWait(retries + 1); again; _, again = w.Policy.RetryWait(retries + 1) {
		retries++
	}
	facts = append(facts, keyValue{"Attempts", fmt.Sprintf("%d at most", retries+1)})
	if n := w.Policy.MaxPerSecond; n > 0 {
		facts = append(facts, keyValue{"Speed", fmt.Sprintf("%d a second at most", n)})
	}
	return append(facts, keyValue{"Id", string(w.ID)})
}

// agentFact says who pulls the deliveries of a webhook without URL, in place of its address.
func agentFact(q *request, id domain.WebhookID) (keyValue, error) {
	agents, err := call(q, contract.ListAgents, contract.ListAgentsInput{Webhook: id})
	fact := keyValue{"Address", "Pulled by an agent in your network. None has pulled yet"}
	for _, a := range agents.Body.Items {
		if !a.LastPulledAt.IsZero() {
			fact.Value = fmt.Sprintf("Pulled by the agent %s, last at %s", a.Name, moment(a.LastPulledAt))
		}
	}
	return fact, err
}

var authWords = map[string]string{
	"none": "Each message is signed", "basic": "Signed, with a name and a password", "bearer": "Signed, with a token",
	"oauth2": "Signed, with an access token",
}

func secretLines(secrets []domain.KnownSecret) []secretLine {
	var all []secretLine
	for n, s := range secrets {
		line := secretLine{"Former", s.MadeAt, s.EndsAt}
		if n == 0 {
			line.Text = "Newest"
		}
		all = append(all, line)
	}
	return all
}

// webhookActions are those that an admin has. Of a managed webhook, only its pause, its state and its secret change.
func webhookActions(q *request, w contract.WebhookView) []action {
	if !q.Admin() {
		return nil
	}
	page := q.Root() + "webhooks/" + string(w.ID) + "/"
	var all []action
	if w.Disabled != nil || w.Health.Breaker != nil {
		all = append(all, action{"primary", "Enable again…", page + "enable"})
	}
	if w.Paused {
		all = append(all, action{"primary", "Resume…", page + "resume"})
	} else {
		all = append(all, action{"", "Pause…", page + "pause"})
	}
	if !w.Lifecycle {
		all = append(all, action{"", "Rotate secret…", page + "rotate"})
	}
	if w.Extension == "" {
		all = append(all, action{"", "Edit", page + "edit"}, action{"danger-quiet", "Delete…", page + "delete"})
	}
	return all
}

// testWebhook sends a test, and leads back with the address of its delivery.
func (k *Console) testWebhook(q *request) (answer, error) {
	in := contract.SendTestEventInput{Webhook: domain.WebhookID(q.PathValue("webhook_id"))}
	in.Body.EventType = q.PostFormValue("event_type")
	out, err := callOnce(q, contract.SendTestEvent, in, q.PostFormValue("key"))
	return goTo("webhooks/" + string(in.Webhook) + "?tested=" + string(out.Body.Delivery)), err
}

// webhookChange is a change that is asked on a page of its own.
type webhookChange struct {
	label, title, keep string
	danger             bool
	outcomes           []outcome
	overlap            bool // the page asks for how long the former secret signs
	do                 func(*request, domain.WebhookID, string) (answer, error)
}

var webhookChanges = map[string]webhookChange{
	"pause": {label: "Pause", title: "Pause %s?", keep: "Keep it running", outcomes: []outcome{
		{"bad", "cross", "Nothing is sent to it. Events that happen meanwhile are recorded as skipped deliveries."},
		{"good", "check", "Skipped deliveries can be replayed later."},
	}, do: updateWebhook(func(in *contract.UpdateWebhookInput) { yes := true; in.Body.Paused = &yes })},
	"resume": {label: "Resume", title: "Resume %s?", keep: "Leave it paused", outcomes: []outcome{
		{"good", "check", "New messages are sent again."},
		{"off", "minus", "Deliveries that were skipped meanwhile are not sent by themselves. Replay them."},
	}, do: updateWebhook(func(in *contract.UpdateWebhookInput) { no := false; in.Body.Paused = &no })},
	"enable": {label: "Enable", title: "Enable %s again?", keep: "Not now", outcomes: []outcome{
		{"good", "check", "It is sent a ping at once, which shows whether its endpoint answers."},
		{"good", "check", "Deliveries that wait are sent. Its record of failures starts again."},
		{"off", "minus", "Deliveries that were skipped meanwhile are not sent by themselves. Replay them."},
	}, do: updateWebhook(func(in *contract.UpdateWebhookInput) { yes := true; in.Body.Enabled = &yes })},
	"rotate": {label: "Make the next secret of", title: "Make the next signing secret of %s?", keep: "Keep the secret",
		overlap: true, outcomes: []outcome{
			{"good", "check", "The next secret is shown once. Give it to the receiver."},
			{"good", "check", "During the overlap each message has two signatures, by the next and by the former " +
				"secret. " +
				"A receiver takes either."},
			{"bad", "cross", "After the overlap a receiver that knows only the former secret refuses everything."},
		}, do: rotateWebhook},
	"delete": {label: "Delete", title: "Delete %s?", keep: "Keep it", danger: true, outcomes: []outcome{
		{"bad", "cross", "Nothing is sent to it any more, and what is on its way is cancelled."},
		{"bad", "cross", "Its log of deliveries is not shown any more."},
	}, do: func(q *request, id domain.WebhookID, key string) (answer, error) {
		_, err := callOnce(q, contract.DeleteWebhook, contract.WebhookInput{Webhook: id}, key)
		return goTo("webhooks"), err
	}},
}

func updateWebhook(set func(*contract.UpdateWebhookInput)) func(*request, domain.WebhookID, string) (answer, error) {
	return func(q *request, id domain.WebhookID, key string) (answer, error) {
		in := contract.UpdateWebhookInput{Webhook: id}
		set(&in)
		_, err := callOnce(q, contract.UpdateWebhook, in, key)
		return goTo("webhooks/" + string(id)), err
	}
}

// webhookConfirmation is the page that asks.
type webhookConfirmation struct {
	confirmation
	Overlaps []option
}

func (k *Console) confirmWebhookChange(q *request) (answer, error) {
	c, ok := webhookChanges[q.PathValue("change")]
	if !ok {
		return answer{}, noSuchChange()
	}
	read, err := call(q, contract.ReadWebhook,
		contract.WebhookInput{Webhook: domain.WebhookID(q.PathValue("webhook_id"))})
	if err != nil {
		return answer{}, err
	}
	name := cmp.Or(read.Body.Name, string(read.Body.ID))
	page := webhookConfirmation{confirmation: confirmation{
		Title: fmt.Sprintf(c.title, name), Outcomes: c.outcomes, Action: q.PathValue("change"), Key: rand.Text(),
		Button: "primary",
		Label:  c.label + " " + name, Back: "../" + string(read.Body.ID), Keep: c.keep,
	}}
	if c.danger {
		page.Button = "danger"
	}
	if c.overlap {
		page.Overlaps = overlaps
	}
	return answer{template: "confirm-webhook-change", title: page.Title, data: page}, nil
}

func (k *Console) changeWebhook(q *request) (answer, error) {
	c, ok := webhookChanges[q.PathValue("change")]
	if !ok {
		return answer{}, noSuchChange()
	}
	return c.do(q, domain.WebhookID(q.PathValue("webhook_id")), q.PostFormValue("key"))
}

var overlaps = []option{{"86400", "one day", true}, {"3600", "one hour", false}, {"604800", "seven days", false},
	{"0", "none: it leaked", false}}

// rotateWebhook shows the next secret once. A page that is sent twice has none.
func rotateWebhook(q *request, id domain.WebhookID, key string) (answer, error) {
	in := contract.RotateWebhookSecretInput{Webhook: id}
	var seconds int
	if _, err := fmt.Sscan(q.PostFormValue("overlap"), &seconds); err == nil {
		in.Body.OverlapSeconds = &seconds
	}
	out, err := callOnce(q, contract.RotateWebhookSecret, in, key)
	if err != nil {
		return answer{}, err
	}
	page := secretPage{Webhook: id, Secret: string(out.Body.SigningSecret), Secrets: secretLines(out.Body.Secrets)}
	return answer{template: "webhook-secret", title: "The next signing secret", data: page}, nil
}

// secretPage shows a signing secret once.
type secretPage struct {
	Webhook domain.WebhookID
	Created bool
	Secret  string // empty when this answer repeats an earlier one
	Secrets []secretLine
}

// linesOf is a text's lines without empty ones.
func linesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
