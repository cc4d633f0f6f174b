package contract

import (
	"time"

	"plugboard/shared/domain"
)

// A webhook's figures: how many attempts had which outcome, and how long requests took.

// StatisticsHoursMost is how far a webhook's figures reach back.
const StatisticsHoursMost = 168

type ReadWebhookStatisticsInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Hours   int              `query:"hours" minimum:"1" maximum:"168" default:"24" doc:"How many hours, the current one included."`
}

// AttemptFigures are counts of attempts, and two durations.
type AttemptFigures struct {
	Delivered int   `json:"delivered" doc:"Attempts that were answered 2xx."`
	Failed    int   `json:"failed" doc:"Attempts that failed and are tried again."`
	Exhausted int   `json:"exhausted" doc:"Last attempts that failed."`
	Skipped   int   `json:"skipped" doc:"Deliveries that were not sent: the webhook was paused or disabled, or its extension suspended."`
	Cancelled int   `json:"cancelled" doc:"Deliveries that were not sent: the webhook was gone, or its extension was disabled."`
	Half      int64 `json:"p50_milliseconds,omitempty" doc:"Half of the requests took at most so long: the upper bound of a fixed range. Absent without requests."`
	Most      int64 `json:"p95_milliseconds,omitempty" doc:"95 % of the requests took at most so long: the upper bound of a fixed range. Absent without requests."`
}

func viewFigures(c domain.AttemptCounts) AttemptFigures {
	return AttemptFigures{
		Delivered: c.Delivered, Failed: c.Failed, Exhausted: c.Exhausted, Skipped: c.Skipped, Cancelled: c.Cancelled,
		Half: c.Within(50), Most: c.Within(95),
	}
}

// FiguresOfHour are the figures of one hour.
type FiguresOfHour struct {
	Hour time.Time `json:"hour" doc:"When the hour began, UTC."`
	AttemptFigures
}

type ReadWebhookStatisticsOutput struct {
	Body struct {
		Webhook domain.WebhookID `json:"webhook_id"`
		From    time.Time        `json:"from" doc:"When the first hour began, UTC."`
		AttemptFigures
		Hours []FiguresOfHour `json:"hours" doc:"Every hour, the oldest first, those without attempts included. For people, and not exact: counts come up to a minute late, and a process that ends loses those of its last minute."`
	}
}

// ViewStatistics shows a webhook's figures of so many hours, the last of which is that of the time.
func ViewStatistics(w domain.WebhookID, stored []domain.WebhookHour, hours int,
	now time.Time) *ReadWebhookStatisticsOutput {
	out := &ReadWebhookStatisticsOutput{}
	out.Body.Webhook, out.Body.From = w, StatisticsFrom(hours, now)
	out.Body.Hours = make([]FiguresOfHour, hours)
	var all domain.AttemptCounts
	for n := range out.Body.Hours {
		hour := out.Body.From.Add(time.Duration(n) * time.Hour)
		var counts domain.AttemptCounts
		for _, h := range stored {
			if h.Hour.Equal(hour) {
				counts.Merge(h.AttemptCounts)
			}
		}
		all.Merge(counts)
		out.Body.Hours[n] = FiguresOfHour{hour, viewFigures(counts)}
	}
	out.Body.AttemptFigures = viewFigures(all)
	return out
}

// StatisticsFrom is when the first of so many hours begins, the last of which is that of the time.
func StatisticsFrom(hours int, now time.Time) time.Time {
	return now.UTC().Truncate(time.Hour).Add(time.Duration(1-hours) * time.Hour)
}
