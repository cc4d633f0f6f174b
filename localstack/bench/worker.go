package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/lane"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// work does the load given as JSON against the stub at AWS_ENDPOINT_URL, one batch after the other, as a Lambda does,
// and prints the result.
func work(ctx context.Context, args []string) error {
	var l load
	if len(args) != 1 {
		return errors.New("worker takes one load")
	}
	if err := json.Unmarshal([]byte(args[0]), &l); err != nil {
		return err
	}
	w := &worker{load: l, aws: os.Getenv("AWS_ENDPOINT_URL"), body: body(l.Body)}
	batches, known := kinds[l.Kind]
	if !known {
		return fmt.Errorf("no load is of the kind %q", l.Kind)
	}
	batch, err := batches(w, ctx)
	if err != nil {
		return err
	}
	r, err := w.measure(ctx, batch)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// kinds are what makes and works off the batches of each kind of load. A batch says how many deliveries it was.
var kinds = map[string]func(*worker, context.Context) (batch func() (int, error), err error){
	"plain":    (*worker).plain,
	"delivery": (*worker).delivery,
	"pipeline": (*worker).pipeline,
}

type worker struct {
	load
	aws    string
	body   string
	making time.Duration // CPU time of making messages, which is others' work
}

// body is an event's, of so many bytes.
func body(size int) string {
	frame := `{"id":"evt_01jd3zq8v5w0c2m9x7r4t6y1ab","type":"contract.signed","timestamp":"2026-11-24T09:30:00Z","data":{"note":"%s"}}`
	return fmt.Sprintf(frame, strings.Repeat("x", max(0, size-len(frame))))
}

// measure works batches off until the time is over. What a process does once (connections, data keys, first reads) is
// not measured: one batch goes before.
func (w *worker) measure(ctx context.Context, batch func() (int, error)) (result, error) {
	if _, err := batch(); err != nil {
		return result{}, err
	}
	if _, err := take[counts](w, "counts"); err != nil {
		return result{}, err
	}
	w.making = 0
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, began := cpuTime(), time.Now()
	r := result{}
	for time.Since(began) < w.For && ctx.Err() == nil {
		n, err := batch()
		if err != nil {
			return result{}, err
		}
		r.Deliveries += n
	}
	r.CPU, r.Wall = cpuTime()-cpu-w.making, time.Since(began)
	runtime.ReadMemStats(&after)
	r.Mallocs = after.Mallocs - before.Mallocs
	r.Goroutines = runtime.NumGoroutine() - goroutines
	r.Resident = resident()
	var err error
	r.Counts, err = take[counts](w, "counts")
	return r, err
}

// take takes what the stub keeps under that name.
func take[T any](w *worker, name string) (kept T, err error) {
	response, err := http.Post(w.aws+"/"+name, "", nil)
	if err != nil {
		return kept, err
	}
	defer response.Body.Close()
	return kept, json.NewDecoder(response.Body).Decode(&kept)
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the most memory that this process had.
func resident() int64 {
	raw, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return kilobytes << 10
}

// parts are what the functions are made of, as their mains do it. Their log goes where Lambda's would, into a file
// descriptor.
type parts struct {
	store      *store.Store
	sealer     *secret.Sealer
	lanes      lane.Lanes
	provisions *queue.Queue
	delivery   *delivery.Service
	metrics    *metric.Log
}

func (w *worker) parts() (parts, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return parts{}, err
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(null, nil)))
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: &w.aws,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		}),
	}
	p := parts{metrics: metric.New("bench", null, domain.SystemClock), store: store.New(dynamodb.NewFromConfig(config), store.Config{AccountsTable: "accounts", DeliveriesTable: "deliveries"}, domain.SystemClock)}
	p.sealer = secret.NewSealer(kms.NewFromConfig(config), p.store, secret.Config{SealingKey: "sealing"}, domain.SystemClock)
	p.provisions = queue.New(sqs.NewFromConfig(config), w.aws+"/provisions")
	p.lanes = lane.New(sqs.NewFromConfig(config), lane.Config{Deliveries: w.aws + "/deliveries", SlowDeliveries: w.aws + "/slow-deliveries"}, domain.SystemClock)
	p.delivery = delivery.New(p.store, p.sealer, p.lanes, egress.Config{AllowPrivate: true}, p.metrics, domain.SystemClock)
	return p, nil
}

