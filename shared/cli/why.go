package cli

import (
	"context"
	"fmt"
	"time"

	"plugboard/shared/domain"
)

type whyCommand struct {
	Event    string `arg:"" help:"The event's id, evt_…"`
	Webhook  string `arg:"" help:"The webhook's id, whk_…"`
	Contract string `help:"The event's contract. Needed where no webhook was sent the event." placeholder:"ID"`
}

func (*whyCommand) Help() string {
	return "The exit code is 1 when the webhook does not hear the event."
}

// heardEvent and hearer are what list-event-audience answers with, as far as it is told here.
type heardEvent struct {
	ID           string `json:"id"`
	Type         string `json:"event_type"`
	Contract     string `json:"contract_id,omitempty"`
	Origin       string `json:"origin_extension_id,omitempty"`
	TemplateType string `json:"template_type_id,omitempty"`
	Workspace    string `json:"workspace_id,omitempty"`
	Installation string `json:"installation_extension_id,omitempty"`
	Only         string `json:"only_webhook_id,omitempty"`
}

type hearer struct {
	Webhook       string        `json:"webhook_id"`
	Name          string        `json:"name"`
	Extension     string        `json:"extension_id,omitempty"`
	TemplateType  string        `json:"template_type_id,omitempty"`
	EventTypes    []string      `json:"event_types,omitempty"`
	Origins       []string      `json:"origin_extension_ids,omitempty"`
	Workspaces    []string      `json:"workspace_ids,omitempty"`
	TemplateTypes []string      `json:"template_type_ids,omitempty"`
	Heard         bool          `json:"heard"`
	Clause        domain.Clause `json:"clause,omitempty"`
	ChangedSince  bool          `json:"changed_since,omitempty"`
}

type reason struct {
	Event   heardEvent `json:"event"`
	Webhook hearer     `json:"webhook"`
	Reason  string     `json:"reason"`
}

func (r reason) text(p *paper) {
	if r.Webhook.Heard {
		p.good("%s hears %s (%s).", r.Webhook.Name, r.Event.ID, r.Event.Type)
	} else {
		p.bad("%s does not hear %s (%s). %s", r.Webhook.Name, r.Event.ID, r.Event.Type, r.Reason)
	}
	if r.Webhook.ChangedSince {
		p.dim("The webhook was created or changed after the event; this is by the webhook as it is now.")
	}
}

func (c *whyCommand) Run(ctx context.Context, a *app) error {
	in := input{"event_id": c.Event}
	if c.Contract != "" {
		in["contract_id"] = c.Contract
	}
	for {
		var page struct {
			Event      heardEvent `json:"event"`
			Items      []hearer   `json:"items"`
			NextCursor string     `json:"next_cursor"`
		}
		if err := a.call(ctx, "list-event-audience", in, &page); err != nil {
			return err
		}
		for _, w := range page.Items {
			if w.Webhook == c.Webhook {
				return c.answer(a, reason{page.Event, w, because(page.Event, w)})
			}
		}
		if page.NextCursor == "" {
			return fail(ExitNotFound, "not-found", "There is no webhook %s that you may see.", c.Webhook)
		}
		in["cursor"] = page.NextCursor
	}
}

func (c *whyCommand) answer(a *app, r reason) error {
	if err := a.screen.show(r); err != nil || r.Webhook.Heard {
		return err
	}
	return errNo
}

// because says in a sentence which clause of rule 17 refused the event.
func because(e heardEvent, w hearer) string {
	switch w.Clause {
	case domain.Heard:
		return ""
	case domain.ClauseMeantFor:
		return fmt.Sprintf("The event is a ping or a test for %s alone.", e.Only)
	case domain.ClauseItself:
		return "The event is about this webhook, which does not hear of itself."
	case domain.ClauseInstallation:
		return fmt.Sprintf(
			"The event is about the extension %s, and the webhook hears of %s alone.",
			e.Installation,
			w.Extension,
		)
	case domain.ClauseEnded:
		return "The webhook's installation had ended before the event happened."
	case domain.ClauseOrigin:
		return fmt.Sprintf(
			"%s, and the webhook hears only contracts made through %s.",
			origin(e),
			anyOf(w.Origins, w.Extension),
		)
	case domain.ClauseTemplateType:
		return fmt.Sprintf(
			"The contract's template type is %s, and the webhook hears only %s.",
			e.TemplateType,
			anyOf(w.TemplateTypes, w.TemplateType),
		)
	case domain.ClauseEventType:
		return fmt.Sprintf("The webhook hears only %s.", anyOf(w.EventTypes, "other event types"))
	case domain.ClauseWorkspace:
		return fmt.Sprintf(
			"The contract is in the workspace %s, and the webhook hears only %s.",
			e.Workspace,
			anyOf(w.Workspaces, "others"),
		)
	}
	return fmt.Sprintf("The clause %s refuses it.", w.Clause)
}

func origin(e heardEvent) string {
	if e.Origin == "" {
		return "The contract was made by hand"
	}
	return "The contract was made through " + e.Origin
}

// anyOf lists a filter; other is what a managed webhook has instead of it.
func anyOf(filter []string, other string) string {
	switch len(filter) {
	case 0:
		return other
	case 1:
		return filter[0]
	}
	said := filter[0]
	for _, f := range filter[1 : len(filter)-1] {
		said += ", " + f
	}
	return said + " and " + filter[len(filter)-1]
}

// briefly rounds a duration for people.
func briefly(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < 2*time.Hour:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Round(time.Hour)/time.Hour), "hour")
	}
	return plural(int(d.Round(24*time.Hour)/(24*time.Hour)), "day")
}
