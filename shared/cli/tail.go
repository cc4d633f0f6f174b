package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"plugboard/shared/cli/pull"
)

type tailCommand struct {
	listening
	Body bool `help:"Show the body of each request."`
}

func (*tailCommand) Help() string {
	return "Nothing is forwarded, and nothing of the real endpoint's deliveries changes. The token needs the scope " +
		"deliveries:pull. Ctrl-C ends it."
}

// event is a delivery as it came.
type event struct {
	At        time.Time       `json:"event_at"`
	Webhook   string          `json:"webhook_id"`
	Delivery  string          `json:"delivery_id"`
	Event     string          `json:"event_id"`
	EventType string          `json:"event_type"`
	Attempt   int             `json:"attempt"`
	Body      json.RawMessage `json:"body"`
	shown     bool
}

func (e event) text(p *paper) {
	p.line("%s %s %s %s", e.At.Local().Format(time.TimeOnly), e.EventType, e.Event, e.Delivery)
	if !e.shown {
		return
	}
	var b bytes.Buffer
	json.Indent(&b, e.Body, "  ", "  ")
	p.line("  %s", strings.TrimSpace(b.String()))
}

func (c *tailCommand) Run(ctx context.Context, a *app) error {
	return a.listen(ctx, c.listening, func(p *puller) error {
		p.handle = func(_ context.Context, d pull.Delivery) (pull.Result, bool) {
			if err := a.save(c.Save, d); err != nil {
				a.screen.note("%s", failureOf(err).Detail)
			}
			a.screen.line(event{d.EventAt, p.webhook, d.ID, d.Event, d.EventType, d.Attempt, json.RawMessage(d.Body),
				c.Body})
			return pull.Result{}, true
		}
		return nil
	})
}