// delivery delivers to one webhook after the other.
func (w *worker) delivery(ctx context.Context) (func() (int, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	webhooks, err := w.layOut(ctx, p, func(i int) domain.AccountID { return domain.AccountID(fmt.Sprintf("acct-%d", i)) })
	if err != nil {
		return nil, err
	}
	next := 0
	return func() (int, error) {
		before := cpuTime()
		messages := make([]string, w.Batch)
		for i := range messages {
			to := webhooks[next%len(webhooks)]
			next++
			d := events.DeliveryTo(to, w.event(to.Account))
			d.Body = w.body
			if messages[i], err = queue.Encode(d); err != nil {
				return 0, err
			}
		}
		w.making += cpuTime() - before
		return w.Batch, p.deliver(ctx, messages)
	}, nil
}

// pipeline takes events from their commit to their last delivery: one account, whose webhooks hear all of them.
func (w *worker) pipeline(ctx context.Context) (func() (int, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	const account = "acct-0"
	if _, err := w.layOut(ctx, p, func(int) domain.AccountID { return account }); err != nil {
		return nil, err
	}
	fan := fanout.New(p.store, p.provisions, p.provisions, p.lanes, p.metrics)
	return func() (int, error) {
		for range w.Batch {
			var tx store.Tx
			tx.Emit(w.event(account))
			if err := p.store.Commit(ctx, &tx, nil); err != nil {
				return 0, err
			}
		}
		shown, err := take[[]map[string]lambda.DynamoDBAttributeValue](w, "outbox")
		if err != nil {
			return 0, err
		}
		stream := lambda.DynamoDBEvent{}
		for _, image := range shown {
			stream.Records = append(stream.Records, lambda.DynamoDBEventRecord{EventName: string(lambda.DynamoDBOperationTypeInsert), Change: lambda.DynamoDBStreamRecord{NewImage: image}})
		}
		if _, err := fan.Handle(ctx, stream); err != nil {
			return 0, err
		}
		messages, err := take[[]string](w, "queued")
		if err != nil {
			return 0, err
		}
		if len(messages) != w.Batch*w.Webhooks {
			return 0, fmt.Errorf("%d events to %d webhooks made %d messages", w.Batch, w.Webhooks, len(messages))
		}
		for some := range slices.Chunk(messages, 10) {
			if err := p.deliver(ctx, some); err != nil {
				return 0, err
			}
		}
		return len(messages), nil
	}, nil
}

func (w *worker) event(account domain.AccountID) events.Event {
	return events.Event{
		ID: domain.EventID("evt_" + strings.ToLower(rand.Text())), Account: account, Contract: "con_1", At: time.Now(),
		Subject: domain.Subject{EventType: string(events.ContractSigned)}, Body: []byte(w.body),
	}
}

// deliver has the delivery function work a batch. Each of its messages must be done.
func (p parts) deliver(ctx context.Context, messages []string) error {
	batch := lambda.SQSEvent{}
	for i, m := range messages {
		batch.Records = append(batch.Records, lambda.SQSMessage{MessageId: strconv.Itoa(i), Body: m})
	}
	out, err := p.delivery.Handle(ctx, batch)
	if err == nil && len(out.BatchItemFailures) > 0 {
		err = fmt.Errorf("%d of %d messages failed", len(out.BatchItemFailures), len(messages))
	}
	return err
}

// layOut stores the webhooks and the accounts that they are in. What was there before is forgotten.
func (w *worker) layOut(ctx context.Context, p parts, in func(i int) domain.AccountID) ([]domain.Webhook, error) {
	if _, err := take[any](w, "forget"); err != nil {
		return nil, err
	}
	all := make([]domain.Webhook, w.Webhooks)
	for i := range all {
		hook := domain.Webhook{Account: in(i), ID: domain.WebhookID(fmt.Sprintf("whk_%d", i)), Name: "Bench", URL: w.URL}
		for key := range 2 { // that sign, as after a rotation
			sealed, err := p.sealer.Seal(ctx, hook.Account, string(hook.ID), secret.NewSigningSecret())
			if err != nil {
				return nil, err
			}
			if key == 0 {
				hook.Secret = sealed
			} else {
				hook.Rotate(sealed, time.Now(), 24*time.Hour)
			}
		}
		var tx store.Tx
		if i == 0 || in(i) != in(i-1) {
			tx.Create(&domain.Account{ID: hook.Account, Name: "Bench", CreatedAt: time.Now().Add(-time.Hour)})
		}
		tx.Create(&hook)
		if err := p.store.Commit(ctx, &tx, nil); err != nil {
			return nil, err
		}
		all[i] = hook
	}
	return all, nil
}

// plain is the limit: it signs and posts, as many at once as the batch has, and does nothing else.
func (w *worker) plain(ctx context.Context) (func() (int, error), error) {
	signer, err := standardwebhooks.NewWebhook(secret.NewSigningSecret().Reveal())
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: w.Batch}}
	post := func() error {
		id, now, payload := strings.ToLower(rand.Text()), time.Now(), []byte(w.body)
		signature, err := signer.Sign(id, now, payload)
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(payload))
		if err != nil {
			return err
		}
		r.Header.Set(standardwebhooks.HeaderWebhookID, id)
		r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
		r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return func() (int, error) {
		failed := make([]error, w.Batch)
		var posting sync.WaitGroup
		for i := range failed {
			posting.Go(func() { failed[i] = post() })
		}
		posting.Wait()
		return w.Batch, errors.Join(failed...)
	}, nil
}
