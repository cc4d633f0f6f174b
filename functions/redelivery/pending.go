package redelivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	client "github.com/aws/aws-sdk-go-v2/service/lambda"

	"plugboard/shared/store"
)

// What was accepted and nobody has sent on: the stream has given it up, or its consumer is off, or died in between. It is
// handed to fanout again, past the stream.

// Fanout takes records as the stream shows them, and returns when all of them are sent on. Its error is errFailed when it
// was there and could not.
type Fanout interface {
	Handle(ctx context.Context, batch lambda.DynamoDBEvent) error
}

var errFailed = errors.New("it failed; its own log says why")

const (
	// pageOfPending is how many events are read and handed over at a time.
	pageOfPending = 100

	// handedMost is how much of them in one call, in bytes: Lambda takes 6 MB
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	handedMost = 4 << 20

	// leastForDue is what must be left of the function's time for what is due, however much was forgotten: more than one
	// more call of fanout takes.
	leastForDue = 35 * time.Second
	handingOver = 20 * time.Second

	// halvedMost is how often a run halves what fanout failed of. To find one event among a hundred takes seven.
	halvedMost = 64
)

// repairing is one run of handing over what was forgotten.
type repairing struct {
	*Service
	ctx context.Context
	now time.Time

	mu      sync.Mutex
	seen    int // pending, whatever it is of
	found   int // of these, accepted more than a minute ago, and not sent on
	halved  int
	stopped bool // for want of time; the next run goes on
	failure error
}

// repair hands over what has been pending for more than a minute, and tells how much that is, whether it was taken or not.
// An hour in which nothing was pending, and that is over by more than clocks differ, is never read again.
func (s *Service) repair(ctx context.Context) (found int, failure error) {
	began := time.Now()
	from, err := s.store.PendingFrom(ctx)
	if err != nil {
		return 0, err
	}
	r := &repairing{Service: s, ctx: ctx, now: s.now()}
	to := from
	for bucket := from; !bucket.After(r.now) && !r.stopped; bucket = bucket.Add(store.PendingBucket) {
		var shards sync.WaitGroup
		for shard := range store.PendingShards {
			shards.Go(func() { r.note(r.shard(bucket, shard)) })
		}
		shards.Wait()
		if end := bucket.Add(store.PendingBucket); r.seen == 0 && r.failure == nil && !r.stopped && !end.After(r.now.Add(-store.ClocksDiffer)) {
			to = end
		}
	}
	if to.After(from) {
		r.note(s.store.PendingTo(ctx, to))
	}
	if r.found > 0 || r.failure != nil {
		slog.WarnContext(ctx, "accepted and not sent on", "found", r.found, "from", from, "to", to, "stopped", r.stopped, "ms", time.Since(began).Milliseconds(), "error", r.failure)
	}
	return r.found, r.failure
}

func (r *repairing) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = errors.Join(r.failure, err)
}

// shard hands over what is pending in one shard of a bucket, page by page. What fanout fails of stays, and the rest goes on
// behind it.
func (r *repairing) shard(bucket time.Time, shard int) (failure error) {
	for after := ""; ; {
		if r.late() {
			return failure
		}
		page, next, err := r.store.PendingIn(r.ctx, bucket, shard, r.now.Add(-store.PendingLate), after, pageOfPending)
		if err == nil {
			err = r.page(page)
		}
		failure = errors.Join(failure, err)
		if after = next; after == "" || err != nil && !errors.Is(err, errFailed) {
			return failure
		}
	}
}

// late tells, and notes, that no other call may be begun.
func (r *repairing) late() bool {
	end, ok := r.ctx.Deadline()
	if !ok || time.Until(end) >= leastForDue {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	return true
}

// page hands over what it says is pending. What says so of nothing is removed; but when it is new what it says it of may
// still come: an event from outside is stored after it.
func (r *repairing) page(pending []store.Pending) error {
	if len(pending) == 0 {
		return nil
	}
	records, gone, err := r.store.OutboxOf(r.ctx, pending)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.seen, r.found = r.seen+len(pending), r.found+len(records)
	r.mu.Unlock()
	gone = slices.DeleteFunc(gone, func(p store.Pending) bool { return p.AcceptedAt.After(r.now.Add(-store.ClocksDiffer)) })
	if err := r.store.SentOn(r.ctx, gone); err != nil {
		return err
	}
	var failure error
	first, size := 0, 0
	for i, record := range records {
		raw, err := json.Marshal(record)
		if err != nil {
			return fmt.Errorf("encode %s: %w", record.EventID, err)
		}
		if size += len(raw); size > handedMost && i > first {
			failure = errors.Join(failure, r.handOver(records[first:i]))
			first, size = i, len(raw)
		}
	}
	return errors.Join(failure, r.handOver(records[first:]))
}

// handOver hands records over, and when fanout fails of them the halves, so that one event that cannot be sent on keeps no
// other back.
func (r *repairing) handOver(records []lambda.DynamoDBEventRecord) error {
	if len(records) == 0 || r.late() {
		return nil
	}
	err := r.fanout.Handle(r.ctx, lambda.DynamoDBEvent{Records: records})
	if !errors.Is(err, errFailed) || len(records) == 1 {
		return err
	}
	r.mu.Lock()
	r.halved++
	again := r.halved <= halvedMost
	r.mu.Unlock()
	if !again {
		return err
	}
	half := len(records) / 2
	return errors.Join(r.handOver(records[:half]), r.handOver(records[half:]))
}

// FanoutFunction is the Lambda.
type FanoutFunction struct {
	client *client.Client
	name   string
}

// NewFanout does not call AWS. A call that fails is not repeated before the next minute, and one that takes long is not
// waited for to its end: what it sends on it notes by itself.
func NewFanout(c aws.Config, name string) FanoutFunction {
	return FanoutFunction{client.NewFromConfig(c, func(o *client.Options) {
		o.RetryMaxAttempts, o.HTTPClient = 1, awshttp.NewBuildableClient().WithTimeout(handingOver)
	}), name}
}

// Handle calls it and waits for its end.
func (f FanoutFunction) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	payload, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("encode %d records: %w", len(batch.Records), err)
	}
	out, err := f.client.Invoke(ctx, &client.InvokeInput{FunctionName: &f.name, Payload: payload})
	if err == nil && out.FunctionError != nil {
		err = errFailed
	}
	if err != nil {
		return fmt.Errorf("hand %d records to fanout: %w", len(batch.Records), err)
	}
	return nil
}
