package console

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Recover: choose a webhook, which deliveries and since when; see how many there are; send them again.

type recoverPage struct {
	Webhooks []contract.WebhookView
	Chosen   domain.WebhookID
	Fields   []formField
	Count    *recoverCount // nil until a webhook is chosen
	Jobs     []recoveryRow
}

// recoverCount is the part of the page that counts, and that polls while there is more to count.
type recoverCount struct {
	Webhook  domain.WebhookID
	Name     string
	From, To time.Time
	States   []domain.DeliveryState
	Counted  int
	More     bool   // more than recoverMost, and no further count
	Poll     string // the address of the next part; empty when it is complete
	Key      string
	Admin    bool
}

// recoverMost is how far deliveries are counted exactly.
const recoverMost = 10_000

// spans are the choices of since when. The log is kept for 30 days: the oldest hours may end while people read.
var spans = []struct {
	label string
	since time.Duration
}{{"1 hour", time.Hour}, {"24 hours", 24 * time.Hour}, {"7 days", 7 * 24 * time.Hour}, {"29 days", 29 * 24 * time.Hour}}

var deliveryTicks = []tick{
	{Value: string(domain.DeliveryExhausted), Label: "Given up", Hint: "Every attempt failed."},
	{Value: string(domain.DeliverySkipped), Label: "Skipped",
		Hint: "The webhook was paused or disabled, or its extension suspended."},
	{Value: string(domain.DeliveryRetrying), Label: "Retrying",
		Hint: "They are tried again later in any case. A replay tries them now."},
	{Value: string(domain.DeliveryDelivered), Label: "Delivered",
		Hint: "The endpoint gets them a second time, with the same id."},
}

func recoverFields(sent url.Values) []formField {
	states := sent["state"]
	if states == nil {
		states = []string{string(domain.DeliveryExhausted), string(domain.DeliverySkipped)}
	}
	what := formField{ID: "state", Label: "Which deliveries", Kind: "ticks", Ticks: slices.Clone(deliveryTicks)}
	for n, t := range what.Ticks {
		what.Ticks[n].On = slices.Contains(states, t.Value)
	}
	since := formField{ID: "since", Label: "Of events of the last", Required: true,
		Value: cmp.Or(sent.Get("since"), "24 hours")}
	for _, s := range spans {
		since.Options = append(since.Options, s.label)
	}
	return []formField{what, since}
}

func (k *Console) recover(q *request) (answer, error) {
	sent := q.URL.Query()
	page := recoverPage{Chosen: domain.WebhookID(sent.Get("webhook")), Fields: recoverFields(sent)}
	var err error
	if page.Webhooks, err = webhooksOf(q); err != nil {
		return answer{}, err
	}
	slices.SortStableFunc(page.Webhooks, func(a, b contract.WebhookView) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	if page.Chosen != "" {
		c := countOf(page.Chosen, sent, k.now())
		if at := slices.IndexFunc(page.Webhooks, func(w contract.WebhookView) bool {
			return w.ID == page.Chosen
		}); at >= 0 {
			c.Name = page.Webhooks[at].Name
		}
		if page.Count, err = k.count(q, c, ""); err != nil {
			return answer{}, err
		}
		if page.Jobs, err = jobsOf(q, page.Chosen); err != nil {
			return answer{}, err
		}
	}
	return answer{template: "recover", title: "Recover", data: page}, nil
}

// countOf is what the form asks for, with the times fixed: what is counted is what is sent.
func countOf(w domain.WebhookID, sent url.Values, now time.Time) recoverCount {
	c := recoverCount{Webhook: w, From: now.Add(-24 * time.Hour).Truncate(time.Second).UTC(),
		To: now.Truncate(time.Second).UTC()}
	for _, s := range spans {
		if s.label == sent.Get("since") {
			c.From = c.To.Add(-s.since)
		}
	}
	for _, f := range recoverFields(sent)[0].Ticks {
		if f.On {
			c.States = append(c.States, domain.DeliveryState(f.Value))
		}
	}
	return c
}

// recoverPart is the next part of the count.
func (k *Console) recoverPart(q *request) (answer, error) {
	sent := q.URL.Query()
	c := recoverCount{Webhook: domain.WebhookID(sent.Get("webhook")), Name: sent.Get("name")}
	var err error
	if c.From, c.To, err = timesOf(sent); err != nil {
		return answer{}, err
	}
	c.Counted, _ = strconv.Atoi(sent.Get("counted"))
	for _, s := range sent["state"] {
		c.States = append(c.States, domain.DeliveryState(s))
	}
	part, err := k.count(q, c, sent.Get("cursor"))
	return answer{template: "recover-count", title: "Recover", data: part, part: q.Header.Get("HX-Request") != ""}, err
}

// count counts on from the cursor, a bounded part of the log.
func (k *Console) count(q *request, c recoverCount, cursor string) (*recoverCount, error) {
	out, err := call(q, contract.CountDeliveries, contract.CountDeliveriesInput{
		Webhook: c.Webhook, From: contract.Time{Time: c.From}, To: contract.Time{Time: c.To}, States: c.States,
		Cursor: cursor,
	})
	if err != nil {
		return nil, err
	}
	c.Counted += out.Body.Count
	c.Key, c.Admin, c.More = rand.Text(), q.Admin(), c.Counted > recoverMost
	if next := out.Body.NextCursor; next != "" && !c.More {
		query := url.Values{
			"webhook": {string(c.Webhook)}, "name": {c.Name}, "from": {c.From.Format(time.RFC3339)},
			"to":      {c.To.Format(time.RFC3339)},
			"counted": {strconv.Itoa(c.Counted)}, "cursor": {next}, "state": texts(c.States),
		}
		c.Poll = k.address.Path + root + "/recover/count?" + query.Encode()
	}
	return &c, nil
}

// Total is the count in words.
func (c recoverCount) Total() string {
	if c.More {
		return "More than 10,000 deliveries"
	}
	return numbered(c.Counted, "delivery", "deliveries")
}

// Wheres says which deliveries are counted.
func (c recoverCount) Wheres() string {
	return stateWords(c.States)
}

// startRecovery starts the job of what was counted.
func (k *Console) startRecovery(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	from, to, err := timesOf(q.PostForm)
	if err != nil {
		return answer{}, err
	}
	in := contract.CreateReplayInput{Webhook: domain.WebhookID(q.PostForm.Get("webhook"))}
	in.Body.From, in.Body.To = contract.Time{Time: from}, contract.Time{Time: to}
	for _, s := range q.PostForm["state"] {
		in.Body.States = append(in.Body.States, domain.DeliveryState(s))
	}
	out, err := callOnce(q, contract.CreateReplay, in, q.PostForm.Get("key"))
	page := "recover/" + string(out.Body.Webhook) + "/" + string(out.Body.ID)
	return goTo(page + ofCounted(q.PostForm.Get("of"))), err
}

func timesOf(sent url.Values) (from, to time.Time, err error) {
	if from, err = time.Parse(time.RFC3339, sent.Get("from")); err == nil {
		to, err = time.Parse(time.RFC3339, sent.Get("to"))
	}
	if err != nil {
		err = &contract.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid",
			Detail: fmt.Sprintf("%q and %q are not two times. Count again.", sent.Get("from"), sent.Get("to"))}
	}
	return from, to, err
}
