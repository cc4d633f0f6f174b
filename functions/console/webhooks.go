package console

import (
	"cmp"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Webhooks: every webhook with its health at a glance.

type webhooksPage struct {
	NeedYou, Rest []webhookRow
}

type webhookRow struct {
	Name, Page, Host, Hears, ManagedBy string
	Pill                               pill
	Says                               string
	Next                               time.Time // the next probe; zero without one
}

// parkedRead is how many webhooks with an open breaker are read for their count of waiting deliveries.
const parkedRead = 10

func (k *Console) webhooks(q *request) (answer, error) {
	hooks, err := webhooksOf(q)
	if err != nil {
		return answer{}, err
	}
	var page webhooksPage
	counted := 0
	for _, w := range hooks {
		parked := 0
		if w.Health.Breaker != nil && counted < parkedRead {
			counted++
			read, err := call(q, contract.ReadWebhook, contract.WebhookInput{Webhook: w.ID})
			if err != nil {
				return answer{}, err
			}
			parked = read.Body.Parked
		}
		row := webhookRowOf(w, parked)
		if tone := row.Pill.Tone; tone == "bad" || tone == "ask" {
			page.NeedYou = append(page.NeedYou, row)
		} else {
			page.Rest = append(page.Rest, row)
		}
	}
	return answer{template: "webhooks", title: "Webhooks", data: page}, nil
}

func webhookRowOf(w contract.WebhookView, parked int) webhookRow {
	row := webhookRow{
		Name: cmp.Or(w.Name, string(w.ID)), Page: "webhooks/" + string(w.ID), Host: hostOf(w.URL),
		Hears: hearsInWords(w), ManagedBy: string(w.Extension),
		Pill: healthPill(w), Says: strings.TrimSpace(healthWords(w) + " " + parkedWords(parked)),
	}
	if w.Health.Breaker != nil {
		row.Next = w.Health.Breaker.NextProbeAt
	}
	return row
}

// healthPill is how a webhook fares: what stops it comes before what slows it.
func healthPill(w contract.WebhookView) pill {
	switch {
	case w.Disabled != nil:
		return pill{"bad", "cross", "Disabled"}
	case w.Paused:
		return pill{"off", "pause", "Paused"}
	case w.Health.Breaker != nil:
		return pill{"bad", "warn", "Cannot be reached"}
	case w.Health.State == domain.HealthWarned:
		return pill{"bad", "warn", "Fails for a day"}
	case w.Health.State == domain.HealthFailing:
		return pill{"ask", "retry", "Failing"}
	case !w.Health.PausedUntil.IsZero():
		return pill{"busy", "clock", "Asked for a pause"}
	case !w.Health.SlowSince.IsZero():
		return pill{"ask", "clock", "Slow"}
	}
	return pill{"good", "check", "Works"}
}

// healthWords says what the state means and what to do.
func healthWords(w contract.WebhookView) string {
	switch {
	case w.Disabled != nil:
		return "Nothing is sent until someone enables it. " + sentence(w.Disabled.Reason)
	case w.Paused:
		return "Nothing is sent. What happens meanwhile is recorded as skipped, and can be replayed."
	case w.Health.Breaker != nil:
		return "Only one probe goes out at a time. What waits goes out by itself, once one succeeds."
	case w.Health.State == domain.HealthWarned:
		return "After five days of failures it is disabled."
	case w.Health.State == domain.HealthFailing:
		return "Its last attempt failed. Each delivery is tried again by its schedule."
	case !w.Health.PausedUntil.IsZero():
		return "Its endpoint asked for it. Waiting uses up no attempt."
	case !w.Health.SlowSince.IsZero():
		return "Its deliveries wait for each other, and for nobody else’s."
	}
	return ""
}

func hearsInWords(w contract.WebhookView) string {
	switch {
	case w.Lifecycle:
		return "its installation"
	case len(w.EventTypes) == 0:
		return "every event"
	case len(w.EventTypes) <= 2:
		return and(w.EventTypes)
	}
	return numbered(len(w.EventTypes), "event type", "event types")
}
