package console

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page of a recovery: a replay job with its progress, which polls, and its cancellation.

type recoveryPage struct {
	Webhook contract.WebhookView
	Part    recoveryPart
}

// recoveryPart is what polls.
type recoveryPart struct {
	contract.ReplayView
	Pill   pill
	Says   string
	Poll   string
	Change string // where pausing, resuming and cancelling go; empty when there is nothing to change, or for a member
	Key    string
	Of     int // how many were counted before; 0 where that is not known
}

// recoveryRow is a job in a list.
type recoveryRow struct {
	contract.ReplayView
	Pill pill
	Page string
}

var recoveryPills = map[domain.ReplayState]pill{
	domain.ReplayRunning:   {"busy", "clock", "Sending"},
	domain.ReplayPaused:    {"off", "pause", "Paused"},
	domain.ReplayDone:      {"good", "check", "Done"},
	domain.ReplayStopped:   {"bad", "cross", "Stopped"},
	domain.ReplayCancelled: {"off", "minus", "Cancelled"},
}

// jobsShown is how many of a webhook's jobs the page shows, the newest first.
const jobsShown = 10

func jobsOf(q *request, w domain.WebhookID) ([]recoveryRow, error) {
	out, err := call(q, contract.ListReplays,
		contract.ListReplaysInput{Webhook: w, PageInput: contract.PageInput{Limit: 100}})
	var rows []recoveryRow
	for _, r := range out.Body.Items {
		rows = append(rows, recoveryRow{r, recoveryPills[r.State], pagePath("recovery", string(w), string(r.ID))})
	}
	slices.SortStableFunc(rows, func(a, b recoveryRow) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return rows[:min(len(rows), jobsShown)], err
}

func replayAsked(q *request) contract.ReplayInput {
	return contract.ReplayInput{Webhook: domain.WebhookID(q.PathValue("webhook_id")),
		Replay: domain.ReplayID(q.PathValue("replay_id"))}
}

func (k *Console) recovery(q *request) (answer, error) {
	r, err := call(q, contract.ReadReplay, replayAsked(q))
	if err != nil {
		return answer{}, err
	}
	w, err := call(q, contract.ReadWebhook, contract.WebhookInput{Webhook: r.Body.Webhook})
	page := recoveryPage{Webhook: w.Body.WebhookView, Part: k.recoveryPart(q, r.Body)}
	return answer{template: "recovery", title: "Recovery of " + w.Body.Name, data: page}, err
}

func (k *Console) recoveryProgress(q *request) (answer, error) {
	r, err := call(q, contract.ReadReplay, replayAsked(q))
	return answer{template: "recovery-part", data: k.recoveryPart(q, r.Body), part: true}, err
}

func (k *Console) recoveryPart(q *request, r contract.ReplayView) recoveryPart {
	p := recoveryPart{ReplayView: r, Pill: recoveryPills[r.State], Says: recoverySays(r)}
	p.Of, _ = strconv.Atoi(q.URL.Query().Get("of"))
	at := k.address.Path + root + "/" + pagePath("recovery", string(r.Webhook), string(r.ID))
	if r.State == domain.ReplayRunning {
		p.Poll = at + "/progress" + ofCounted(q.URL.Query().Get("of"))
	}
	if r.State.Unfinished() && q.Admin() {
		p.Change, p.Key = at+"/", rand.Text()
	}
	return p
}

// ofCounted is the query that tells a recovery's page how many deliveries were counted. It is empty where that is not
// known, and for more than are counted exactly.
func ofCounted(text string) string {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= recoverMost {
		return "?of=" + strconv.Itoa(n)
	}
	return ""
}

// Paused tells whether the job waits for somebody.
func (p recoveryPart) Paused() bool { return p.State == domain.ReplayPaused }

// InWords are the states that the job looks for.
func (p recoveryPart) InWords() string { return stateWords(p.States) }

// stateWords are states of deliveries in words, as in "given up or skipped".
func stateWords(states []domain.DeliveryState) string {
	var words []string
	for _, s := range states {
		if known, ok := deliveryPills[s]; ok {
			words = append(words, strings.ToLower(known.Word))
		}
	}
	return joined(words, "or")
}

func recoverySays(r contract.ReplayView) string {
	switch {
	case r.State == domain.ReplayRunning:
		return "About 33 deliveries a second are sent. You can leave this page."
	case r.State == domain.ReplayPaused:
		return "Nothing more is sent until somebody resumes it. Up to 100 deliveries of the page that was under " +
			"way go on."
	case r.State == domain.ReplayDone && r.Sent == 0:
		return "No delivery could be sent again."
	case r.State == domain.ReplayDone:
		return "Every delivery was sent. The attempts of each tell its result."
	case r.State == domain.ReplayCancelled:
		return "Nothing more is sent. Deliveries that were sent before go on."
	}
	return sentence(r.Reason) + " Deliveries that were sent before go on. Correct the cause, and start another " +
		"recovery."
}

func (k *Console) confirmCancellation(q *request) (answer, error) {
	r, err := call(q, contract.ReadReplay, replayAsked(q))
	if err != nil {
		return answer{}, err
	}
	at := pagePath("recovery", string(r.Body.Webhook), string(r.Body.ID))
	page := confirmation{
		Title: "Cancel the recovery?", Action: "cancel", Key: rand.Text(), Button: "danger",
		Label: "Cancel the recovery", Back: q.Root() + at, Keep: "Go on",
		Outcomes: []outcome{
			{"bad", "cross", "Nothing more is sent again."},
			{"off", "minus", "Deliveries that were sent already go on: " +
				numbered(r.Body.Sent, "delivery", "deliveries") + "."},
			{"good", "check", "You can start another at any time."},
		},
	}
	return answer{template: "confirm-cancellation", title: page.Title, data: page}, nil
}

// recoveryChanges are the changes of a job by their word in the path.
var recoveryChanges = map[string]func(*request, contract.ReplayInput, string) error{
	"pause":  changesRecovery(contract.PauseReplay),
	"resume": changesRecovery(contract.ResumeReplay),
	"cancel": changesRecovery(contract.CancelReplay),
}

func changesRecovery[O any](op contract.Op[contract.ReplayInput, O]) func(*request, contract.ReplayInput,
	string) error {
	return func(q *request, in contract.ReplayInput, key string) error {
		_, err := callOnce(q, op, in, key)
		return err
	}
}

func (k *Console) changeRecovery(q *request) (answer, error) {
	change, ok := recoveryChanges[q.PathValue("change")]
	if !ok {
		return answer{}, noSuchChange()
	}
	in := replayAsked(q)
	err := change(q, in, q.PostFormValue("key"))
	if p, ok := problem(err); ok && p.Code == "replay-state" { // it ended meanwhile, as its page says
		err = nil
	}
	return goTo(pagePath("recovery", string(in.Webhook), string(in.Replay)) + ofCounted(q.PostFormValue("of"))), err
}
