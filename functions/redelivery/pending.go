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

// Repair of the outbox: an item that was accepted and not sent on is handed to fanout directly. The stream may have
// given it up, or fanout may be off or have died.

// Fanout works records as the stream shows them, and returns when every message is sent. It returns errFailed when
// fanout ran and failed.
type Fanout interface {
	Handle(ctx context.Context, batch lambda.DynamoDBEvent) error
}

var errFailed = errors.New("it failed; its own log says why")

const (
	// pageOfPending is how many items are read and handed over at a time.
	pageOfPending = 100

	// maxHandedOver is the limit of one call, in bytes: Lambda takes 6 MB
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	maxHandedOver = 4 << 20

	// leastForDue is the time that repair leaves for the due deliveries: more than one more call of fanout takes.
	leastForDue = 35 * time.Second
	handingOver = 20 * time.Second

	// maxHalvings is how often a run halves a batch that failed. Finding one bad item among a hundred takes seven.
	maxHalvings = 64
)

// repairRun is one run of the repair.
type repairRun struct {
	*Service
	ctx context.Context
	now time.Time

	mu      sync.Mutex
	seen    int // pending markers of any age
	found   int // outbox items older than a minute and not sent on
	halved  int
	stopped bool // for lack of time; the next run continues
	failure error
}

// repair hands over every item that has been pending for more than a minute, and returns their number. An empty hour
// is never read again once it is over by more than the clocks may differ.
func (s *Service) repair(ctx context.Context) (found int, failure error) {
	began := time.Now()
	from, err := s.store.PendingFrom(ctx)
	if err != nil {
		return 0, err
	}
	r := &repairRun{Service: s, ctx: ctx, now: s.now()}
	to := from
	for bucket := from; !bucket.After(r.now) && !r.stopped; bucket = bucket.Add(store.PendingBucket) {
		var shards sync.WaitGroup
		for shard := range store.PendingShards {
			shards.Go(func() { r.addFailure(r.shard(bucket, shard)) })
		}
		shards.Wait()
		if end := bucket.Add(store.PendingBucket); r.seen == 0 && r.failure == nil && !r.stopped &&
			!end.After(r.now.Add(-store.ClocksDiffer)) {
			to = end
		}
	}
	if to.After(from) {
		r.addFailure(s.store.PendingTo(ctx, to))
	}
	if r.found > 0 || r.failure != nil {
		slog.WarnContext(ctx, "accepted and not sent on", "found", r.found, "from", from, "to", to, "stopped",
			r.stopped, "ms", time.Since(began).Milliseconds(), "error", r.failure)
	}
	return r.found, r.failure
}

func (r *repairRun) addFailure(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = errors.Join(r.failure, err)
}

// shard hands over the pending items of one shard of a bucket, page by page. Items that fanout fails on stay, and the
// rest go on.
func (r *repairRun) shard(bucket time.Time, shard int) (failure error) {
	for after := ""; ; {
		if r.outOfTime() {
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

// outOfTime is true, and noted, when no time is left for another call.
func (r *repairRun) outOfTime() bool {
	end, ok := r.ctx.Deadline()
	if !ok || time.Until(end) >= leastForDue {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	return true
}

// page hands over one page. A pending marker whose outbox item is missing is deleted, unless it is recent: an
// external event is stored after its marker.
func (r *repairRun) page(pending []store.Pending) error {
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
	gone = slices.DeleteFunc(gone, func(p store.Pending) bool {
		return p.AcceptedAt.After(r.now.Add(-store.ClocksDiffer))
	})
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
		if size += len(raw); size > maxHandedOver && i > first {
			failure = errors.Join(failure, r.handOver(records[first:i]))
			first, size = i, len(raw)
		}
	}
	return errors.Join(failure, r.handOver(records[first:]))
}

// handOver calls fanout, and halves the batch when fanout fails, so that one bad item holds back no other.
func (r *repairRun) handOver(records []lambda.DynamoDBEventRecord) error {
	if len(records) == 0 || r.outOfTime() {
		return nil
	}
	err := r.fanout.Handle(r.ctx, lambda.DynamoDBEvent{Records: records})
	if !errors.Is(err, errFailed) || len(records) == 1 {
		return err
	}
	r.mu.Lock()
	r.halved++
	again := r.halved <= maxHalvings
	r.mu.Unlock()
	if !again {
		return err
	}
	half := len(records) / 2
	return errors.Join(r.handOver(records[:half]), r.handOver(records[half:]))
}

// FanoutFunction calls the fanout Lambda.
type FanoutFunction struct {
	client *client.Client
	name   string
}

// NewFanout makes no AWS call. A failed call is repeated by the next minute's run. A slow call is abandoned: fanout
// itself deletes the pending markers of what it sent.
func NewFanout(c aws.Config, name string) FanoutFunction {
	return FanoutFunction{client.NewFromConfig(c, func(o *client.Options) {
		o.RetryMaxAttempts, o.HTTPClient = 1, awshttp.NewBuildableClient().WithTimeout(handingOver)
	}), name}
}

// Handle invokes the function and waits for its end.
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
