package redelivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/lambda"

	"plugboard/shared/store"
)

// Events that were accepted and that nobody has sent on: the stream has given them up, or its consumer is off, or died in
// between. They are handed to fanout again, past the stream.

// Fanout takes records as the stream shows them, and returns when all of them are sent on.
type Fanout interface {
	Handle(ctx context.Context, batch lambda.DynamoDBEvent) error
}

const (
	// pageOfPending is how many events are read and handed over at a time.
	pageOfPending = 100

	// handedMost is how much of them in one call, in bytes: Lambda takes 6 MB
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	handedMost = 4 << 20

	// leastForDue is what must be left of the function's time for what is due, however much was forgotten.
	leastForDue = 35 * time.Second
)

// repair hands over what is pending for more than store.PendingLate, the oldest first, and tells how much it found: all of
// it, unless the time was up. What could not be sent on stays, and is found again the next minute.
func (s *Service) repair(ctx context.Context) (found int, failure error) {
	began, by := time.Now(), s.now().Add(-store.PendingLate)
	from, err := s.store.PendingFrom(ctx)
	if err != nil {
		return 0, err
	}
	to, stopped := from, false
	for bucket := from; !bucket.After(by) && !stopped; bucket = bucket.Add(store.PendingBucket) {
		for shard := 0; shard < store.PendingShards && !stopped; shard++ {
			n, err := s.repairShard(ctx, bucket, shard, by)
			found += n
			if stopped = errors.Is(err, errNoTime); !stopped {
				failure = errors.Join(failure, err)
			}
		}
		if end := bucket.Add(store.PendingBucket); failure == nil && !stopped && !end.After(by) {
			to = end
		}
	}
	if to.After(from) {
		failure = errors.Join(failure, s.store.PendingTo(ctx, to))
	}
	if found > 0 || failure != nil {
		slog.WarnContext(ctx, "events were accepted and not sent on", "events", found, "from", from, "to", to, "stopped", stopped, "ms", time.Since(began).Milliseconds(), "error", failure)
	}
	return found, failure
}

var errNoTime = errors.New("the time was up before all that is pending was looked at")

func (s *Service) repairShard(ctx context.Context, bucket time.Time, shard int, by time.Time) (found int, err error) {
	for after := ""; ; {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < leastForDue {
			return found, errNoTime
		}
		page, next, err := s.store.PendingIn(ctx, bucket, shard, by, after, pageOfPending)
		if err != nil {
			return found, err
		}
		found += len(page)
		if err := s.handOver(ctx, page); err != nil {
			return found, err
		}
		if after = next; after == "" {
			return found, nil
		}
	}
}

// handOver has fanout send the events on, as many in a call as it takes.
func (s *Service) handOver(ctx context.Context, pending []store.Pending) error {
	if len(pending) == 0 {
		return nil
	}
	records, gone, err := s.store.OutboxOf(ctx, pending)
	if err != nil {
		return err
	}
	if err := s.store.RemovePending(ctx, gone); err != nil {
		return err
	}
	var batch lambda.DynamoDBEvent
	size := 0
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("encode %s: %w", r.EventID, err)
		}
		if size += len(raw); size > handedMost && len(batch.Records) > 0 {
			if err := s.fanout.Handle(ctx, batch); err != nil {
				return err
			}
			batch.Records, size = nil, len(raw)
		}
		batch.Records = append(batch.Records, r)
	}
	if len(batch.Records) == 0 {
		return nil
	}
	return s.fanout.Handle(ctx, batch)
}

// FanoutFunction is the Lambda.
type FanoutFunction struct {
	client *client.Client
	name   string
}

// NewFanout does not call AWS. A call that fails is not repeated before the next minute.
func NewFanout(c aws.Config, name string) FanoutFunction {
	return FanoutFunction{client.NewFromConfig(c, func(o *client.Options) { o.RetryMaxAttempts = 1 }), name}
}

// Handle calls it and waits for its end.
func (f FanoutFunction) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	payload, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("encode %d records: %w", len(batch.Records), err)
	}
	out, err := f.client.Invoke(ctx, &client.InvokeInput{FunctionName: &f.name, Payload: payload})
	if err == nil && out.FunctionError != nil {
		err = errors.New("it failed; its own log says why")
	}
	if err != nil {
		return fmt.Errorf("hand %d records to fanout: %w", len(batch.Records), err)
	}
	return nil
}
