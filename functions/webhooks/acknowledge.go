package webhooks

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// receipt names a delivery that was handed out. A listener's receipt has the delivery's number, and an agent's the
// delivery's place among the waiting ones.
type receipt struct {
	Webhook  domain.WebhookID `json:"w"`
	Number   int64            `json:"n,omitempty"`
	Place    string           `json:"p,omitempty"`
	Probe    bool             `json:"b,omitempty"` // it was a breaker's probe
	SignedAt int64            `json:"t,omitempty"` // Unix time
}

func (r receipt) String() string {
	raw, _ := json.Marshal(r) // texts and numbers always encode
	return base64.RawURLEncoding.EncodeToString(raw)
}

// latestTime is the last second of the year 9999, the latest time that can be stored. Receipts are not signed: a
// forged one with a later time would store an item that no function can read.
const latestTime = 253402300799

// receiptOf reads a receipt of the webhook; false for any other text.
func receiptOf(text string, w domain.WebhookID, agent bool) (receipt, bool) {
	var r receipt
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	return r, err == nil && r.Webhook == w && (r.Place != "") == agent && (r.Number > 0) == !agent &&
		r.SignedAt >= 0 && r.SignedAt <= latestTime
}

// AcknowledgeDeliveries records what became of pulled deliveries. A listener's answers become lines of their own in the
// log. An agent's answer ends the hand-out and goes to delivery, which deals with it as with the answer to a POST. Each
// receipt counts once: of two agents that had the same delivery, the first to acknowledge decides.
//
// Invalid for receipts of other webhooks: then nothing is recorded.
func (s *Service) AcknowledgeDeliveries(ctx context.Context, in *contract.AcknowledgeDeliveriesInput) (
	*contract.AcknowledgeDeliveriesOutput, error,
) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	agent := auth.From(ctx).Agent
	receipts := make([]receipt, len(in.Body.Results))
	var wrong []fault.Field
	for i, r := range in.Body.Results {
		var ok bool
		if receipts[i], ok = receiptOf(r.Receipt, w.ID, agent != nil); !ok {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/results/%d/receipt", i), Code: "invalid",
				Detail: "This is no receipt that you got for this webhook."})
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	out := &contract.AcknowledgeDeliveriesOutput{}
	if agent != nil {
		out.Body.Results, err = s.answered(store.Apart(ctx), w, *agent, in.Body.Results, receipts)
	} else {
		out.Body.Results, err = s.heard(ctx, w, in.Body.Results, receipts)
	}
	return out, err
}

// heard appends listeners' lines.
func (s *Service) heard(ctx context.Context, w domain.Webhook, results []contract.PulledResult, receipts []receipt) (
	[]contract.Acknowledged, error,
) {
	var lines []domain.Attempt
	all := []contract.Acknowledged{}
	for i, r := range results {
		t, err := s.store.TailedAt(ctx, w.Account, w.ID, receipts[i].Number)
		if err != nil {
			return nil, receiptFault(i, err)
		}
		lines = append(lines, listenerLine(r, t, auth.From(ctx).Principal, s.now()))
		all = append(all, contract.Acknowledged{Delivery: t.ID, Attempt: t.Attempt})
	}
	return all, s.store.AppendAttempts(ctx, lines)
}

// receiptFault turns NotFound into Invalid, at the receipt: its delivery is not kept any more.
func receiptFault(i int, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return fault.InvalidFields([]fault.Field{{Pointer: fmt.Sprintf("/results/%d/receipt", i), Code: "invalid",
		Detail: "What the receipt is for is not kept any more."}})
}

// acknowledgedAtOnce is how many results are recorded concurrently.
const acknowledgedAtOnce = 8

// answered records an agent's results, each in a transaction of its own.
func (s *Service) answered(ctx context.Context, w domain.Webhook, agent domain.AgentKey,
	results []contract.PulledResult,
	receipts []receipt) ([]contract.Acknowledged, error) {
	all, faults := make([]contract.Acknowledged, len(results)), make([]error, len(results))
	slots := make(chan struct{}, acknowledgedAtOnce)
	var working sync.WaitGroup
	for i := range results {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			all[i], faults[i] = s.answer(ctx, w, agent, results[i], receipts[i])
		})
	}
	working.Wait()
	return all, errors.Join(faults...)
}

// acknowledgedBefore is the code of the Conflict when a delivery was acknowledged before.
const acknowledgedBefore = "acknowledged-before"

// answer ends the wait of one delivery and hands its answer to delivery, by one transaction.
func (s *Service) answer(ctx context.Context, w domain.Webhook, agent domain.AgentKey, r contract.PulledResult,
	at receipt) (
	contract.Acknowledged, error,
) {
	d, err := s.store.ParkedAt(ctx, w.Account, w.ID, at.Place)
	if fault.KindOf(err) == fault.NotFound {
		id, attempt := store.ParkedPlace(at.Place)
		return contract.Acknowledged{Delivery: id, Attempt: attempt, Already: true}, nil
	}
	if err != nil {
		return contract.Acknowledged{}, err
	}
	done := contract.Acknowledged{Delivery: d.ID, Attempt: d.Attempt}
	var tx store.Tx
	tx.Unpark(d).Else(fault.New(fault.Conflict, acknowledgedBefore, "The delivery was acknowledged before."))
	d.Answer = answerOf(r, agent, at, s.now())
	tx.Resend(events.Resend{ID: s.newID("rsd"), Account: w.Account, Delivery: &d})
	if err = s.store.Commit(ctx, &tx, nil); fault.Is(err, acknowledgedBefore) {
		done.Already, err = true, nil
	}
	return done, err
}

func answerOf(r contract.PulledResult, agent domain.AgentKey, at receipt, now time.Time) *events.Answer {
	a := &events.Answer{
		Agent: agent.ID, At: now, SignedAt: time.Unix(at.SignedAt, 0).UTC(), Milliseconds: r.Milliseconds,
		Status:  r.Status,
		Headers: r.Headers, Probe: at.Probe,
	}
	if r.Status/100 != 2 {
		a.Body = r.Body
	}
	if r.Status == 0 {
		a.Failure = failureOf(r)
	}
	return a
}

// failureOf is why an agent or a listener got no answer.
func failureOf(r contract.PulledResult) domain.FailureClass {
	return cmp.Or(r.Failure, domain.FailureConnection)
}
