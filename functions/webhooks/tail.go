package webhooks

import (
	"context"
	"slices"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// forListener hands out what fan-out and replays kept for listeners since the cursor (design rule 30). The endpoint's
// own deliveries stay as they are: nothing is claimed, and no attempt is used up. The first pull only gives a cursor.
func (p *pulling) forListener(ctx context.Context, tx *store.Tx) error {
	p.out.Body.Mode = "tail"
	if err := p.mayListen(ctx); err != nil {
		return err
	}
	if p.at.given() && p.now.Sub(time.Unix(p.at.GivenAt, 0)) > domain.TailKept {
		return fault.New(fault.Conflict, "cursor-expired", "The cursor is older than 30 days. Begin without one; "+
			"list-deliveries tells what was sent, and replay-delivery sends it again.")
	}
	if p.webhook.Tail(p.now) {
		tx.Replace(&p.webhook)
	}
	if !p.at.given() {
		var err error
		p.at.Number, err = p.store.TailHead(ctx, p.webhook.ID)
		p.askAgain(false)
		return err
	}
	found, more, err := p.store.Tailed(ctx, p.webhook.Account, p.webhook.ID, p.at.Number, p.limit)
	if err != nil || len(found) == 0 {
		p.askAgain(more)
		return err
	}
	shown, last, err := p.listened(ctx, found)
	if err != nil {
		return err
	}
	n, err := p.handOut(ctx, shown)
	if err != nil {
		return err
	}
	if p.at.Number = last; n < len(shown) {
		p.at.Number, more = shown[n].receipt.Number-1, true
	}
	p.askAgain(more)
	return nil
}

// listened are the deliveries that a listener may have. last is the number of the last delivery dealt with. A pause
// or a disabled endpoint does not concern listeners. Deliveries of an older epoch are passed over, and a suspension
// holds every delivery back, as for a POST (design rule 5).
func (p *pulling) listened(ctx context.Context, found []store.Tailed) (shown []handed, last int64, err error) {
	to, err := p.destination(ctx)
	if err != nil {
		return nil, 0, err
	}
	to.Webhook.Paused, to.Health = false, domain.Health{}
	last = p.at.Number
	for _, t := range found {
		stopped := domain.Stopped(to, t.Dispatch()).Action
		if stopped == domain.ActionSkip {
			break
		}
		if last = t.Number; stopped == "" {
			shown = append(shown, handed{t.Delivery, receipt{Webhook: p.webhook.ID, Number: t.Number}})
		}
	}
	return shown, last, nil
}

// mayListen is Forbidden for a managed webhook outside the development account of its extension's partner: in a
// customer's account the partner hears what its endpoint is sent, and nobody else does.
func (p *pulling) mayListen(ctx context.Context) error {
	if p.webhook.Extension == "" {
		return nil
	}
	account, err := p.store.Account(ctx, p.webhook.Account)
	if err != nil {
		return err
	}
	e, err := p.store.Extension(ctx, p.webhook.Extension)
	if err != nil || slices.Contains(account.DevelopmentOf, e.Partner) {
		return err
	}
	return fault.New(fault.Forbidden, "not-development",
		"Only in its partner's development account does anybody listen to a webhook of %q.", e.ID)
}

// listenerLine is the log's line of a listener's answer. The body is not kept: it may echo a secret that only the
// listener's network should see.
func listenerLine(r contract.PulledResult, t store.Tailed, listener string, now time.Time) domain.Attempt {
	line := t.Line(now)
	line.Listener, line.Status, line.Milliseconds, line.Outcome = listener, r.Status, r.Milliseconds,
		domain.OutcomeDelivered
	if r.Status/100 != 2 {
		line.Outcome, line.Failure = domain.OutcomeFailed, domain.FailureStatus
		if r.Status == 0 {
			line.Failure = failureOf(r)
		}
	}
	return line
}
