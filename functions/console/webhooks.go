package console

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page Webhooks: every webhook with its health at a glance.

type webhooksPage struct {
	NeedYou, Rest  []webhookRow // those of this page
	Needing, Total int          // of all pages
	Page, Pages    int
	Addresses      []string // that deliveries come from; empty where they are not fixed
}

// Before and After are the numbers of the pages beside this one.
func (p webhooksPage) Before() int { return p.Page - 1 }
func (p webhooksPage) After() int  { return p.Page + 1 }

type webhookRow struct {
	ID, Name, Page, Host, Hears, ManagedBy string
	Pill                                   pill
	Says                                   string
	Next                                   time.Time    // the next probe; zero without one
	Day, Week                              *spanFigures // nil where they were not read
}

const (
	// parkedRead is how many webhooks with an open breaker are read for their count of waiting deliveries.
	parkedRead = 10
	// webhooksListed is how many webhooks a page shows, since it reads the figures of each.
	webhooksListed = 20
)

func (k *Console) webhooks(q *request) (answer, error) {
	hooks, err := webhooksOf(q)
	if err != nil {
		return answer{}, err
	}
	needs := func(w contract.WebhookView) bool { tone := healthPill(w).Tone; return tone == "bad" || tone == "ask" }
	slices.SortStableFunc(hooks, func(a, b contract.WebhookView) int {
		return cmp.Or(cmp.Compare(toneOrder[healthPill(a).Tone], toneOrder[healthPill(b).Tone]),
			cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	page := webhooksPage{Total: len(hooks), Page: 1, Pages: max(1, (len(hooks)+webhooksListed-1)/webhooksListed)}
	if n, err := strconv.Atoi(q.URL.Query().Get("page")); err == nil {
		page.Page = min(max(n, 1), page.Pages)
	}
	for _, w := range hooks {
		if needs(w) {
			page.Needing++
		}
	}
	first := (page.Page - 1) * webhooksListed
	hooks = hooks[first:min(first+webhooksListed, len(hooks))]
	rows, err := webhookRows(q, hooks)
	if err != nil {
		return answer{}, err
	}
	for n, w := range hooks {
		if needs(w) {
			page.NeedYou = append(page.NeedYou, rows[n])
		} else {
			page.Rest = append(page.Rest, rows[n])
		}
	}
	from, err := call(q, contract.ListDeliveryAddresses, contract.ListDeliveryAddressesInput{})
	page.Addresses = from.Body.Addresses
	return answer{template: "webhooks", title: "Webhooks", data: page}, err
}

// webhookRows are the rows of webhooks with the figures of their last week.
func webhookRows(q *request, hooks []contract.WebhookView) ([]webhookRow, error) {
	ids := make([]domain.WebhookID, len(hooks))
	for n, w := range hooks {
		ids[n] = w.ID
	}
	figures, err := statisticsOf(q, ids, weekHours)
	if err != nil {
		return nil, err
	}
	rows := make([]webhookRow, len(hooks))
	counted := 0
	for n, w := range hooks {
		parked := 0
		if w.Health.Breaker != nil && counted < parkedRead {
			counted++
			read, err := call(q, contract.ReadWebhook, contract.WebhookInput{Webhook: w.ID})
			if err != nil {
				return nil, err
			}
			parked = read.Body.Parked
		}
		rows[n] = webhookRowOf(w, parked)
		if week, read := figures[w.ID]; read {
			hours := lastDay(week)
			day := spanOf(hours, sumOf(hours), dayHours, "24 hours")
			all := spanOf(week.Body.Hours, week.Body.AttemptFigures, weekBars, "7 days")
			rows[n].Day, rows[n].Week = &day, &all
		}
	}
	return rows, nil
}

func webhookRowOf(w contract.WebhookView, parked int) webhookRow {
	row := webhookRow{
		ID: string(w.ID), Name: cmp.Or(w.Name, string(w.ID)), Page: "webhooks/" + string(w.ID), Host: hostOf(w.URL),
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
		return "Nothing is sent. Events that happen meanwhile are recorded as skipped deliveries, which can be " +
			"replayed."
	case w.Health.Breaker != nil:
		return "One probe is sent at a time. Deliveries that wait are sent once a probe succeeds."
	case w.Health.State == domain.HealthWarned:
		return "After five days of failures it is disabled."
	case w.Health.State == domain.HealthFailing:
		return "Its last attempt failed. Each delivery is tried again on its schedule."
	case !w.Health.PausedUntil.IsZero():
		return "Its endpoint asked for a pause. Waiting uses up no attempt."
	case !w.Health.SlowSince.IsZero():
		return "Its deliveries are sent one after the other. Other webhooks do not wait."
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
