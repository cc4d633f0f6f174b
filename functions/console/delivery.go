package console

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page of a delivery: its attempts in order, the request and the answer of one, and the replay.

type deliveryPageData struct {
	Delivery  contract.DeliveryView
	Webhook   contract.WebhookView
	Waiting   string // why it is held back now; empty when it is not
	Title     string
	Pill      pill
	Why       explanation
	Timeline  []timelineItem
	Shown     attemptShown
	Request   requestShown
	Facts     []keyValue
	Replay    string // where the form goes; empty where it may not be replayed
	Key       string
	Replayed  string // the number of the attempt that was asked for
	Page      string // of this delivery, below the console's root
	AllOfHook string
	AllOfType string
}

// timelineItem is an attempt, or what comes before and after the attempts. The newest is on top.
type timelineItem struct {
	Tone, Icon, Said, Text, Fact, Took, More string
	At                                       time.Time
	Page                                     string // shows that attempt; empty for others
	Open                                     bool
}

// attemptShown is the answer to one attempt, as it was kept.
type attemptShown struct {
	Number  int
	Fact    string
	Status  string
	Headers []keyValue
	Body    string
	Instead string // what is said where no answer was kept
}

type requestShown struct {
	Line, Host string
	Headers    []contract.RequestHeader
	Payload    string // indented for reading
	Curl       string
	Note       string
	Expired    bool
}

func (k *Console) delivery(q *request) (answer, error) {
	w, err := call(q, contract.ReadWebhook, contract.WebhookInput{Webhook: domain.WebhookID(q.PathValue("webhook_id"))})
	if err != nil {
		return answer{}, err
	}
	in := deliveryAsked(q)
	out, err := call(q, contract.ReadDelivery, in)
	if err != nil {
		return answer{}, err
	}
	d := out.Body
	r, err := call(q, contract.ReadDeliveryRequest, in)
	hidden := ""
	if p, ok := problem(err); ok && (p.Status == http.StatusConflict || p.Code == "other-workspace") {
		r.Body.URL, hidden, err = w.Body.URL, p.Detail, nil
	} else if err != nil {
		return answer{}, err
	}
	page := deliveryPageData{
		Delivery: d, Webhook: w.Body.WebhookView, Title: eventWords(d.EventType), Pill: deliveryPills[d.State],
		Why: explained(d, hostOf(r.Body.URL)),
		Key: rand.Text(), Replayed: q.URL.Query().Get("replayed"),
		Page:      deliveryPage(in.Webhook, in.Delivery, d.Attempts[0].EventDay),
		AllOfHook: "deliveries?webhook=" + string(in.Webhook),
		Waiting:   waitingWords(w.Body.WebhookView, w.Body.Parked, d),
	}
	shown := chosenAttempt(q, d.Attempts)
	page.Timeline, page.Shown = page.timeline(shown), shownAttempt(d.Attempts[shown])
	page.Request, page.Facts = shownRequest(r, d.Attempts[shown]), deliveryFacts(d)
	if hidden != "" {
		page.Request.Note = hidden
	}
	if q.Admin() && !page.Request.Expired {
		page.Replay = page.Page
	}
	return answer{template: "delivery", title: page.Title + " · " + page.Webhook.Name, data: page}, nil
}

func deliveryAsked(q *request) contract.ReadDeliveryInput {
	return contract.ReadDeliveryInput{
		Webhook: domain.WebhookID(q.PathValue("webhook_id")), Delivery: domain.DeliveryID(q.PathValue("delivery_id")),
		Day: q.URL.Query().Get("day"),
	}
}

// replayDelivery sends it again, and comes back to the page.
func (k *Console) replayDelivery(q *request) (answer, error) {
	asked := deliveryAsked(q)
	out, err := callOnce(q, contract.ReplayDelivery, contract.ReplayDeliveryInput(asked), q.PostFormValue("key"))
	if err != nil {
		return answer{}, err
	}
	return goTo(deliveryPage(asked.Webhook, asked.Delivery, asked.Day) + "&replayed=" +
		strconv.Itoa(out.Body.Attempt)), nil
}

// chosenAttempt is the place of the attempt that the address names, or of the last.
func chosenAttempt(q *request, attempts []domain.Attempt) int {
	n, err := strconv.Atoi(q.URL.Query().Get("attempt"))
	if err != nil || n < 1 || n > len(attempts) {
		return len(attempts) - 1
	}
	return n - 1
}

// Again tells whether the attempt that was asked for is not made yet.
func (p deliveryPageData) Again() bool {
	n, err := strconv.Atoi(p.Replayed)
	return err == nil && n > p.Delivery.Attempts[len(p.Delivery.Attempts)-1].Number
}

