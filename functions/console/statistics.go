package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// Figures of webhooks: counts, durations, and a drawing of the outcomes over time.

// figuresCard shows how one webhook fares, or several together.
type figuresCard struct {
	Title     string
	Note      string // which webhooks are meant, where it is not all of them
	Pill      pill
	Day, Week spanFigures
	Waiting   string     // how many deliveries are parked; empty where that is not known
	Next      []nextStep // what is sent next, and when
	Log       string     // the address of the log
}

type nextStep struct {
	What string
	At   time.Time
}

// spanFigures are the figures of some hours, drawn and in words.
type spanFigures struct {
	contract.AttemptFigures
	Drawing sparkline
	Rows    []figuresRow // those with attempts, for a table
}

type figuresRow struct {
	From, To                   time.Time
	Delivered, Failed, Skipped int
}

// Refused is how many attempts failed, the last ones included.
func (f spanFigures) Refused() int { return f.Failed + f.Exhausted }

// Unsent is how many deliveries were not sent.
func (f spanFigures) Unsent() int { return f.Skipped + f.Cancelled }

// HalfTook and MostTook are how long half of the requests took at most, and 95 % of them.
func (f spanFigures) HalfTook() string { return millisecondWords(f.Half) }
func (f spanFigures) MostTook() string { return millisecondWords(f.Most) }

// Took says how long requests took.
func (f spanFigures) Took() string {
	if f.Half == 0 {
		return ""
	}
	return "Half of the requests took up to " + f.HalfTook() + ", 95 % up to " + f.MostTook() + "."
}

// sparkline is a drawing of bars in a box of 240 × 36. Its label says the same in words.
type sparkline struct {
	Label    string
	Shapes   []shape
	From, To time.Time
}

// shape is all bars of one colour, as a path of SVG: a quarter of the bytes that an element for each bar takes.
type shape struct{ Class, Path string }

const (
	sparkWidth  = 240.0
	sparkHeight = 36.0
	sparkGap    = 1.5
	barLeast    = 1.5 // so that one failure among thousands is seen
)

const (
	dayHours  = 24
	weekHours = contract.StatisticsHoursMost
	weekBars  = 28 // of six hours each
)

// spanOf draws hours, several together in each bar.
func spanOf(hours []contract.FiguresOfHour, all contract.AttemptFigures, bars int, words string) spanFigures {
	f := spanFigures{AttemptFigures: all}
	each := max(1, len(hours)/bars)
	var rows []figuresRow
	highest := 0
	for part := range slices.Chunk(hours, each) {
		row := figuresRow{From: part[0].Hour, To: part[len(part)-1].Hour.Add(time.Hour)}
		for _, h := range part {
			row.Delivered, row.Failed, row.Skipped = row.Delivered+h.Delivered, row.Failed+h.Failed+h.Exhausted,
				row.Skipped+h.Skipped+h.Cancelled
		}
		rows = append(rows, row)
		highest = max(highest, row.Delivered+row.Failed+row.Skipped)
	}
	f.Drawing = sparkline{Label: f.words(words), Shapes: shapesOf(rows, highest)}
	if len(rows) > 0 {
		f.Drawing.From, f.Drawing.To = rows[0].From, rows[len(rows)-1].To
	}
	f.Rows = slices.DeleteFunc(rows, func(r figuresRow) bool { return r.Delivered+r.Failed+r.Skipped == 0 })
	return f
}

// words say what the drawing shows.
func (f spanFigures) words(span string) string {
	if f.Delivered+f.Refused()+f.Unsent() == 0 {
		return "Nothing was sent in " + span + "."
	}
	return fmt.Sprintf("In %s: %d delivered, %s failed, %d not sent.", span, f.Delivered,
		numbered(f.Refused(), "attempt", "attempts"), f.Unsent())
}

