package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/secret"
	"plugboard/shared/secret/secrettest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

var testEgress = egress.Config{AllowPrivate: true}

const acct = domain.AccountID("acct-42")

// kit is a delivery on real tables, a real queue and a real key, and a receiver.
type kit struct {
	*storetest.Tables
	*Service
	t        *testing.T
	sealer   *secret.Sealer
	queue    *queuetest.Queue
	slow     *queuetest.Queue
	receiver *receiver
	clock    *clock
	measured bytes.Buffer // metrics
}

func newKit(t *testing.T) *kit {
	tables := storetest.New(t)
	k := &kit{
		Tables: tables, t: t, sealer: secrettest.New(t, tables), queue: queuetest.New(t), slow: queuetest.New(t),
		receiver: newReceiver(t),
		clock:    &clock{now: domain.SystemClock()},
	}
	k.Given(&domain.Account{ID: acct})
	k.on(tables.At(k.clock.read), k.queue)
	return k
}

// on sets the service up anew, on another store or queue.
func (k *kit) on(s *store.Store, q deliveryqueue.Queue) {
	k.Service = New(s, k.sealer, deliveryqueue.On(q, k.slow, k.clock.read), testEgress,
		metric.New("test", &k.measured, k.clock.read), k.clock.read)
	k.Service.jitter = func() float64 { return 0.5 } // none
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// receiver is an endpoint. It answers as the test says, 200 otherwise, and keeps what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	got    []received
}

type received struct {
	header http.Header
	url    string
	body   string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got = append(r.got, received{q.Header, q.URL.String(), string(body)})
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

// status answers with a status and a body.
func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// take is what came since the call before.
func (r *receiver) take() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func (k *kit) seal(resource, plain string) domain.Sealed {
	k.t.Helper()
	sealed, err := k.sealer.Seal(k.t.Context(), acct, resource, domain.Secret(plain))
	if err != nil {
		k.t.Fatal(err)
	}
	return sealed
}

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// own stores a webhook of the account's own that goes to url, by a policy if one is given.
func (k *kit) own(id, url string, policy ...domain.SendPolicy) *domain.Webhook {
	k.t.Helper()
	w := &domain.Webhook{Account: acct, ID: domain.WebhookID(id), Name: id, URL: url, Secret: k.seal(id, signingSecret)}
	for _, p := range policy {
		w.Policy = p
	}
	k.Given(w)
	return w
}

// managed stores an enabled extension with one webhook, whose request holds everything that a blueprint may declare.
func (k *kit) managed(id string) (*domain.Webhook, *domain.Installation) {
	k.t.Helper()
	w := &domain.Webhook{
		Account: acct, ID: domain.WebhookID(id), Extension: "acme-crm", Epoch: 3, Version: 1, WebhookKey: "contracts",
		TemplateType: "tt_1",
		URL:          k.receiver.URL + "/hooks?v=1", Secret: k.seal(id, signingSecret),
	}
	i := &domain.Installation{
		Account: acct, Extension: "acme-crm", Version: 1, Epoch: 3, State: domain.Enabled,
		Parameters: map[string]domain.ParameterValue{"customer_id": "C 1"},
		Secrets: map[string]domain.Sealed{
			"api_key": k.seal(domain.ParameterResource("acme-crm", "api_key"), "key-one"),
			"pin":     k.seal(domain.ParameterResource("acme-crm", "pin"), "pin-4711"),
			"unused":  "opens for nobody",
		},
	}
	b := &domain.Blueprint{Extension: "acme-crm", Version: 1,
		BlueprintSpec: domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{{
			Key: "contracts", Headers: map[string]string{"X-Customer": "customer {{customer_id}}",
				"X-Key": "{{api_key}}",
				"X-Pin": "pin={{pin}}"},
			Query: map[string]string{"customer": "{{customer_id}}", "key": "{{api_key}}"},
			Auth:  domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "{{api_key}}"},
		}}}}
	k.Given(w, i, b)
	return w, i
}

// change writes a stored thing as it is now.
func (k *kit) change(v interface{ Bump() int }) {
	k.t.Helper()
	var tx store.Tx
	tx.Replace(v)
	if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
		k.t.Fatal(err)
	}
}

// to is the first message of a new event to w.
func (k *kit) to(w *domain.Webhook, event string) events.Delivery {
	k.t.Helper()
	e := k.event(event, "Order 1001")
	var tx store.Tx
	tx.Emit(e)
	// that of another webhook, too
	if err := k.Commit(k.t.Context(), &tx, nil); err != nil && !fault.Is(err, store.Raced) {
		k.t.Fatal(err)
	}
	d := events.DeliveryTo(*w, e)
	d.Body = string(e.Body)
	return d
}