// timeline has what is next on top, and the event at its foot.
func (p deliveryPageData) timeline(shown int) []timelineItem {
	attempts := p.Delivery.Attempts
	first, last := attempts[0], attempts[len(attempts)-1]
	var all []timelineItem
	if p.Delivery.State == domain.DeliveryRetrying && !last.NextAt.IsZero() {
		all = append(all, timelineItem{Tone: "busy", Icon: "clock", Said: "to come", Text: "Next attempt",
			At: last.NextAt, More: p.Waiting})
	}
	for n, a := range slices.Backward(attempts) {
		item := timelineItem{Tone: "bad", Icon: "cross", Said: "failed", Text: fmt.Sprintf("Attempt %d", a.Number),
			At: a.At, Open: n == shown}
		item.Page = fmt.Sprintf("%s&attempt=%d", p.Page, n+1)
		switch a.Outcome {
		case domain.OutcomeDelivered:
			item.Tone, item.Icon, item.Said = "good", "check", "delivered"
		case domain.OutcomeSkipped, domain.OutcomeCancelled:
			item.Tone, item.Icon, item.Said, item.Text = "off", "pause", string(a.Outcome), "Not sent"
		}
		if item.Fact = failureWords[a.Failure]; a.Status != 0 {
			item.Fact = strconv.Itoa(a.Status)
		}
		if a.Milliseconds > 0 {
			item.Took = millisecondWords(a.Milliseconds)
		}
		if n > 0 && attempts[n-1].Number == a.Number {
			item.Text += ", made again"
			item.More = "A process ended before it recorded the first request. The endpoint got the same id twice."
		}
		all = append(all, item)
	}
	return append(all, timelineItem{Tone: "off", Icon: "activity", Said: "the event", Text: p.Title,
		At: cmp.Or(first.EventAt, first.At)})
}

// waitingWords says what holds a delivery back whose next attempt is due.
func waitingWords(w contract.WebhookView, parked int, d contract.DeliveryView) string {
	switch {
	case d.State != domain.DeliveryRetrying:
		return ""
	case w.Health.Breaker != nil:
		return "Its endpoint fails, so one probe is sent at a time. Waiting uses up no attempt. " +
			parkedWords(parked)
	case !w.Health.PausedUntil.IsZero():
		return "Its endpoint asked for a pause. Waiting uses up no attempt."
	}
	return ""
}

// parkedWords says how many deliveries wait. The API counts up to a limit.
func parkedWords(n int) string {
	switch {
	case n == 0:
		return ""
	case n == 1:
		return "1 delivery waits and is not lost."
	case n >= contract.ParkedMost:
		return fmt.Sprintf("%d deliveries or more wait and none is lost.", contract.ParkedMost)
	}
	return fmt.Sprintf("%d deliveries wait and none is lost.", n)
}

func shownAttempt(a domain.Attempt) attemptShown {
	s := attemptShown{Number: a.Number, Body: a.Excerpt}
	if a.Status != 0 {
		s.Status = strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	}
	if a.Milliseconds > 0 {
		s.Fact = millisecondWords(a.Milliseconds)
	}
	for _, name := range sortedKeys(a.Headers) {
		s.Headers = append(s.Headers, keyValue{name, a.Headers[name]})
	}
	switch {
	case a.Outcome == domain.OutcomeDelivered:
		s.Instead = "Only the status of a success is kept."
	case a.Outcome == domain.OutcomeSkipped || a.Outcome == domain.OutcomeCancelled:
		s.Instead = "Nothing was sent: " + sentence(a.Reason)
	case a.Status == 0:
		s.Instead = "There was no answer: " + sentence(a.Reason)
	case s.Body == "":
		s.Instead = "The answer had no body."
	}
	return s
}

// shownRequest is the request of an attempt, which has its own URL where it was kept.
func shownRequest(r contract.ReadDeliveryRequestOutput, a domain.Attempt) requestShown {
	to, kept := cmp.Or(a.URL, r.Body.URL), a.URL != ""
	s := requestShown{Line: to, Host: hostOf(to), Headers: r.Body.Headers, Expired: r.Body.Payload == ""}
	if s.Expired {
		s.Note = "The event is no longer stored, and so its body cannot be shown."
		return s
	}
	if !kept {
		s.Note = "The URL of this attempt was not kept. This is the webhook’s URL, or that of a later attempt."
	}
	var readable bytes.Buffer
	if s.Payload = r.Body.Payload; json.Indent(&readable, []byte(s.Payload), "", "  ") == nil {
		s.Payload = readable.String()
	}
	s.Curl = curlOf(to, r)
	return s
}

// placeholders stand for values that are not shown.
var placeholders = map[string]string{
	contract.HeaderSecret: "‹secret›", contract.HeaderAccessToken: "‹access token›",
	contract.HeaderPerAttempt: "‹made anew for each attempt›",
}

func headerText(h contract.RequestHeader) string { return cmp.Or(h.Value, placeholders[h.Why]) }

// curlOf is a command for a shell, which sends the same body to the byte. Nothing in it is read by the shell.
func curlOf(to string, r contract.ReadDeliveryRequestOutput) string {
	quoted := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	lines := []string{"curl -X POST " + quoted(to)}
	for _, h := range r.Body.Headers {
		lines = append(lines, "-H "+quoted(h.Name+": "+headerText(h)))
	}
	lines = append(lines, "--data-binary "+quoted(r.Body.Payload))
	return strings.Join(lines, " \\\n  ")
}

func deliveryFacts(d contract.DeliveryView) []keyValue {
	first := d.Attempts[0]
	facts := []keyValue{{"Delivery", string(d.ID)}, {"Event", string(d.Event)}}
	if first.Contract != "" {
		facts = append(facts, keyValue{"Contract", string(first.Contract)})
	}
	at := cmp.Or(first.EventAt, first.At)
	return append(facts, keyValue{"Attempts", strconv.Itoa(madeAttempts(d.Attempts))},
		keyValue{"Kept until", at.AddDate(0, 0, 30).UTC().Format("2 Jan 2006")})
}
