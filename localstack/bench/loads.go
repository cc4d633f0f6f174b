package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/functions/delivery"
	"plugboard/functions/fanout"
	"plugboard/functions/redelivery"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// kinds makes the batches of each kind of load.
var kinds = map[string]func(*worker, context.Context) (next func() (batch, error), err error){
	"plain":    (*worker).plain,
	"delivery": (*worker).delivery,
	"pipeline": (*worker).pipeline,
	"external": (*worker).pipeline,
	"sweep":    (*worker).sweep,
	"pull":     (*worker).pull,
}

// keys is the number of signing keys, in the plain loop as in the function: two, as after a rotation.
const keys = 2

// parts are the parts of the functions, as their mains build them.
type parts struct {
	store      *store.Store
	sealer     *secret.Sealer
	config     aws.Config
	provisions *queue.Queue
	queues     deliveryqueue.Queues
	delivery   *delivery.Service
	metrics    *metric.Log
}

func (w *worker) parts() (parts, error) {
	var err error
	if w.log.File, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return parts{}, err
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(&w.log, nil)))
	debug.SetMemoryLimit(delivery.MemoryLimit)
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: &w.aws,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		}),
	}
	p := parts{config: config, metrics: metric.New("bench", &w.log, domain.SystemClock),
		store: store.New(dynamodb.NewFromConfig(config),
			store.Config{AccountsTable: "accounts", DeliveriesTable: "deliveries"}, domain.SystemClock)}
	p.sealer = secret.NewSealer(kms.NewFromConfig(config), p.store, secret.Config{SealingKey: "sealing"},
		domain.SystemClock)
	p.provisions = queue.New(sqs.NewFromConfig(config), w.aws+"/provisions")
	p.queues = deliveryqueue.New(sqs.NewFromConfig(config),
		deliveryqueue.Config{Deliveries: w.aws + "/deliveries", SlowDeliveries: w.aws + "/slow-deliveries"},
		domain.SystemClock)
	p.delivery = delivery.New(p.store, p.sealer, p.queues, egress.Config{AllowPrivate: true}, p.metrics,
		domain.SystemClock)
	return p, nil
}

