package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The attempt log read: one delivery's, or all that a filter finds, over days and shards. A delivery's state derives from
// all of its lines, so that the index only says where to look.

// Attempts is the log of the delivery of that event of that day (UTC, YYYY-MM-DD) to the webhook, oldest first.
// NotFound when there is none.
func (s *Store) Attempts(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, e domain.EventID) ([]domain.Attempt, error) {
	found, err := s.delivery(ctx, &walk{store: s, LogQuery: LogQuery{Account: a, Webhook: w}}, day, e)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "not-found", "There is no such delivery on that day.")
	}
	return found, err
}

// AttemptsFrom is the log of the same from the attempt of that number on, oldest first; none when it has no such lines,
// which is one read unit.
func (s *Store) AttemptsFrom(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, e domain.EventID, number int) ([]domain.Attempt, error) {
	read := &walk{store: s, LogQuery: LogQuery{Account: a, Webhook: w}}
	return read.shard(attemptPartition(w, day, shardOf(e)), fmt.Sprintf("%s#%03d", e, number), endOf(e), 10).take(ctx, e)
}

// delivery reads all lines of one, consistently: what is counted on from them must not miss the last.
func (s *Store) delivery(ctx context.Context, of *walk, day string, e domain.EventID) ([]domain.Attempt, error) {
	all := of.shard(attemptPartition(of.Webhook, day, shardOf(e)), string(e)+"#", endOf(e), 100)
	all.query.ConsistentRead = aws.Bool(true)
	return all.take(ctx, e)
}

// endOf is after every line of the event, and before those of any later one.
func endOf(e domain.EventID) string { return string(e) + "#~" }

// LogQuery says which deliveries to a webhook are walked through.
type LogQuery struct {
	Account    domain.AccountID
	Webhook    domain.WebhookID
	From, To   time.Time // of events: at From or later, and before To
	EventTypes []string  // empty: every one
	Unsent     bool      // only those of which a line is no success: found by the index, which is a moment behind
	Oldest     bool      // the oldest day first, and of a day the lowest event id; otherwise the newest and highest
	After      LogPlace  // behind it; zero: from the beginning
}

// LogPlace is a place in a walk: a day (UTC, YYYY-MM-DD), and in it the last event that was seen, if one was.
type LogPlace struct {
	Day   string         `json:"day,omitempty"`
	Event domain.EventID `json:"event_id,omitempty"`
}

func (p LogPlace) String() string { return p.Day + " " + string(p.Event) }

// ParseLogPlace reads what String wrote; false for anything else.
func ParseLogPlace(text string) (LogPlace, bool) {
	day, event, ok := strings.Cut(text, " ")
	_, err := time.Parse(time.DateOnly, day)
	return LogPlace{day, domain.EventID(event)}, ok && err == nil
}

// How far a walk goes at most, so that a page that finds little in much ends within seconds, too: so many queries, each of
// a few milliseconds, and so many lines, each of 17 KB at most.
const (
	walkQueries = 240
	walkLines   = 2000
)

// Deliveries walks through the log, and hands over the lines of each delivery, oldest first, until take does not take one.
// It returns the place after the last that was taken, and whether there may be more behind it: the walk has bounds. Lines
// from before an event's time was kept count as of its whole day.
func (s *Store) Deliveries(ctx context.Context, q LogQuery, take func([]domain.Attempt) bool) (at LogPlace, more bool, err error) {
	r := &walk{store: s, LogQuery: q, at: q.After}
	first, last := q.From.UTC().Truncate(24*time.Hour), q.To.Add(-1).UTC().Truncate(24*time.Hour)
	step := 24 * time.Hour
	if !q.Oldest {
		first, last, step = last, first, -step
	}
	if began, err := time.Parse(time.DateOnly, q.After.Day); err == nil && (began.After(first) == q.Oldest) && !began.Equal(first) {
		first = began
	}
	for day := first; day == last || day.Before(last) == q.Oldest; day = day.Add(step) {
		if r.at.Day != day.Format(time.DateOnly) {
			r.at = LogPlace{Day: day.Format(time.DateOnly)}
		}
		if done, err := r.day(ctx, take); done || err != nil {
			return r.at, true, err
		}
	}
	return LogPlace{}, false, nil
}

// walk is one, with what it took so far.
type walk struct {
	LogQuery
	store          *Store
	at             LogPlace
	queries, lines int
}

func (r *walk) tired() bool { return r.queries >= walkQueries || r.lines >= walkLines }