// shapesOf stacks failures on top of successes. An hour without attempts has a line on the ground.
func shapesOf(rows []figuresRow, highest int) []shape {
	if len(rows) == 0 {
		return nil
	}
	paths := map[string]string{}
	wide := sparkWidth / float64(len(rows))
	for n, row := range rows {
		ground := sparkHeight
		draw := func(class string, high float64) {
			high = min(high, ground)
			paths[class] += fmt.Sprintf("M%s %sv-%sh%sv%sz", coordinate(float64(n)*wide), coordinate(ground),
				coordinate(high), coordinate(wide-sparkGap), coordinate(high))
			ground -= high
		}
		for _, part := range []struct {
			class string
			count int
		}{{"delivered", row.Delivered}, {"unsent", row.Skipped}, {"failed", row.Failed}} {
			if part.count > 0 {
				draw(part.class, max(barLeast, sparkHeight*float64(part.count)/float64(highest)))
			}
		}
		if row.Delivered+row.Failed+row.Skipped == 0 {
			draw("none", 1)
		}
	}
	var shapes []shape
	for _, class := range sortedKeys(paths) {
		shapes = append(shapes, shape{class, paths[class]})
	}
	return shapes
}

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func readFigures(q *request, w domain.WebhookID, hours int) (contract.ReadWebhookStatisticsOutput, error) {
	return call(q, contract.ReadWebhookStatistics, contract.ReadWebhookStatisticsInput{Webhook: w, Hours: hours})
}

// statisticsOf reads the figures of several webhooks, some at a time.
func statisticsOf(q *request, hooks []domain.WebhookID,
	hours int) (map[domain.WebhookID]contract.ReadWebhookStatisticsOutput, error) {
	const atOnce = 5
	read := make([]contract.ReadWebhookStatisticsOutput, len(hooks))
	errs := make([]error, len(hooks))
	slots := make(chan struct{}, atOnce)
	var reading sync.WaitGroup
	for i, w := range hooks {
		slots <- struct{}{}
		reading.Go(func() {
			defer func() { <-slots }()
			read[i], errs[i] = readFigures(q, w, hours)
		})
	}
	reading.Wait()
	found := map[domain.WebhookID]contract.ReadWebhookStatisticsOutput{}
	for i, w := range hooks {
		if p, ok := problem(errs[i]); ok && p.Status == 404 { // it was deleted meanwhile
			continue
		} else if errs[i] != nil {
			return nil, errs[i]
		}
		found[w] = read[i]
	}
	return found, nil
}

// together adds the figures of several webhooks, hour by hour. Durations of several cannot be added, and are left out.
func together(all map[domain.WebhookID]contract.ReadWebhookStatisticsOutput) contract.ReadWebhookStatisticsOutput {
	var sum contract.ReadWebhookStatisticsOutput
	for _, read := range all {
		one := read.Body
		if sum.Body.Hours == nil {
			sum.Body.From, sum.Body.Hours = one.From, make([]contract.FiguresOfHour, len(one.Hours))
		}
		addFigures(&sum.Body.AttemptFigures, one.AttemptFigures)
		for i, h := range one.Hours[:min(len(one.Hours), len(sum.Body.Hours))] {
			sum.Body.Hours[i].Hour = h.Hour
			addFigures(&sum.Body.Hours[i].AttemptFigures, h.AttemptFigures)
		}
	}
	if len(all) == 1 {
		for _, one := range all {
			sum.Body.Half, sum.Body.Most = one.Body.Half, one.Body.Most
		}
	}
	return sum
}

// lastDay is the last 24 hours of a week's figures.
func lastDay(week contract.ReadWebhookStatisticsOutput) []contract.FiguresOfHour {
	hours := week.Body.Hours
	return hours[max(0, len(hours)-dayHours):]
}

// nextSteps are the times at which something is sent next to a webhook that does not fare well.
func nextSteps(w contract.WebhookView, last []contract.DeliveryView) []nextStep {
	if w.Health.Breaker != nil {
		return []nextStep{{"Next probe", w.Health.Breaker.NextProbeAt}}
	}
	var soonest time.Time
	for _, d := range last {
		if d.State != domain.DeliveryRetrying {
			continue
		}
		if at := d.Attempts[len(d.Attempts)-1].NextAt; !at.IsZero() && (soonest.IsZero() || at.Before(soonest)) {
			soonest = at
		}
	}
	steps := []nextStep{}
	if !w.Health.PausedUntil.IsZero() {
		steps = append(steps, nextStep{"Pause until", w.Health.PausedUntil})
	}
	if !soonest.IsZero() {
		steps = append(steps, nextStep{"Next retry", soonest})
	}
	return steps
}

// waitingFigure is how many deliveries are parked, as far as the API counts.
func waitingFigure(parked int) string {
	if parked >= contract.ParkedMost {
		return strconv.Itoa(contract.ParkedMost) + " or more"
	}
	return strconv.Itoa(parked)
}
