package console

import (
	"cmp"
	"fmt"
	"slices"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// How the webhooks fare that an installation manages.

// installationHealth is the part of an installation's page about its webhooks.
type installationHealth struct {
	Card figuresCard
	Rows []webhookRow
	Last []deliveryRow
	Log  string // the address of the log; empty for several webhooks
}

const (
	figuresMost   = 10 // webhooks whose figures the page reads
	deliveredMost = 20 // webhooks whose deliveries the page reads: the operation's limit
)

// readInstallationHealth is nil for an installation without webhooks. Those that need somebody come first.
func (k *Console) readInstallationHealth(q *request, i contract.InstallationView) (*installationHealth, error) {
	hooks, err := webhooksOf(q)
	if err != nil {
		return nil, err
	}
	hooks = slices.DeleteFunc(hooks, func(w contract.WebhookView) bool { return w.Extension != i.Extension })
	if len(hooks) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(hooks, func(a, b contract.WebhookView) int {
		return cmp.Compare(toneOrder[healthPill(a).Tone], toneOrder[healthPill(b).Tone])
	})
	h := &installationHealth{}
	var ids []domain.WebhookID
	for _, w := range hooks {
		h.Rows = append(h.Rows, webhookRowOf(w, 0))
		ids = append(ids, w.ID)
	}
	in := contract.ListAccountDeliveriesInput{
		Webhooks: ids[:min(len(ids), deliveredMost)], PageInput: contract.PageInput{Limit: lastDeliveries},
	}
	in.From.Time = k.now().AddDate(0, 0, -7)
	last, err := call(q, contract.ListAccountDeliveries, in)
	if err != nil {
		return nil, err
	}
	for _, d := range last.Body.Items {
		h.Last = append(h.Last, rowOf(d, hooks))
	}
	h.Card, err = healthCardOf(q, hooks, ids, last.Body.Items)
	if len(ids) == 1 {
		h.Log = "deliveries?webhook=" + string(ids[0])
	}
	return h, err
}

// toneOrder puts what needs somebody first.
var toneOrder = map[string]int{"bad": 0, "ask": 1, "busy": 2, "off": 3, "good": 4}

func healthCardOf(
	q *request, hooks []contract.WebhookView, ids []domain.WebhookID, last []contract.DeliveryOfEvent,
) (figuresCard, error) {
	var ofFirst []contract.DeliveryView
	for _, d := range last {
		if d.Webhook == hooks[0].ID {
			ofFirst = append(ofFirst, d.DeliveryView)
		}
	}
	shown := ids[:min(len(ids), figuresMost)]
	week, err := statisticsOf(q, shown, weekHours)
	if err != nil {
		return figuresCard{}, err
	}
	sum := together(week)
	hours := lastDay(sum)
	card := figuresCard{
		Title: "Health", Pill: healthPill(hooks[0]),
		Day:  spanOf(hours, sumOf(hours), dayHours, "24 hours"),
		Week: spanOf(sum.Body.Hours, sum.Body.AttemptFigures, weekBars, "7 days"), Next: nextSteps(hooks[0], ofFirst),
	}
	if len(ids) > len(shown) {
		card.Note = fmt.Sprintf("Of %d of its %d webhooks, those that need somebody first.", len(shown), len(ids))
	} else if len(ids) > 1 {
		card.Note = fmt.Sprintf("Of its %d webhooks together.", len(ids))
	}
	return card, nil
}

// sumOf adds the figures of hours. Durations cannot be added.
func sumOf(hours []contract.FiguresOfHour) contract.AttemptFigures {
	var sum contract.AttemptFigures
	for _, h := range hours {
		addFigures(&sum, h.AttemptFigures)
	}
	return sum
}

func addFigures(to *contract.AttemptFigures, f contract.AttemptFigures) {
	to.Delivered, to.Failed, to.Exhausted = to.Delivered+f.Delivered, to.Failed+f.Failed, to.Exhausted+f.Exhausted
	to.Skipped, to.Cancelled = to.Skipped+f.Skipped, to.Cancelled+f.Cancelled
}
