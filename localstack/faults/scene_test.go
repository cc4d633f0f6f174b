package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/logging"

	"plugboard/events"
	"plugboard/functions/delivery"
	"plugboard/functions/fanout"
	"plugboard/functions/redelivery"
	"plugboard/localstack/faults"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/secret"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const (
	acct          = domain.AccountID("acct-42")
	signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// place is everything that a process needs to be one of the functions.
type place struct {
	Endpoint                  string // of AWS: the proxy
	Accounts, Deliveries      string // tables
	Quick, Slow, Provisioning string // queue URLs; nothing is provisioned or replayed here
	SealingKey                string
	Ahead                     time.Duration // its clock, ahead of the machine's
}

// services are the functions between an accepted event and its end, as their mains build them.
type services struct {
	fanout     *fanout.Service
	delivery   *delivery.Service
	redelivery *redelivery.Service
}

func (p place) services(c aws.Config, now domain.Clock, e egress.Config) services {
	c.BaseEndpoint = &p.Endpoint
	c.Logger = logging.Nop{}         // it complains of what the test wants
	c.Retryer = func() aws.Retryer { // shorter pauses
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff = 10 * time.Millisecond
			o.RateLimiter = unlimited{}
		})
	}
	s := store.New(dynamodb.NewFromConfig(c),
		store.Config{AccountsTable: p.Accounts, DeliveriesTable: p.Deliveries}, now)
	client, metrics := sqs.NewFromConfig(c), metric.New("test", io.Discard, now)
	queues := deliveryqueue.New(client, deliveryqueue.Config{Deliveries: p.Quick, SlowDeliveries: p.Slow}, now)
	out := services{
		fanout: fanout.New(s, queue.New(client, p.Provisioning), queue.New(client, p.Provisioning), queues, metrics,
			now),
		delivery: delivery.New(s, secret.NewSealer(kms.NewFromConfig(c), s, secret.Config{SealingKey: p.SealingKey},
			now), queues, e, metrics, now),
	}
	out.redelivery = redelivery.New(s, queues, past{out.fanout}, metrics, now)
	return out
}

// unlimited has no quota of retries. The SDK has one a process, and here one process does the work of many.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return unlimited{}.release, nil
}
func (unlimited) AddTokens(uint) error { return nil }
func (unlimited) release() error       { return nil }

// past is fanout as redelivery calls it, without the stream.
type past struct{ *fanout.Service }

func (p past) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	_, err := p.Service.Handle(ctx, batch)
	return err
}

// scene is the world of one fault: its own tables, queues and key, the services on them, and the ledger. It hands
// over records and messages as Lambda does, by a clock that moves on when no work is left.
type scene struct {
	services
	t      *testing.T
	place  place
	tables *storetest.Tables
	sqs    *sqs.Client // without the proxy
	proxy  *faults.Proxy
	ledger *faults.Ledger
	sealer *secret.Sealer
	ahead  atomic.Int64

	fanned   map[string]bool      // outbox items that the stream has shown, by key
	batch    lambda.DynamoDBEvent // the stream's batch that must be shown again
	tries    int                  // of that batch
	givenUp  int                  // batches of the stream
	inFlight []inFlight
	events   int
}

// inFlight is a message that a function did not finish: it comes again after its visibility timeout.
type inFlight struct {
	queue, handle string
	back          time.Time
}

// As infra/ has them.
const (
	visibility  = 6 * time.Minute
	receives    = "5"
	streamTries = 11
)

// outOfSight, in seconds, is the emulator's visibility timeout; the test's clock keeps the real one. Messages of a
// lost answer come again after it.
const outOfSight, outOfSightFor = "15", 20

func newScene(t *testing.T) *scene {
	s := &scene{t: t, tables: storetest.New(t), fanned: map[string]bool{}}
	s.tables.Store = s.tables.At(s.now)
	var err error
	s.proxy, err = faults.NewProxy(aws.ToString(s.tables.AWS.BaseEndpoint), s.now)
	must(t, err)
	t.Cleanup(s.proxy.Close)
	s.sqs = sqs.NewFromConfig(s.tables.AWS)
	quick, slow, provisions, dead := queuetest.New(t), queuetest.New(t), queuetest.New(t), queuetest.New(t)
	for _, q := range []*queuetest.Queue{quick, slow} {
		s.attributes(q.URL, map[string]string{
			"VisibilityTimeout": outOfSight, "RedrivePolicy": fmt.Sprintf(
				`{"deadLetterTargetArn":%q,"maxReceiveCount":%s}`, s.arn(dead.URL), receives),
		})
	}
	key, err := kms.NewFromConfig(s.tables.AWS).CreateKey(t.Context(), &kms.CreateKeyInput{})
	must(t, err)
	s.place = place{
		Endpoint: s.proxy.URL, Accounts: s.tables.Config.AccountsTable, Deliveries: s.tables.Config.DeliveriesTable,
		Quick: quick.URL, Slow: slow.URL, Provisioning: provisions.URL, SealingKey: *key.KeyMetadata.Arn,
	}
	s.sealer = secret.NewSealer(kms.NewFromConfig(s.tables.AWS), s.tables,
		secret.Config{SealingKey: s.place.SealingKey}, s.now)
	s.services = s.place.services(s.tables.AWS, s.now, egress.Config{AllowPrivate: true})
	s.ledger = &faults.Ledger{DB: s.tables.DB, SQS: s.sqs, Accounts: s.place.Accounts, Deliveries: s.place.Deliveries,
		DeadQueues: []string{dead.URL}}
	s.tables.Given(&domain.Account{ID: acct})
	// Earlier sweeps are assumed, or the first would read the weeks before.
	must(t, s.tables.SweptTo(t.Context(), s.now().Truncate(store.DueBucket)))
	must(t, s.tables.PendingTo(t.Context(), s.now().Truncate(store.PendingBucket)))
	return s
}