// day walks through what is left of the day at which it is; done when the walk ends in it.
func (r *walk) day(ctx context.Context, take func([]domain.Attempt) bool) (done bool, err error) {
	from, to := "", "~" // around every event id
	if r.at.Event != "" && r.Oldest {
		from = endOf(r.at.Event)
	} else if r.at.Event != "" {
		to = min(to, string(r.at.Event))
	}
	var shards [attemptShards]*logShard
	for i := range shards {
		if shards[i] = r.shard(attemptPartition(r.Webhook, r.at.Day, i), from, to, 100); r.Unsent {
			shards[i].query.IndexName = &UnsentIndex.Name
			shards[i].query.KeyConditionExpression = aws.String("pk = :pk AND " + UnsentIndex.SortKey + " BETWEEN :from AND :to")
		}
	}
	for {
		if r.tired() {
			return true, nil
		}
		e, in, err := r.nearest(ctx, shards[:])
		if in == nil || err != nil {
			return false, err
		}
		lines, err := in.take(ctx, e)
		if err == nil && r.wants(lines) && r.Unsent {
			lines, err = r.store.delivery(ctx, r, r.at.Day, e)
		}
		if err != nil {
			return false, err
		}
		if len(lines) > 0 && r.wants(lines) && !take(lines) {
			return true, nil
		}
		r.at.Event = e
	}
}

// nearest is the next event of all shards, and the shard in which it is; none at the end of the day.
func (r *walk) nearest(ctx context.Context, shards []*logShard) (nearest domain.EventID, in *logShard, err error) {
	for _, shard := range shards {
		e, err := shard.next(ctx)
		if err != nil {
			return "", nil, err
		}
		if e != "" && (in == nil || e < nearest == r.Oldest) {
			nearest, in = e, shard
		}
	}
	return nearest, in, nil
}

// wants tells by any of a delivery's lines whether it is looked for.
func (r *walk) wants(lines []domain.Attempt) bool {
	l := lines[0]
	if len(r.EventTypes) > 0 && !slices.Contains(r.EventTypes, l.EventType) {
		return false
	}
	return l.EventAt.IsZero() || !l.EventAt.Before(r.From) && l.EventAt.Before(r.To)
}

// logShard reads one partition of the log, as far as it is asked to.
type logShard struct {
	walk  *walk
	query *dynamodb.QueryInput
	empty bool
	pages *dynamodb.QueryPaginator // once it was asked
	ready []domain.Attempt
}

// shard reads the partition's lines between two sort keys; none when from is above to.
func (r *walk) shard(partition, from, to string, pageSize int) *logShard {
	from = cmp.Or(from, "#")
	return &logShard{walk: r, empty: from > to, query: &dynamodb.QueryInput{
		TableName:                 &r.store.deliveries,
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition), ":from": str(from), ":to": str(to)},
		ScanIndexForward:          &r.Oldest,
		Limit:                     aws.Int32(int32(pageSize)),
	}}
}

// next is the event of the next line; empty at the end.
func (l *logShard) next(ctx context.Context) (domain.EventID, error) {
	if l.empty {
		return "", nil
	}
	if l.pages == nil {
		l.pages = dynamodb.NewQueryPaginator(l.walk.store.db, l.query)
	}
	for len(l.ready) == 0 && l.pages.HasMorePages() {
		page, err := l.pages.NextPage(ctx)
		if err != nil {
			return "", fault.Wrap(awsFault(err), "read the attempt log")
		}
		l.walk.queries++
		l.walk.lines += len(page.Items)
		for _, item := range page.Items {
			var a domain.Attempt
			if err := unmarshal(item, &a); err != nil {
				return "", fault.Wrap(err, "decode an attempt")
			}
			if a.Account == l.walk.Account && !l.walk.store.expired(item) {
				l.ready = append(l.ready, a)
			}
		}
	}
	if len(l.ready) == 0 {
		return "", nil
	}
	return l.ready[0].Event, nil
}

// take reads the event's lines, which come next, and returns them oldest first.
func (l *logShard) take(ctx context.Context, e domain.EventID) ([]domain.Attempt, error) {
	var taken []domain.Attempt
	for {
		next, err := l.next(ctx)
		if err != nil {
			return nil, err
		}
		if len(l.ready) == 0 || next != e {
			break
		}
		taken, l.ready = append(taken, l.ready[0]), l.ready[1:]
	}
	slices.SortFunc(taken, func(a, b domain.Attempt) int { return cmp.Or(cmp.Compare(a.Number, b.Number), a.At.Compare(b.At)) })
	return taken, nil
}
