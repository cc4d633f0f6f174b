package webhooks

import (
	"context"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// waitingLooked is how many waiting deliveries a pull looks at: more than it hands out, since some wait for their time.
const waitingLooked = 100

// forAgent hands out deliveries that wait for an agent (design rule 31). No delivery is claimed: without an
// acknowledgement it waits on, and is handed out again. The cursor only skips deliveries that were handed out or are
// not yet due. At the end it returns to the oldest.
func (p *pulling) forAgent(ctx context.Context) error {
	p.out.Body.Mode = "agent"
	if !p.webhook.Pulled() {
		return notPulled()
	}
	lease, held, err := p.store.TakeLease(ctx, p.webhook.ID, auth.From(ctx).Agent.ID, p.now.Add(domain.LeaseLasts))
	if err != nil {
		return err
	}
	p.out.Body.Lease = &contract.Lease{Held: held, Until: lease.Until}
	if !held {
		p.heldBack(contract.HeldLease, lease.Until)
		return nil
	}
	most, probe, err := p.allowed(ctx)
	if err != nil || most == 0 {
		return err
	}
	found, next, err := p.store.ParkedAfter(ctx, p.webhook.Account, p.webhook.ID, p.at.Place, waitingLooked)
	if err != nil {
		return err
	}
	due, soon, err := p.due(ctx, found)
	if err != nil {
		return err
	}
	p.at.Place = next
	if cut := min(most, p.limit); len(due) > cut {
		due = due[:cut]
		p.at.Place = due[cut-1].receipt.Place
	}
	if probe && len(due) > 0 {
		if err := p.claim(ctx); err != nil {
			return err
		}
		due[0].receipt.Probe = true
	}
	n, err := p.handOut(ctx, due)
	if err != nil {
		return err
	}
	if n < len(due) && n > 0 {
		p.at.Place = due[n-1].receipt.Place
	}
	p.askAgain(p.at.Place != "" || len(p.out.Body.Deliveries) > 0)
	if !soon.IsZero() {
		p.askBy(soon)
	}
	return nil
}

// allowed is how many deliveries the endpoint may get now, by its state and its breaker. probe is true when the only
// delivery is the breaker's probe. When none is allowed, the answer gives the reason and when to ask again.
func (p *pulling) allowed(ctx context.Context) (most int, probe bool, err error) {
	w, h := p.webhook, p.health
	switch {
	case h.State() == domain.HealthDisabled:
		p.heldBack(contract.HeldDisabled, time.Time{})
		return 0, false, nil
	case w.Paused:
		p.heldBack(contract.HeldPaused, time.Time{})
		return 0, false, nil
	}
	switch d := domain.Spared(h, domain.Dispatch{Slow: true}, p.now); d.Action {
	case domain.ActionProbe:
		return 1, true, nil
	case domain.ActionPark:
		p.heldBack(contract.HeldBreaker, h.Breaker.ProbeAt)
		return 0, false, nil
	case domain.ActionDefer:
		p.heldBack(contract.HeldPause, d.Until)
		return 0, false, nil
	}
	most = p.limit
	if w.Policy.MaxPerSecond > 0 { // the agent asks again after a second at the earliest
		most = min(most, w.Policy.MaxPerSecond)
		p.out.Body.AskAgain = 1
	}
	return most, false, nil
}

// claim gives the breaker's probe to this pull. Conflict `raced` when another process claimed it: the pull then
// starts again and finds the breaker held.
func (p *pulling) claim(ctx context.Context) error {
	claimed := p.health.Claimed(p.now)
	var tx store.Tx
	tx.Replace(&claimed)
	return p.store.Commit(store.Apart(ctx), &tx, nil)
}

// due are the found deliveries that may be handed out now. soon is the earliest time of a found delivery that is not
// due, zero for none. redelivery records deliveries of an older epoch, of a suspended extension, or past their time.
func (p *pulling) due(ctx context.Context, found []events.Delivery) (due []handed, soon time.Time, err error) {
	if len(found) == 0 {
		return nil, soon, nil
	}
	to, err := p.destination(ctx)
	if err != nil {
		return nil, soon, err
	}
	for _, d := range found {
		if domain.Decide(to, d.Dispatch(), p.now).Action != domain.ActionPark {
			continue
		}
		if d.NotBefore.After(p.now) {
			if soon.IsZero() || d.NotBefore.Before(soon) {
				soon = d.NotBefore
			}
			continue
		}
		due = append(due, handed{d, receipt{Webhook: p.webhook.ID, Place: store.ParkedPlaceOf(d)}})
	}
	return due, soon, nil
}

// heldBack answers without deliveries, and says when to ask again: at until, if it is known and sooner than
// domain.AskMost.
func (p *pulling) heldBack(why string, until time.Time) {
	p.out.Body.Held = why
	p.out.Body.AskAgain = int(domain.AskMost / time.Second)
	if !until.IsZero() {
		p.askBy(until)
	}
}

// askBy shortens the wait until the agent asks again, so that it asks at that time.
func (p *pulling) askBy(at time.Time) {
	wait := max(int(at.Sub(p.now).Round(time.Second)/time.Second), 1)
	p.out.Body.AskAgain = min(p.out.Body.AskAgain, wait)
}