func (s *scene) attributes(url string, a map[string]string) {
	s.t.Helper()
	_, err := s.sqs.SetQueueAttributes(s.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: a})
	must(s.t, err)
}

func (s *scene) arn(url string) string {
	s.t.Helper()
	got, err := s.sqs.GetQueueAttributes(s.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	must(s.t, err)
	return got.Attributes["QueueArn"]
}

func (s *scene) now() time.Time { return domain.SystemClock().Add(time.Duration(s.ahead.Load())) }

// pass moves the clock on, and does the work that is due.
func (s *scene) pass(d time.Duration) {
	s.t.Helper()
	s.ahead.Add(int64(d))
	must(s.t, s.proxy.Release(s.t.Context()))
	var still []inFlight
	for _, m := range s.inFlight {
		if m.back.After(s.now()) {
			still = append(still, m)
			continue
		}
		if _, err := s.sqs.ChangeMessageVisibility(s.t.Context(),
			&sqs.ChangeMessageVisibilityInput{QueueUrl: &m.queue, ReceiptHandle: &m.handle}); err != nil {
			slog.Info("a message came back before", "error", err)
		}
	}
	s.inFlight = still
}

// hook creates a webhook of the account for signed contracts, and its endpoint.
func (s *scene) hook(id string, p domain.SendPolicy) *faults.Endpoint {
	s.t.Helper()
	e, err := faults.Listen("127.0.0.1")
	must(s.t, err)
	s.t.Cleanup(e.Close)
	s.at(id, e.URL, e, p)
	return e
}

// at is hook with an existing endpoint and any URL.
func (s *scene) at(id, url string, e *faults.Endpoint, p domain.SendPolicy) {
	s.t.Helper()
	sealed, err := s.sealer.Seal(s.t.Context(), acct, id, signingSecret)
	must(s.t, err)
	w := &domain.Webhook{Account: acct, ID: domain.WebhookID(id), Name: id, URL: url, Secret: sealed, Policy: p,
		EventTypes: []string{string(events.ContractSigned)}}
	s.tables.Given(w)
	must(s.t, e.Trust(signingSecret))
	s.ledger.Hears(*w, e)
}

// accept commits so many events.
func (s *scene) accept(n int) {
	s.t.Helper()
	for range n {
		s.events++
		e, err := events.OfContract(domain.EventID(domain.NewID("evt")), events.ContractSigned, domain.Contract{
			ID: domain.ContractID(fmt.Sprint("con_", s.events)), Account: acct, Name: fmt.Sprint("Order ", s.events),
			UpdatedAt: s.now(),
		})
		must(s.t, err)
		var tx store.Tx
		tx.Emit(e)
		must(s.t, s.tables.Commit(s.t.Context(), &tx, nil))
		s.ledger.Accepted(e.ID)
	}
}

// settle works until no work is left at any time.
func (s *scene) settle() {
	s.t.Helper()
	for range 1_000 {
		if s.fanOut() || s.deliver(s.place.Quick) || s.deliver(s.place.Slow) {
			continue
		}
		next, waits := s.next()
		if !waits && s.left(s.place.Quick) == "0 0 0" && s.left(s.place.Slow) == "0 0 0" {
			return
		}
		if !waits { // an answer with messages was lost
			s.work(s.place.Quick, outOfSightFor)
			s.work(s.place.Slow, 0)
			continue
		}
		s.pass(next.Sub(s.now()) + time.Minute) // a minute late, so that deliveries due together come together
		s.sweep()
	}
	s.t.Fatal("it does not come to an end")
}

// sweep runs a minute of redelivery. A failed run is made good by the next.
func (s *scene) sweep() {
	if _, err := s.redelivery.Handle(s.t.Context(), nil); err != nil {
		slog.Info("a run of redelivery failed", "error", err)
	}
}

// next is when the next work is due; false when none waits.
func (s *scene) next() (next time.Time, waits bool) {
	s.t.Helper()
	at := func(t time.Time) {
		if !t.After(s.now()) { // some work failed, and is tried again in a minute
			t = s.now().Add(time.Minute)
		}
		if !waits || t.Before(next) {
			next, waits = t, true
		}
	}
	if t, held := s.proxy.NextHeld(); held {
		at(t)
	}
	for _, m := range s.inFlight {
		at(m.back)
	}
	if len(s.batch.Records) > 0 {
		at(s.now().Add(time.Second))
	}
	for _, item := range s.scan(s.place.Deliveries) {
		switch domain.Record(item["record"]) {
		case domain.RecordAttempt, domain.RecordDueCursor:
		case domain.RecordDue:
			due, err := time.Parse(time.RFC3339, item["not_before"])
			must(s.t, err)
			at(due)
		default: // parked: redelivery runs every minute
			if item["id"] != "" {
				at(s.now().Add(time.Minute))
			}
		}
	}
	for _, item := range s.scan(s.place.Accounts) {
		if domain.Record(item["record"]) == domain.RecordPending {
			at(s.now().Add(store.PendingLate))
		}
	}
	return next, waits
}

// fanOut hands over the stream's new records, or a failed batch again, until the stream gives it up.
func (s *scene) fanOut() bool {
	s.t.Helper()
	if len(s.batch.Records) == 0 {
		if s.batch = s.stream(); len(s.batch.Records) == 0 {
			return false
		}
		s.tries = 0
	}
	_, err := s.fanout.Handle(s.t.Context(), s.batch)
	s.fannedOut(err == nil)
	return err == nil
}

// fannedOut is the stream's reaction to a worked or failed batch.
func (s *scene) fannedOut(done bool) {
	if s.tries++; !done && s.tries < streamTries {
		return
	}
	if !done {
		s.givenUp++
	}
	s.batch = lambda.DynamoDBEvent{}
}

// stream is its new records.
func (s *scene) stream() lambda.DynamoDBEvent {
	s.t.Helper()
	n := 0
	for _, item := range s.scan(s.place.Accounts) {
		if k := item[store.PartitionKey] + " " + item[store.SortKey]; item[store.OutboxAttribute] != "" &&
			!s.fanned[k] {
			s.fanned[k] = true
			n++
		}
	}
	if n == 0 {
		return lambda.DynamoDBEvent{}
	}
	return s.tables.Outbox(n)
}

// deliver hands over a batch of a queue; false when it is empty.
func (s *scene) deliver(url string) bool { return s.work(url, 0) }

// work waits for a batch, seconds by the machine's clock, and hands it over.
func (s *scene) work(url string, seconds int32) bool {
	s.t.Helper()
	batch := s.await(url, seconds)
	if len(batch.Records) == 0 {
		return false
	}
	answer, err := s.delivery.Handle(s.t.Context(), batch)
	s.delivered(url, batch, answer, err == nil)
	return true
}

func (s *scene) receive(url string) lambda.SQSEvent { return s.await(url, 0) }

func (s *scene) await(url string, seconds int32) lambda.SQSEvent {
	s.t.Helper()
	got, err := s.sqs.ReceiveMessage(s.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: seconds, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	must(s.t, err)
	return queuetest.Received(got.Messages...)
}

// delivered is SQS's reaction to a worked batch, or to one whose process died.
func (s *scene) delivered(url string, batch lambda.SQSEvent, answer lambda.SQSEventResponse, done bool) {
	s.t.Helper()
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	for _, m := range batch.Records {
		if !done || failed[m.MessageId] {
			s.inFlight = append(s.inFlight, inFlight{url, m.ReceiptHandle, s.now().Add(visibility)})
			continue
		}
		_, err := s.sqs.DeleteMessage(s.t.Context(),
			&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &m.ReceiptHandle})
		must(s.t, err)
	}
}

// scan is a whole table, its texts and numbers as texts.
func (s *scene) scan(table string) []map[string]string {
	s.t.Helper()
	var all []map[string]string
	pages := dynamodb.NewScanPaginator(s.tables.DB,
		&dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.t.Context())
		must(s.t, err)
		for _, item := range page.Items {
			texts := map[string]string{}
			for name, v := range item {
				raw, err := json.Marshal(v)
				must(s.t, err)
				var value struct{ Value any }
				must(s.t, json.Unmarshal(raw, &value))
				texts[name] = fmt.Sprint(value.Value)
			}
			all = append(all, texts)
		}
	}
	return all
}

// over settles the scene, and closes the ledger.
func (s *scene) over() faults.Balance {
	s.t.Helper()
	s.proxy.Follow(nil)
	s.settle()
	b, err := s.ledger.Balance(s.t.Context())
	must(s.t, err)
	for _, w := range b.Wrong {
		s.t.Error(w)
	}
	if b.Open > 0 {
		s.t.Errorf("%d deliveries have come to no end, and nothing waits that would bring them there", b.Open)
	}
	for _, url := range []string{s.place.Quick, s.place.Slow} {
		if n := s.left(url); n != "0 0 0" {
			s.t.Errorf("the queue holds messages, visible, in flight and delayed: %s", n)
		}
	}
	return b
}

func (s *scene) left(url string) string {
	s.t.Helper()
	got, err := s.sqs.GetQueueAttributes(s.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	must(s.t, err)
	return got.Attributes["ApproximateNumberOfMessages"] +
		" " + got.Attributes["ApproximateNumberOfMessagesNotVisible"] + " " +
		got.Attributes["ApproximateNumberOfMessagesDelayed"]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