func (k *kit) event(id, name string) events.Event {
	k.t.Helper()
	e, err := events.OfContract(domain.EventID("evt_"+id), events.ContractSigned, domain.Contract{
		ID: "con_1", Account: acct, Name: name, Origin: "acme-crm", TemplateType: "tt_1", UpdatedAt: k.clock.read(),
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return e
}

// batch is the messages as Lambda hands them over.
func (k *kit) batch(all ...events.Delivery) lambda.SQSEvent {
	k.t.Helper()
	var messages []queue.Message
	for _, d := range all {
		m, err := deliveryqueue.Message(d)
		if err != nil {
			k.t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return queuetest.Batch(messages...)
}

// work hands the messages over, and returns the ids of those that failed.
func (k *kit) work(batch lambda.SQSEvent) []string {
	k.t.Helper()
	answer, err := k.Handle(k.t.Context(), batch)
	if err != nil {
		k.t.Fatal(err)
	}
	var failed []string
	for _, f := range answer.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

// deliver hands over messages none of which may fail.
func (k *kit) deliver(all ...events.Delivery) {
	k.t.Helper()
	if failed := k.work(k.batch(all...)); len(failed) > 0 {
		k.t.Fatalf("messages failed: %v", failed)
	}
}

// delivery is the one that a message asks for.
func (k *kit) delivery(m queue.Message) events.Delivery {
	k.t.Helper()
	d, err := deliveryqueue.Delivery(queuetest.Batch(m).Records[0], time.Hour)
	if err != nil {
		k.t.Fatal(err)
	}
	return d
}

// next is the one message that was sent since the call before, and the delay it was sent with; or what waits in the
// table, and for how long, which is taken out of it as redelivery would.
func (k *kit) next() (events.Delivery, time.Duration) {
	k.t.Helper()
	sent := append(k.queue.Sent(), k.slow.Sent()...)
	if waiting := k.due(); len(sent) == 0 && len(waiting) == 1 {
		if err := k.RemoveDue(k.t.Context(), waiting); err != nil {
			k.t.Fatal(err)
		}
		return waiting[0], waiting[0].NotBefore.Sub(k.clock.read())
	}
	if len(sent) != 1 {
		k.t.Fatalf("%d messages were sent, want 1", len(sent))
	}
	d := k.delivery(sent[0])
	if sent[0].Group != string(d.Webhook) {
		k.t.Errorf("sent in the group %q, want %q", sent[0].Group, d.Webhook)
	}
	return d, sent[0].Delay
}

// due is what waits in the table.
func (k *kit) due() []events.Delivery {
	k.t.Helper()
	return scan[events.Delivery](k, k.Config.DeliveriesTable, domain.RecordDue)
}

// scan is all of a kind that is stored.
func scan[T any](k *kit, table string, r domain.Record) []T {
	k.t.Helper()
	found, err := k.DB.Scan(k.t.Context(), &dynamodb.ScanInput{
		TableName: &table, FilterExpression: aws.String("#record = :r"),
		ExpressionAttributeNames: map[string]string{"#record": "record"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":r": &types.AttributeValueMemberS{Value: string(r)}}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		k.t.Fatal(err)
	}
	var all []T
	if err := attributevalue.UnmarshalListOfMapsWithOptions(found.Items, &all,
		func(o *attributevalue.DecoderOptions) { o.TagKey = "json" }); err != nil {
		k.t.Fatal(err)
	}
	return all
}

// nothingSent fails the test if a message was, or waits in the table.
func (k *kit) nothingSent() {
	k.t.Helper()
	if waiting := k.due(); len(waiting) > 0 {
		k.t.Errorf("%d deliveries wait, want none: %+v", len(waiting), waiting[0])
	}
	if sent := k.queue.Sent(); len(sent) > 0 {
		k.t.Errorf("%d messages were sent, want none: %s", len(sent), sent[0].Body)
	}
}

// attempts is the delivery's log.
func (k *kit) attempts(d events.Delivery) []domain.Attempt {
	k.t.Helper()
	got, err := k.Attempts(k.t.Context(), acct, d.Webhook, d.Day(), d.Event)
	if err != nil {
		k.t.Fatal(err)
	}
	return got
}

// outcome is the last line's, after as many as wanted.
func (k *kit) outcome(d events.Delivery, lines int) domain.Attempt {
	k.t.Helper()
	got := k.attempts(d)
	if len(got) != lines {
		k.t.Fatalf("the log has %d lines, want %d: %+v", len(got), lines, got)
	}
	return got[lines-1]
}

// logs is everything that is logged from now on.
func logs(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

func shows(t *testing.T, where, text string, forbidden ...string) {
	t.Helper()
	for _, f := range forbidden {
		if strings.Contains(text, f) {
			t.Errorf("%s shows %q: %s", where, f, text)
		}
	}
}

// slow opens what the sealer opens, after something else has happened.
type slow struct {
	Opener
	meanwhile func()
}

func (s slow) Open(ctx context.Context, a domain.AccountID, resource string,
	sealed domain.Sealed) (domain.Secret, error) {
	s.meanwhile()
	return s.Opener.Open(ctx, a, resource, sealed)
}

// counting counts what targets reads, and how.
type counting struct {
	Records
	singly, ahead atomic.Int32
	meanwhile     func() // while it reads ahead
	failure       error  // of reading ahead
}

func (c *counting) WebhookAndHealth(ctx context.Context, a domain.AccountID,
	id domain.WebhookID) (domain.Webhook, domain.Health, error) {
	c.singly.Add(1)
	return c.Records.WebhookAndHealth(ctx, a, id)
}

func (c *counting) ReadAhead(ctx context.Context, of []store.AheadOf) (*store.Ahead, error) {
	c.ahead.Add(1)
	a, err := c.Records.ReadAhead(ctx, of)
	if c.meanwhile != nil {
		c.meanwhile()
	}
	return a, errors.Join(err, c.failure)
}

// counts has the service read through a counting.
func (k *kit) counts() *counting {
	c := &counting{Records: k.Tables}
	k.Service.targets = newTargets(c, k.clock.read)
	return c
}
