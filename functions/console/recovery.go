package console

import (
	"crypto/rand"
	"slices"

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
	Cancel string // the page that asks; empty when there is nothing to cancel, or for a member
}

// recoveryRow is a job in a list.
type recoveryRow struct {
	contract.ReplayView
	Pill pill
	Page string
}

var recoveryPills = map[domain.ReplayState]pill{
	domain.ReplayRunning:   {"busy", "clock", "Sending"},
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
	if r.State == domain.ReplayRunning {
		at := k.address.Path + root + "/" + pagePath("recovery", string(r.Webhook), string(r.ID))
		p.Poll = at + "/progress"
		if q.Admin() {
			p.Cancel = at + "/cancel"
		}
	}
	return p
}

func recoverySays(r contract.ReplayView) string {
	switch {
	case r.State == domain.ReplayRunning:
		return "Some 33 deliveries a second are sent. You can leave this page."
	case r.State == domain.ReplayDone && r.Sent == 0:
		return "Nothing of it could be sent again."
	case r.State == domain.ReplayDone:
		return "It is through. The attempts of each delivery tell its result."
	case r.State == domain.ReplayCancelled:
		return "Nothing more is sent. What was sent before goes on."
	}
	return sentence(r.Reason) + " What was sent before goes on. Correct it, and start another."
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
			{"off", "minus", "What is sent already goes on: " + numbered(r.Body.Sent, "delivery", "deliveries") + "."},
			{"good", "check", "You can start another at any time."},
		},
	}
	return answer{template: "confirm-cancellation", title: page.Title, data: page}, nil
}

func (k *Console) cancelRecovery(q *request) (answer, error) {
	in := replayAsked(q)
	_, err := callOnce(q, contract.CancelReplay, in, q.PostFormValue("key"))
	if p, ok := problem(err); ok && p.Code == "replay-state" { // it ended meanwhile, as its page says
		err = nil
	}
	return goTo(pagePath("recovery", string(in.Webhook), string(in.Replay))), err
}