// delivery delivers to one webhook after the other.
func (w *worker) delivery(ctx context.Context) (func() (batch, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	n := 0
	return func() (batch, error) {
		messages := make([]sent, w.Batch)
		for i := range messages {
			to := w.webhook(n % cmp.Or(w.Heard, w.Webhooks))
			n++
			d := events.DeliveryTo(to, w.event(to.Account))
			d.Body = string(w.body)
			if d.Target, err = w.target(ctx, p, to); err != nil {
				return nil, err
			}
			m, err := deliveryqueue.Message(d)
			if err != nil {
				return nil, err
			}
			messages[i] = sent{Message: m, At: time.Now()}
		}
		made := received(messages)
		return func() (int, error) { return w.Batch, w.deliver(ctx, p, made) }, nil
	}, nil
}

// pipeline takes events from their commit to their last delivery, in one account whose webhooks hear each event. The
// kind external stores events like send-events.
func (w *worker) pipeline(ctx context.Context) (func() (batch, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	fan := fanout.New(p.store, p.provisions, p.provisions, p.queues, p.metrics, domain.SystemClock)
	return func() (batch, error) {
		return func() (int, error) {
			if err := w.store(ctx, p); err != nil {
				return 0, err
			}
			shown, err := take[[]map[string]lambda.DynamoDBAttributeValue](w.aws, "outbox")
			if err != nil {
				return 0, err
			}
			stream := lambda.DynamoDBEvent{}
			for _, image := range shown {
				stream.Records = append(stream.Records,
					lambda.DynamoDBEventRecord{EventName: string(lambda.DynamoDBOperationTypeInsert),
						Change: lambda.DynamoDBStreamRecord{NewImage: image}})
			}
			if _, err := fan.Handle(ctx, stream); err != nil {
				return 0, err
			}
			messages, err := take[[]sent](w.aws, "queued")
			if err != nil {
				return 0, err
			}
			if len(messages) != w.Batch*w.Webhooks {
				return 0, fmt.Errorf("%d events to %d webhooks made %d messages", w.Batch, w.Webhooks, len(messages))
			}
			for some := range slices.Chunk(messages, 10) {
				if err := w.deliver(ctx, p, received(some)); err != nil {
					return 0, err
				}
			}
			return len(messages), nil
		}, nil
	}, nil
}

// store stores a batch of events, as the API does.
func (w *worker) store(ctx context.Context, p parts) error {
	account := w.webhook(0).Account
	if w.Kind == "external" {
		all := make([]events.Event, w.Batch)
		for i := range all {
			all[i] = w.event(account)
			all[i].ID = domain.ExternalEventID(account, rand.Text(), time.Now())
		}
		outcomes, err := p.store.Accept(ctx, all)
		for _, o := range outcomes {
			err = cmp.Or(err, o.Err)
		}
		return err
	}
	for range w.Batch {
		var tx store.Tx
		tx.Emit(w.event(account))
		if err := p.store.Commit(ctx, &tx, nil); err != nil {
			return err
		}
	}
	return nil
}

// sweep runs a minute of redelivery. With nothing due, the run counts as one delivery.
func (w *worker) sweep(ctx context.Context) (func() (batch, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	if err := p.store.SweptTo(ctx, time.Now().Truncate(store.DueBucket)); err != nil {
		return nil, err
	}
	sweeper := redelivery.New(p.store, p.queues, redelivery.NewFanout(p.config, "fanout"), p.metrics,
		domain.SystemClock)
	return func() (batch, error) {
		return func() (int, error) {
			if _, err := sweeper.Handle(ctx, nil); err != nil {
				return 0, err
			}
			again, err := take[[]sent](w.aws, "queued")
			if err == nil && w.Batch == 0 && len(again) == 0 {
				return 1, nil
			}
			return len(again), err
		}, w.due(ctx, p)
	}, nil
}

// due stores retries that are due now.
func (w *worker) due(ctx context.Context, p parts) error {
	return p.wait(ctx, w, w.Batch, func(int) time.Time { return time.Now().Truncate(time.Second) })
}

// wait stores n retries.
func (p parts) wait(ctx context.Context, w *worker, n int, until func(i int) time.Time) error {
	var waiting []events.Delivery
	for i := range n {
		to := w.webhook(i % w.Webhooks)
		d := events.DeliveryTo(to, w.event(to.Account))
		d.Attempt, d.NotBefore = 3, until(i)
		waiting = append(waiting, d)
	}
	return p.store.AppendAttempts(ctx, nil, waiting...)
}

func (w *worker) event(account domain.AccountID) events.Event {
	return events.Event{
		ID: domain.EventID("evt_" + strings.ToLower(rand.Text())), Account: account, Contract: "con_1", At: time.Now(),
		Subject: domain.Subject{EventType: string(events.ContractSigned)}, Body: w.body,
	}
}

// target is the target hint as fan-out makes it, without secrets. A backlog has none: its hints would be too old.
func (w *worker) target(ctx context.Context, p parts, to domain.Webhook) (string, error) {
	if w.Late {
		return "", nil
	}
	to, err := p.sealed(ctx, to)
	if err != nil {
		return "", err
	}
	return queue.Encode(events.Target{At: time.Now(), Account: account(to.Account), Webhook: to})
}

// sent is a message in the queue, with its time of arrival.
type sent struct {
	queue.Message
	At time.Time
}

// invocation is a batch of received messages, and the billed requests for receiving them.
type invocation struct {
	lambda.SQSEvent
	requests int
}

// received is the messages as Lambda hands them over.
func received(messages []sent) invocation {
	batch, size := lambda.SQSEvent{Records: make([]lambda.SQSMessage, len(messages))}, 0
	for i, m := range messages {
		size += m.Size()
		batch.Records[i] = lambda.SQSMessage{MessageId: strconv.Itoa(i), Body: m.Body, Attributes: map[string]string{
			"ApproximateReceiveCount": "1", "SentTimestamp": milliseconds(m.At),
			"ApproximateFirstReceiveTimestamp": milliseconds(time.Now()),
		}, MessageAttributes: m.MessageAttributes()}
	}
	return invocation{batch, billed(size)}
}

// deliver runs the delivery function on a batch. Every message must be done.
func (w *worker) deliver(ctx context.Context, p parts, i invocation) error {
	w.result.Received += i.requests
	out, err := p.delivery.Handle(ctx, i.SQSEvent)
	if err == nil && len(out.BatchItemFailures) > 0 {
		err = fmt.Errorf("%d of %d messages failed", len(out.BatchItemFailures), len(i.Records))
	}
	return err
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// plain is the plain loop: it signs with as many keys and posts with the same concurrency as delivery, and does
// nothing else.
func (w *worker) plain(ctx context.Context) (func() (batch, error), error) {
	signers := make([]*standardwebhooks.Webhook, keys)
	for i := range signers {
		var err error
		if signers[i], err = standardwebhooks.NewWebhook(secret.NewSigningSecret().Reveal()); err != nil {
			return nil, err
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: w.Batch}}
	post := func() error {
		id, now, payload := strings.ToLower(rand.Text()), time.Now(), bytes.Clone(w.body)
		signatures := make([]string, len(signers))
		for i, signer := range signers {
			var err error
			if signatures[i], err = signer.Sign(id, now, payload); err != nil {
				return err
			}
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(payload))
		if err != nil {
			return err
		}
		r.Header.Set(standardwebhooks.HeaderWebhookID, id)
		r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
		r.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return func() (batch, error) {
		return func() (int, error) {
			failed := make([]error, w.Batch)
			var posting sync.WaitGroup
			for i := range failed {
				posting.Go(func() { failed[i] = post() })
			}
			posting.Wait()
			return w.Batch, errors.Join(failed...)
		}, nil
	}, nil
}
