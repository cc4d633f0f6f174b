package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Reading the attempt log: one delivery, or every delivery that a filter finds, over days and shards. A delivery's
// state derives from all its lines; the index only says where to read.

// Attempts is the log of one delivery, by its event, the event's day (UTC, YYYY-MM-DD) and its webhook, oldest first.
// NotFound when it has no line.
func (s *Store) Attempts(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string,
	e domain.EventID) ([]domain.Attempt, error) {
	found, err := s.delivery(ctx, &walk{store: s, LogQuery: LogQuery{Account: a}}, w, day, e)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "not-found", "There is no such delivery on that day.")
	}
	return found, err
}

// AttemptsFrom is the delivery's log from the attempt of that number on, oldest first. An empty result costs one read
// unit.
func (s *Store) AttemptsFrom(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, e domain.EventID,
	number int) ([]domain.Attempt, error) {
	read := &walk{store: s, LogQuery: LogQuery{Account: a, Webhook: w}}
	return read.shard(attemptPartition(w, day, shardOf(e)), fmt.Sprintf("%s#%03d", e, number), endOf(e),
		10).take(ctx, e)
}

// ListenerLines is what listeners reported of one delivery, the first attempt first; at most 100 lines.
func (s *Store) ListenerLines(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string,
	e domain.EventID) (
	[]domain.Attempt, error,
) {
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
		Limit: aws.Int32(100), ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": str(attemptPartition(w, day, shardOf(e))), ":sk": str(listenersOf(e)),
		},
	})
	if err != nil {
		return nil, fault.Wrap(awsFault(err), "read what listeners report of %s", e)
	}
	lines := []domain.Attempt{}
	for _, item := range out.Items {
		var line domain.Attempt
		if err := unmarshal(item, &line); err != nil {
			return nil, fault.Wrap(err, "decode a listener's line")
		}
		if line.Account == a && !s.expired(item) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// delivery reads all lines of a delivery consistently: the next attempt's number must not miss the last line.
func (s *Store) delivery(ctx context.Context, of *walk, w domain.WebhookID, day string,
	e domain.EventID) ([]domain.Attempt, error) {
	all := of.shard(attemptPartition(w, day, shardOf(e)), string(e)+"#", endOf(e), 100)
	all.query.ConsistentRead = aws.Bool(true)
	return all.take(ctx, e)
}

// endOf sorts after every line of the event and before those of any later event.
func endOf(e domain.EventID) string { return string(e) + "#~" }

// LogQuery selects deliveries to a webhook.
type LogQuery struct {
	Account    domain.AccountID
	Webhook    domain.WebhookID
	From, To   time.Time         // time of the event: from From, and before To
	EventTypes []string          // empty: every type
	Contract   domain.ContractID // empty: every contract, and none
	// only deliveries with a line that is no success, found by the index, which may be a moment behind
	Unsent bool
	Oldest bool     // oldest day and lowest event id first; otherwise newest and highest first
	After  LogPlace // continue after this place; zero: start
}

// LogPlace is a place in a walk: a day (UTC, YYYY-MM-DD), and the last event seen of that day, if any.
type LogPlace struct {
	Day   string         `json:"day,omitempty"`
	Event domain.EventID `json:"event_id,omitempty"`
}

func (p LogPlace) String() string { return p.Day + " " + string(p.Event) }

// ParseLogPlace parses the text of String; false for any other text.
func ParseLogPlace(text string) (LogPlace, bool) {
	day, event, ok := strings.Cut(text, " ")
	_, err := time.Parse(time.DateOnly, day)
	return LogPlace{day, domain.EventID(event)}, ok && err == nil
}

// Limits of a walk, so that a page with few matches ends within seconds: the number of queries, a few milliseconds
// each, and the number of lines, at most 17 KB each.
const (
	walkQueries = 240
	walkLines   = 2000
)

// Deliveries walks the log and passes the lines of each delivery, oldest first, to take, until take returns false. It
// returns the place after the last delivery taken, and whether more may follow: a walk is bounded. Old lines without
// their event's time count for the whole day.
func (s *Store) Deliveries(ctx context.Context, q LogQuery,
	take func([]domain.Attempt) bool) (at LogPlace, more bool, err error) {
	r := &walk{store: s, LogQuery: q, at: q.After}
	first, last := q.From.UTC().Truncate(24*time.Hour), q.To.Add(-1).UTC().Truncate(24*time.Hour)
	step := 24 * time.Hour
	if !q.Oldest {
		first, last, step = last, first, -step
	}
	if began, err := time.Parse(time.DateOnly, q.After.Day); err == nil && (began.After(first) == q.Oldest) &&
		!began.Equal(first) {
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

// walk is one walk in progress.
type walk struct {
	LogQuery
	store          *Store
	at             LogPlace
	queries, lines atomic.Int64
}

func (r *walk) tired() bool { return r.queries.Load() >= walkQueries || r.lines.Load() >= walkLines }

// day walks the rest of the current day; done when the walk ends in it.
func (r *walk) day(ctx context.Context, take func([]domain.Attempt) bool) (done bool, err error) {
	from, to := "", "~" // below and above every event id
	if r.at.Event != "" && r.Oldest {
		from = endOf(r.at.Event)
	} else if r.at.Event != "" {
		to = min(to, string(r.at.Event))
	}
	var shards [attemptShards]*logShard
	for i := range shards {
		shards[i] = r.shard(attemptPartition(r.Webhook, r.at.Day, i), from, to, 100)
		if r.Unsent {
			shards[i].byUnsent()
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
			lines, err = r.store.delivery(ctx, r, r.Webhook, r.at.Day, e)
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

// nearest is the next event of all shards, and its shard; none at the end of the day.
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

// wants is true when any line of a delivery matches the query.
func (r *walk) wants(lines []domain.Attempt) bool {
	l := lines[0]
	if len(r.EventTypes) > 0 && !slices.Contains(r.EventTypes, l.EventType) {
		return false
	}
	if r.Contract != "" && l.Contract != r.Contract {
		return false
	}
	return l.EventAt.IsZero() || !l.EventAt.Before(r.From) && l.EventAt.Before(r.To)
}

// logShard reads one partition of the log on demand.
type logShard struct {
	walk  *walk
	query *dynamodb.QueryInput
	empty bool
	pages *dynamodb.QueryPaginator // set at the first read
	ready []domain.Attempt
}

// shard reads the partition's lines between two sort keys; none when from is above to.
func (r *walk) shard(partition, from, to string, pageSize int) *logShard {
	from = cmp.Or(from, "#")
	return &logShard{walk: r, empty: from > to, query: &dynamodb.QueryInput{
		TableName:              &r.store.deliveries,
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition), ":from": str(from),
			":to": str(to)},
		ScanIndexForward: &r.Oldest,
		Limit:            aws.Int32(int32(pageSize)),
	}}
}

// byUnsent reads only lines that are no success, by their index.
func (l *logShard) byUnsent() {
	l.query.IndexName = &UnsentIndex.Name
	l.query.KeyConditionExpression = aws.String("pk = :pk AND " + UnsentIndex.SortKey + " BETWEEN :from AND :to")
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
		l.walk.queries.Add(1)
		l.walk.lines.Add(int64(len(page.Items)))
		for _, item := range page.Items {
			var a domain.Attempt
			if err := unmarshal(item, &a); err != nil {
				return "", fault.Wrap(err, "decode an attempt")
			}
			if a.Account == l.walk.Account && a.Listener == "" && !l.walk.store.expired(item) {
				l.ready = append(l.ready, a)
			}
		}
	}
	if len(l.ready) == 0 {
		return "", nil
	}
	return l.ready[0].Event, nil
}

// take reads the lines of that event, which come next, and returns them oldest first.
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
	slices.SortFunc(taken, func(a, b domain.Attempt) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.At.Compare(b.At))
	})
	return taken, nil
}
