package cli

import (
	"context"
	"time"

	"plugboard/shared/domain"
)

type replayCommand struct {
	Delivery string   `arg:"" optional:"" help:"The delivery's id, dlv_…. Without it: all that --since and the other filters find."`
	Webhook  string   `required:"" help:"The webhook of the deliveries." placeholder:"ID"`
	Since    string   `help:"Deliveries of events since then: a time such as 2026-11-22T09:30:00Z, or a duration such as 2h." placeholder:"TIME"`
	Until    string   `help:"Deliveries of events before then. Default: now." placeholder:"TIME"`
	State    []string `help:"Deliveries in this state: delivered, retrying, exhausted, skipped or cancelled. Repeatable. Default: exhausted and skipped." placeholder:"STATE"`
	Event    []string `help:"Deliveries of events of this type. Repeatable." placeholder:"TYPE"`
	NoWait   bool     `help:"Do not wait until it is done."`
}

// replaying is a replay job as read-replay shows it.
type replaying struct {
	ID      string             `json:"id"`
	Webhook string             `json:"webhook_id"`
	State   domain.ReplayState `json:"state"`
	Reason  string             `json:"reason,omitempty"`
	domain.ReplayProgress
}

func (r replaying) text(p *paper) {
	switch r.State {
	case domain.ReplayDone:
		p.good("%s: %s sent again.", r.ID, plural(r.Sent, "delivery"))
	case domain.ReplayRunning:
		p.line(
			"%s runs. `plugboard api read-replay --webhook-id %s --replay-id %s` shows its progress.",
			r.ID,
			r.Webhook,
			r.ID,
		)
	default:
		p.bad("%s is %s. %s", r.ID, r.State, r.Reason)
	}
}

func (c *replayCommand) Run(ctx context.Context, a *app) error {
	if c.Delivery == "" {
		return c.many(ctx, a)
	}
	if c.Since != "" || c.Until != "" || len(c.State) > 0 || len(c.Event) > 0 {
		return fail(ExitUsage, "usage", "Give a delivery, or --since with other filters.")
	}
	var started struct {
		Delivery string `json:"delivery_id"`
		Attempt  int    `json:"attempt"`
	}
	if err := a.call(ctx, "replay-delivery", input{"webhook_id": c.Webhook, "delivery_id": c.Delivery},
		&started); err != nil {
		return err
	}
	s := sent{Delivery: started.Delivery, Webhook: c.Webhook}
	if c.NoWait {
		return a.screen.show(s)
	}
	return a.showAttempt(ctx, s, started.Attempt)
}

func (c *replayCommand) many(ctx context.Context, a *app) error {
	if c.Since == "" {
		return fail(ExitUsage, "usage", "Give a delivery, or --since for all since then.")
	}
	in := input{"webhook_id": c.Webhook}
	var err error
	if in["from"], err = a.moment(c.Since, "--since"); err != nil {
		return err
	}
	if c.Until != "" {
		if in["to"], err = a.moment(c.Until, "--until"); err != nil {
			return err
		}
	}
	if len(c.State) > 0 {
		in["states"] = c.State
	}
	if len(c.Event) > 0 {
		in["event_types"] = c.Event
	}
	var job replaying
	if err := a.call(ctx, "create-replay", in, &job); err != nil {
		return err
	}
	for job.State == domain.ReplayRunning && !c.NoWait {
		a.screen.doing("%s: %s sent so far …", job.ID, plural(job.Sent, "delivery"))
		if err := a.Wait(ctx, time.Second); err != nil {
			return err
		}
		if err := a.call(ctx, "read-replay", input{"webhook_id": c.Webhook, "replay_id": job.ID}, &job); err != nil {
			return err
		}
	}
	if err := a.screen.show(job); err != nil || job.State == domain.ReplayDone || c.NoWait {
		return err
	}
	return errNo
}

// moment reads a time, or a duration before now.
func (a *app) moment(given, flag string) (string, error) {
	if ago, err := time.ParseDuration(given); err == nil && ago > 0 {
		return a.Now().Add(-ago).UTC().Format(time.RFC3339), nil
	}
	if at, err := time.Parse(time.RFC3339, given); err == nil {
		return at.UTC().Format(time.RFC3339Nano), nil
	}
	return "", fail(
		ExitUsage,
		"usage",
		"%s takes a time such as 2026-11-22T09:30:00Z, or a duration such as 2h, not %q.",
		flag,
		given,
	)
}
