package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"plugboard/shared/domain"
)

// Reading the attempt log of many webhooks at once, the newest day first. The log has a partition for each webhook, day
// and shard, so that a walk reads the webhooks of a day in groups: within a group, deliveries come by their events.

// AccountLogQuery selects deliveries to webhooks of an account. Of the LogQuery, Webhook, Oldest and After are unused.
type AccountLogQuery struct {
	LogQuery
	Webhooks []domain.WebhookID
	From     AccountLogPlace // continue after this place; zero: start
}

// AccountLogPlace is a place in such a walk.
type AccountLogPlace struct {
	Day         string           // UTC, YYYY-MM-DD
	First, Last domain.WebhookID // of the group that the place is in; empty: before the day's first group
	Event       domain.EventID   // of the last delivery passed, if any
	Webhook     domain.WebhookID // of that delivery
}

func (p AccountLogPlace) String() string {
	return strings.Join([]string{p.Day, string(p.First), string(p.Last), string(p.Event), string(p.Webhook)}, " ")
}

// ParseAccountLogPlace parses the text of String; false for any other text.
func ParseAccountLogPlace(text string) (AccountLogPlace, bool) {
	part := strings.Split(text, " ")
	if len(part) != 5 {
		return AccountLogPlace{}, false
	}
	_, err := time.Parse(time.DateOnly, part[0])
	return AccountLogPlace{
		part[0], domain.WebhookID(part[1]), domain.WebhookID(part[2]), domain.EventID(part[3]),
		domain.WebhookID(part[4]),
	}, err == nil
}

// Limits of such a walk. AccountLogQueries bounds a page: a query takes a few milliseconds. A group costs a query for
// each shard of each of its webhooks, so that two groups fit.
const (
	AccountLogQueries = 200
	accountLogLines   = 5000
	webhooksTogether  = AccountLogQueries / attemptShards / 2
	linesAtOnce       = 50
	queriesAtOnce     = 16
)

// AccountLog is how far a walk came.
type AccountLog struct {
	At   AccountLogPlace
	More bool      // more may follow
	To   time.Time // every delivery of an event since then was looked at
}

// AccountDeliveries walks the log and passes the lines of each delivery, oldest first, to take, until take returns
// false: that delivery comes first in the next walk. A walk is bounded.
func (s *Store) AccountDeliveries(ctx context.Context, q AccountLogQuery,
	take func([]domain.Attempt) bool) (AccountLog, error) {
	r := &accountWalk{walk: &walk{store: s, LogQuery: q.LogQuery}, at: q.From,
		webhooks: slices.Sorted(slices.Values(q.Webhooks)), take: take}
	day, oldest := q.To.Add(-1).UTC().Truncate(24*time.Hour), q.LogQuery.From.UTC().Truncate(24*time.Hour)
	if began, err := time.Parse(time.DateOnly, q.From.Day); err == nil && began.Before(day) {
		day = began
	}
	for ; !day.Before(oldest); day = day.AddDate(0, 0, -1) {
		if name := day.Format(time.DateOnly); r.at.Day != name {
			r.at = AccountLogPlace{Day: name}
		}
		if r.lookedTo = day.AddDate(0, 0, 1); r.lookedTo.After(q.To) {
			r.lookedTo = q.To
		}
		if done, err := r.day(ctx); done || err != nil {
			return AccountLog{r.at, true, r.lookedTo}, err
		}
	}
	return AccountLog{To: q.LogQuery.From}, nil
}

// accountWalk is one walk in progress.
type accountWalk struct {
	*walk
	webhooks []domain.WebhookID // sorted
	at       AccountLogPlace
	lookedTo time.Time
	take     func([]domain.Attempt) bool
}

// spent tells whether that many more queries would pass the walk's limit. A walk always makes its first queries.
func (r *accountWalk) spent(more int) bool {
	made := r.queries.Load()
	return r.lines.Load() >= accountLogLines || made > 0 && made+int64(more) > AccountLogQueries
}

// day walks the rest of the current day; done when the walk ends in it.
func (r *accountWalk) day(ctx context.Context) (done bool, err error) {
	for {
		group := r.group()
		if len(group) == 0 {
			return false, nil
		}
		if r.spent(len(group) * attemptShards) {
			return true, nil
		}
		r.at.First, r.at.Last = group[0], group[len(group)-1]
		if done, err = r.groupOfDay(ctx, group); done || err != nil {
			return done, err
		}
		r.at = AccountLogPlace{Day: r.at.Day, First: r.at.Last + "!"}
	}
}

// group is the webhooks that are read together from the place on. A group that was begun keeps its bounds.
func (r *accountWalk) group() []domain.WebhookID {
	var group []domain.WebhookID
	for _, w := range r.webhooks {
		if w >= r.at.First && (r.at.Last == "" && len(group) < webhooksTogether || w <= r.at.Last) {
			group = append(group, w)
		}
	}
	if len(group) == 0 && r.at.Last != "" { // all of a group that was begun are gone
		r.at = AccountLogPlace{Day: r.at.Day, First: r.at.Last + "!"}
		return r.group()
	}
	return group
}

// groupOfDay walks the rest of a group's day.
func (r *accountWalk) groupOfDay(ctx context.Context, group []domain.WebhookID) (done bool, err error) {
	var shards []*webhookShard
	for _, w := range group {
		to := "~" // above every event id
		switch {
		case r.at.Event != "" && w > r.at.Webhook: // the last event comes from this webhook, too
			to = endOf(r.at.Event)
		case r.at.Event != "":
			to = string(r.at.Event)
		}
		for n := range attemptShards {
			shard := r.shard(attemptPartition(w, r.at.Day, n), "", to, linesAtOnce)
			if r.Unsent {
				shard.byUnsent()
			}
			shards = append(shards, &webhookShard{shard, w})
		}
	}
	if err := firstPages(ctx, shards); err != nil {
		return false, err
	}
	for {
		e, in, err := newest(ctx, shards)
		if in == nil || err != nil {
			return false, err
		}
		if r.spent(2) {
			return true, nil
		}
		lines, err := in.take(ctx, e)
		if err == nil && r.wants(lines) && r.Unsent {
			lines, err = r.store.delivery(ctx, r.walk, in.webhook, r.at.Day, e)
		}
		if err != nil {
			return false, err
		}
		if len(lines) > 0 && r.wants(lines) && !r.take(lines) {
			return true, nil
		}
		r.at.Event, r.at.Webhook = e, in.webhook
		if len(lines) > 0 && !lines[0].EventAt.IsZero() && len(group) == len(r.webhooks) {
			r.lookedTo = lines[0].EventAt
		}
	}
}

// webhookShard is a shard with whose it is.
type webhookShard struct {
	*logShard
	webhook domain.WebhookID
}

// firstPages has the first page of every shard read, several at once.
func firstPages(ctx context.Context, shards []*webhookShard) error {
	var wait sync.WaitGroup
	errs := make([]error, queriesAtOnce)
	for n := range queriesAtOnce {
		wait.Go(func() {
			for i := n; i < len(shards) && errs[n] == nil; i += queriesAtOnce {
				_, errs[n] = shards[i].next(ctx)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// newest is the newest event of all shards, and the first shard that holds it; nil at the end.
func newest(ctx context.Context, shards []*webhookShard) (e domain.EventID, in *webhookShard, err error) {
	for _, shard := range shards {
		next, err := shard.next(ctx)
		if err != nil {
			return "", nil, err
		}
		if next > e {
			e, in = next, shard
		}
	}
	return e, in, nil
}
