package fanout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const acct = domain.AccountID("acct-42")

var at = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// kit is a fanout on real tables and queues.
type kit struct {
	*storetest.Tables
	*Service
	t          *testing.T
	provisions *queuetest.Queue
	deliveries *queuetest.Queue
	replays    *queuetest.Queue
	slow       *queuetest.Queue
	measured   bytes.Buffer
}

func newKit(t *testing.T) *kit {
	k := &kit{Tables: storetest.New(t), t: t, provisions: queuetest.New(t), deliveries: queuetest.New(t),
		replays: queuetest.New(t), slow: queuetest.New(t)}
	k.Service = New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), k.clock)
	for _, id := range []domain.AccountID{acct, "acct-43"} {
		k.Given(&domain.Account{ID: id, Name: "Initech", CreatedAt: at.Add(-time.Hour)})
	}
	return k
}

// clock is a moment after what the tests commit.
func (k *kit) clock() time.Time { return domain.SystemClock() }

// queues has that quick one.
func (k *kit) queues(quick deliveryqueue.Queue) deliveryqueue.Queues {
	return deliveryqueue.On(quick, k.slow, func() time.Time { return at })
}

// metrics are written into k.measured.
func (k *kit) metrics() *metric.Log {
	return metric.New("test", &k.measured, func() time.Time { return at })
}

// signed is the event of a signed contract.
func signed(id string, c domain.Contract) events.Event {
	c.Account, c.State, c.UpdatedAt = acct, domain.Signed, at
	e, err := events.OfContract(domain.EventID("evt_"+id), events.ContractSigned, c)
	if err != nil {
		panic(err)
	}
	return e
}

// commit commits the events, and hands over what the stream shows of it.
func (k *kit) commit(all ...events.Event) lambda.DynamoDBEvent {
	k.t.Helper()
	var tx store.Tx
	for _, e := range all {
		tx.Emit(e)
	}
	if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
		k.t.Fatal(err)
	}
	return k.Outbox(len(all))
}

func (k *kit) handle(batch lambda.DynamoDBEvent) {
	k.t.Helper()
	if _, err := k.Handle(k.t.Context(), batch); err != nil {
		k.t.Fatal(err)
	}
}

// delivered is what the deliveries queue got, by webhook.
func (k *kit) delivered() []events.Delivery {
	k.t.Helper()
	var all []events.Delivery
	for _, m := range k.deliveries.Take().Records {
		d, err := deliveryqueue.Delivery(m, 0)
		if err != nil {
			k.t.Fatal(err)
		}
		if got := m.Attributes["MessageGroupId"]; got != string(d.Webhook) {
			k.t.Errorf("got group %q for a delivery to %s", got, d.Webhook)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b events.Delivery) int {
		return strings.Compare(string(a.Webhook), string(b.Webhook))
	})
	return all
}

func webhooksOf(all []events.Delivery) string {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = string(d.Webhook)
	}
	return strings.Join(ids, " ")
}

// twoExtensions gives the account two extensions, the first with two template types, and webhooks of its own.
func (k *kit) twoExtensions() {
	k.t.Helper()
	managed := func(id string, e domain.ExtensionID, tt domain.TemplateTypeID) *domain.Webhook {
		return &domain.Webhook{
			Account: acct, ID: domain.WebhookID(id), Extension: e, Epoch: 3, Version: 1, WebhookKey: "contracts",
			TemplateType: tt,
			URL:          "https://example.com", EventTypes: []string{string(events.ContractSigned)},
		}
	}
	spec := domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{{
		Key: "contracts", Context: map[string]string{"customer": "{{customer_id}}",
			"also": "<{{ customer_id }}> & {{nothing}}{{api_key}}"},
	}}}
	k.Given(
		managed("crm-orders", "acme-crm", "tt_orders"), managed("crm-quotes", "acme-crm", "tt_quotes"),
		managed("erp-orders", "other-erp", "tt_bills"),
		&domain.Webhook{Account: acct, ID: "own-all", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-created", URL: "https://example.com",
			EventTypes: []string{string(events.ContractCreated)}},
		&domain.Webhook{Account: acct, ID: "own-paused", URL: "https://example.com", Paused: true},
		&domain.Webhook{Account: "acct-43", ID: "foreign", URL: "https://example.com"},
		&domain.Installation{Account: acct, Extension: "acme-crm", Version: 1, Epoch: 3, State: domain.Enabled,
			Parameters: map[string]domain.ParameterValue{"customer_id": "C-7"},
			Secrets:    map[string]domain.Sealed{"api_key": "sealed"}},
		&domain.Installation{Account: acct, Extension: "other-erp", Version: 1, Epoch: 3, State: domain.Enabled},
		&domain.Blueprint{Extension: "acme-crm", Version: 1, BlueprintSpec: spec},
		&domain.Blueprint{Extension: "other-erp", Version: 1,
			BlueprintSpec: domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{{Key: "contracts"}}}},
	)
}

func TestRule17_WhoHearsWhat(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	for name, c := range map[string]struct {
		event events.Event
		want  string
	}{
		"through acme-crm, orders": {signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm",
			TemplateType: "tt_orders"}), "crm-orders own-all own-paused"},
		"through acme-crm, quotes": {signed("2", domain.Contract{ID: "con_2", Origin: "acme-crm",
			TemplateType: "tt_quotes"}), "crm-quotes own-all own-paused"},
		"through other-erp": {signed("3", domain.Contract{ID: "con_3", Origin: "other-erp",
			TemplateType: "tt_bills"}), "erp-orders own-all own-paused"},
		"directly, of acme-crm's type": {
			signed("4", domain.Contract{ID: "con_4", TemplateType: "tt_orders"}), "own-all own-paused"},
		"through other-erp, of acme-crm's type": {signed("5",
			domain.Contract{ID: "con_5", Origin: "other-erp", TemplateType: "tt_orders"}), "own-all own-paused"},
		"through acme-crm, of the account's type": {signed("6",
			domain.Contract{ID: "con_6", Origin: "acme-crm", TemplateType: "tt_own"}), "own-all own-paused"},
		"an event of no contract": {events.Event{ID: "evt_7", Account: acct,
			Subject: domain.Subject{EventType: "installation.enabled"}, Body: []byte("{}"), At: at},
			"own-all own-paused"},
		"another type of event, through acme-crm": {events.Event{ID: "evt_8", Account: acct,
			Subject: domain.Subject{EventType: "contract.created", Origin: "acme-crm", TemplateType: "tt_orders"},
			Body:    []byte("{}"), At: at}, "own-all own-created own-paused"},
		"another account's, with the same origins": {events.Event{ID: "evt_9", Account: "acct-43",
			Subject: domain.Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_orders"},
			Body:    []byte("{}"), At: at}, "foreign"},
	} {
		k.handle(k.commit(c.event))
		if got := webhooksOf(k.delivered()); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// What delivery would read first of each target goes along, beside the message: a webhook with its account, and a
// managed one's installation without what only provisioning needs.
func TestHandle_WhatItHasReadOfATargetGoesAlong(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	k.Given(
		&domain.Webhook{Account: acct, ID: "own-ill", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-wide", URL: "https://example.com",
			Workspaces: slices.Repeat([]domain.WorkspaceID{"ws_1"}, maxTargetHint/8)},
		&domain.Webhook{Account: acct, ID: "lifecycle", Extension: "acme-crm", Epoch: 3, Lifecycle: true,
			URL: "https://example.com"},
		&domain.Health{Account: acct, Webhook: "own-ill", FailingSince: at},
	)
	before := k.clock()
	through := signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm", TemplateType: "tt_orders",
		Workspace: "ws_1"})
	through.Subject.Installation = "acme-crm"
	k.handle(k.commit(through))
	known := map[domain.WebhookID]events.Target{}
	for _, m := range k.deliveries.Take().Records {
		d, err := deliveryqueue.Delivery(m, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var target events.Target
		if d.Target != "" {
			if err := json.Unmarshal([]byte(d.Target), &target); err != nil {
				t.Fatal(err)
			}
		}
		known[d.Webhook] = target
	}
	for _, id := range []domain.WebhookID{"own-ill", "own-wide", "lifecycle"} {
		if target, sent := known[id]; !sent || !target.At.IsZero() {
			t.Errorf("with the delivery to %s (there: %v) goes %+v", id, sent, target)
		}
	}
	hook, err := k.Webhook(t.Context(), acct, "crm-orders")
	if err != nil {
		t.Fatal(err)
	}
	got := known["crm-orders"]
	if got.At.Before(before) || got.At.After(k.clock()) || got.Account.ID != acct || !got.Account.Knows(at) ||
		!reflect.DeepEqual(got.Webhook, hook) {
		t.Errorf("got %+v, read at %s; want %+v", got, got.At, hook)
	}
	if i := got.Installation; !i.Installed() || i.Epoch != 3 || i.Parameters["customer_id"] != "C-7" ||
		i.Secrets["api_key"] != "sealed" || i.TokenHash != "" || i.CallbackSecret != "" {
		t.Errorf("got the installation %+v", i)
	}
	if own := known["own-all"]; own.Webhook.ID != "own-all" || own.Installation.Extension != "" {
		t.Errorf("got %+v", own)
	}
}

// Of an account that is being deleted nothing is known, and nothing parked, which would outlast its erasing; delivery,
// which gets all of it, forgets it.
func TestRule27_NothingIsKeptOfAnAccountThatIsBeingDeleted(t *testing.T) {
	k := newKit(t)
	account, err := k.Account(t.Context(), acct)
	if err != nil {
		t.Fatal(err)
	}
	account.State = domain.AccountDeleting
	var tx store.Tx
	tx.Replace(&account)
	if err := k.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	k.Given(
		&domain.Webhook{Account: acct, ID: "own-dead", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-well", URL: "https://example.com"},
		&domain.Health{Account: acct, Webhook: "own-dead", FailingSince: at,
			Breaker: domain.Breaker{OpenedAt: at, ProbeAt: k.clock().Add(time.Minute)}},
	)
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"})))
	var got []string
	for _, m := range k.deliveries.Take().Records {
		d, err := deliveryqueue.Delivery(m, time.Minute)
		if err != nil || d.Target != "" {
			t.Errorf("%v; with the delivery to %s goes %q", err, d.Webhook, d.Target)
		}
		got = append(got, string(d.Webhook))
	}
	if slices.Sort(got); !slices.Equal(got, []string{"own-dead", "own-well"}) {
		t.Errorf("sent to %q", got)
	}
	if parked, err := k.Parked(t.Context(), acct, "own-dead", 10); err != nil || len(parked) > 0 {
		t.Errorf("parked is %+v, %v", parked, err)
	}
}

func TestRule16_WhatWasRolledBackIsNotSent(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	var tx store.Tx
	tx.Emit(signed("rolled-back", domain.Contract{ID: "con_1"}))
	tx.Exists(domain.Workspace{Account: acct, ID: "nowhere"})
	if err := k.Commit(t.Context(), &tx, nil); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("got %v, want a Conflict", err)
	}
	k.handle(k.commit(signed("committed", domain.Contract{ID: "con_2"})))
	if got := k.delivered(); len(got) != 1 || got[0].Event != "evt_committed" {
		t.Errorf("got %v, want evt_committed alone", got)
	}
}

func TestHandle_CountsItsEvents(t *testing.T) {
	k := newKit(t)
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"}), signed("2", domain.Contract{ID: "con_2"})))
	if got := k.measured.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"Events":[2]`) {
		t.Errorf("got %s, want one line that counts 2", got)
	}
}

func TestRule18_ARepeatedFanoutSendsTheSame(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	batch := k.commit(signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm", TemplateType: "tt_orders"}))
	k.handle(batch)
	first := k.deliveries.Take()
	k.handle(batch)
	second := k.deliveries.Take()
	bodies := func(e lambda.SQSEvent) (all []string) {
		for _, m := range e.Records {
			all = append(all, m.Body+queue.Attribute(m, "event"))
		}
		slices.Sort(all)
		return all
	}
	if got, want := bodies(second), bodies(first); len(want) != 3 || !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHandle_AManagedWebhooksMessage(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	e := signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm", TemplateType: "tt_orders",
		Name: "Order \u007f <1> ☃"})
	k.handle(k.commit(e))
	got := k.delivered()[0]
	want := events.Delivery{
		ID: domain.DeliveryOf("evt_1", "crm-orders"), Account: acct, Webhook: "crm-orders", Extension: "acme-crm",
		Epoch: 3,
		Event: "evt_1", Contract: "con_1", EventType: "contract.signed", EventAt: at, Body: string(e.Body), Attempt: 1,
		Context: `{"also":"\u003cC-7\u003e \u0026 ","customer":"C-7"}`, Known: 2,
	}
	if got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// Delivery reads a webhook again that it knows in an older revision than fan-out did.
func TestHandle_ADeliverySaysWhichRevisionsFanOutKnew(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm", TemplateType: "tt_orders"})))
	before := k.delivered()
	if len(before) == 0 {
		t.Fatal("nothing is delivered")
	}
	for _, d := range before {
		w, err := k.Webhook(t.Context(), acct, d.Webhook)
		if err != nil {
			t.Fatal(err)
		}
		known := w.Rev
		if w.Extension != "" {
			i, err := k.Tables.Installation(t.Context(), acct, w.Extension)
			if err != nil {
				t.Fatal(err)
			}
			known += i.Rev
		}
		if d.Known != known {
			t.Errorf("%s: says %d, want %d", d.Webhook, d.Known, known)
		}
	}
}

func TestHandle_ABodyTooBigForAMessageGoesByReference(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	for _, size := range []int{50 << 10, 70 << 10, 300 << 10} {
		id := fmt.Sprint(size)
		e := signed(id, domain.Contract{ID: domain.ContractID("con_" + id), Name: strings.Repeat("x", size)})
		k.handle(k.commit(e))
		sent := k.deliveries.Sent()
		if len(sent) != 1 || len(sent[0].Body) > queue.BilledRequest {
			t.Fatalf("%d bytes: got %d messages, the first of %d bytes", size, len(sent), len(sent[0].Body))
		}
		d := k.delivered()[0]
		if inline := d.Body != ""; inline != (size < queue.BilledRequest) {
			t.Errorf("%d bytes: inline %v", size, inline)
		}
		stored, err := k.Event(t.Context(), d.Account, d.Contract, d.Event)
		if err != nil || string(stored.Body) != string(e.Body) {
			t.Errorf("%d bytes: the message leads to %d bytes, %v, want %d", size, len(stored.Body), err, len(e.Body))
		}
	}
}

func TestHandle_AProvisionGoesToProvisioning(t *testing.T) {
	k := newKit(t)
	want := events.Provision{ID: "prv_1", Account: acct, At: at,
		Installations: []events.ProvisionedInstance{{Extension: "acme-base", Epoch: 1},
			{Extension: "acme-crm", Epoch: 4}}}
	var tx store.Tx
	tx.Provision(want)
	if err := k.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	k.handle(k.Outbox(1))
	got := k.provisions.Take().Records
	if len(got) != 1 {
		t.Fatalf("got %d messages, want 1", len(got))
	}
	var p events.Provision
	if err := json.Unmarshal([]byte(got[0].Body), &p); err != nil || fmt.Sprint(p) != fmt.Sprint(want) {
		t.Errorf("got %+v, %v, want %+v", p, err, want)
	}
	if left := k.deliveries.Take().Records; len(left) != 0 {
		t.Errorf("got %d deliveries, want none", len(left))
	}
}

func TestHandle_OnlyInsertsOfOutboxItems(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	batch := k.commit(signed("1", domain.Contract{ID: "con_1"}))
	modified, removed, other := batch.Records[0], batch.Records[0], batch.Records[0]
	modified.EventName, removed.EventName = "MODIFY", "REMOVE"
	other.Change.NewImage = map[string]lambda.DynamoDBAttributeValue{"pk": lambda.NewStringAttribute("ACCOUNT#acct-42")}
	k.handle(lambda.DynamoDBEvent{Records: []lambda.DynamoDBEventRecord{modified, removed, other}})
	if got := k.delivered(); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

// An account's webhooks are read once for all events of a batch, and again for the next batch.
func TestHandle_ReadsAnAccountOnceAndNeverKeepsIt(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	counted := &counting{Records: k.Tables}
	k.Service = New(counted, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), k.clock)
	through := func(id string) events.Event {
		return signed(id, domain.Contract{ID: domain.ContractID("con_" + id), Origin: "acme-crm",
			TemplateType: "tt_orders"})
	}
	k.handle(k.commit(through("1"), through("2"), through("3")))
	if counted.webhooks != 1 || counted.installations != 1 || counted.blueprints != 1 {
		t.Errorf("three events took %+v reads, want one of each", *counted)
	}
	k.delivered()
	k.Given(&domain.Webhook{Account: acct, ID: "own-new"})
	k.handle(k.commit(through("4")))
	if got := webhooksOf(k.delivered()); !strings.Contains(got, "own-new") {
		t.Errorf("got %q, want own-new among them", got)
	}
}

func TestHandle_ReadsNoExtensionThatHearsNothing(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	counted := &counting{Records: k.Tables}
	k.Service = New(counted, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), k.clock)
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"})))
	if counted.installations != 0 || counted.blueprints != 0 {
		t.Errorf("got %+v reads, want no installation and no blueprint", *counted)
	}
}

func TestHandle_AnyFailureFailsTheWholeBatch(t *testing.T) {
	k := newKit(t)
	k.twoExtensions()
	batch := k.commit(signed("1", domain.Contract{ID: "con_1", Origin: "acme-crm", TemplateType: "tt_orders"}))
	unreadable := batch.Records[0]
	unreadable.Change.NewImage = map[string]lambda.DynamoDBAttributeValue{"outbox": lambda.NewStringAttribute("event"),
		"at": lambda.NewStringAttribute("yesterday")}
	for name, c := range map[string]struct {
		service *Service
		batch   lambda.DynamoDBEvent
	}{
		"the deliveries queue is gone": {New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries.Broken()),
			k.metrics(), k.clock), batch},
		"one message of many is refused": {New(k.Tables, k.provisions, k.replays, k.queues(refusing{k.deliveries}),
			k.metrics(), k.clock), batch},
		"the webhooks cannot be read": {New(k.At(domain.SystemClock, storetest.Failing("Query")), k.provisions,
			k.replays, k.queues(k.deliveries), k.metrics(), k.clock), batch},
		"a context cannot be made": {New(k.At(domain.SystemClock, storetest.Failing("GetItem")), k.provisions,
			k.replays, k.queues(k.deliveries), k.metrics(), k.clock), batch},
		"a record is unreadable": {New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(),
			k.clock), lambda.DynamoDBEvent{Records: []lambda.DynamoDBEventRecord{batch.Records[0], unreadable}}},
	} {
		if _, err := c.service.Handle(t.Context(), c.batch); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRule16_WhatIsSentOnIsNotPendingAnyMore(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	batch := k.commit(signed("1", domain.Contract{ID: "con_1"}), signed("2", domain.Contract{ID: "con_2"}))
	if got := k.pending(); got != 2 {
		t.Fatalf("%d events are pending, want 2", got)
	}
	broken := New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries.Broken()), k.metrics(), k.clock)
	if _, err := broken.Handle(t.Context(), batch); err == nil || k.pending() != 2 {
		t.Errorf("a fan-out that failed, %v, leaves %d pending, want 2", err, k.pending())
	}
	k.handle(batch)
	if got := k.pending(); got != 0 || len(k.delivered()) != 2 {
		t.Errorf("%d events are pending, want none", got)
	}
}

// What comes late may have been handed over by redelivery meanwhile; what comes in time is not looked up.
func TestRule18_AnEventThatWasSentOnMeanwhileIsLeftOut(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	batch := k.commit(signed("1", domain.Contract{ID: "con_1"}), signed("2", domain.Contract{ID: "con_2"}))
	half := batch
	half.Records = batch.Records[:1]
	k.handle(half)
	k.delivered()
	late := func() time.Time { return domain.SystemClock().Add(2 * store.PendingLate) }
	k.Service = New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), late)
	k.handle(batch)
	if got := k.delivered(); len(got) != 1 || got[0].Event != "evt_2" {
		t.Errorf("sent on %+v, want evt_2 alone", got)
	}
	counted := &counting{Records: k.Tables}
	k.Service = New(counted, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), k.clock)
	k.handle(k.commit(signed("3", domain.Contract{ID: "con_3"})))
	if got := k.delivered(); len(got) != 1 || counted.looks > 0 {
		t.Errorf("in time: sent on %+v after %d looks, want evt_3 without one", got, counted.looks)
	}
}

// So it is with what is no event.
func TestRule4_AProvisionIsPendingUntilItIsSentOnAndThenNoMore(t *testing.T) {
	k := newKit(t)
	var tx store.Tx
	tx.Provision(events.Provision{ID: "prv_1", Account: acct, At: at})
	if err := k.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	batch := k.Outbox(1)
	if got := k.pending(); got != 1 {
		t.Fatalf("%d are pending, want the provision", got)
	}
	k.handle(batch)
	late := func() time.Time { return domain.SystemClock().Add(2 * store.PendingLate) }
	k.Service = New(k.Tables, k.provisions, k.replays, k.queues(k.deliveries), k.metrics(), late)
	k.handle(batch)
	if got := k.provisions.Take().Records; len(got) != 1 || k.pending() != 0 {
		t.Errorf("%d messages, want one, and %d are pending", len(got), k.pending())
	}
}

// To fail would send all of it again, at once and ten times.
func TestHandle_WhatCannotBeNotedIsSentOnAllTheSame(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "own-all"})
	k.Service = New(k.At(domain.SystemClock, storetest.Failing("BatchWriteItem")), k.provisions, k.replays,
		k.queues(k.deliveries), k.metrics(), k.clock)
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"})))
	if got := k.delivered(); len(got) != 1 || k.pending() != 1 {
		t.Errorf("sent on %+v, and %d are pending, want one of each", got, k.pending())
	}
}

// pending is how many events are noted as not sent on.
func (k *kit) pending() int {
	k.t.Helper()
	found, err := k.DB.Scan(k.t.Context(),
		&dynamodb.ScanInput{TableName: &k.Tables.Config.AccountsTable, ConsistentRead: aws.Bool(true)})
	if err != nil {
		k.t.Fatal(err)
	}
	n := 0
	for _, i := range found.Items {
		if pk, _ := i[store.PartitionKey].(*types.AttributeValueMemberS); pk != nil &&
			strings.HasPrefix(pk.Value, "PENDING#") {
			n++
		}
	}
	return n
}

// What is slow is so of one webhook in one epoch; one whose breaker has lapsed is not slow.
func TestRule20_ASlowEndpointsDeliveriesTakeTheSlowLane(t *testing.T) {
	k := newKit(t)
	k.Given(
		&domain.Webhook{Account: acct, ID: "own-open", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-quick", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-slow", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-was-slow", URL: "https://example.com", Epoch: 2},
		&domain.Health{Account: acct, Webhook: "own-open", FailingSince: at,
			Breaker: domain.Breaker{OpenedAt: at, ProbeAt: at}},
		&domain.Health{Account: acct, Webhook: "own-slow", SlowSince: at},
		&domain.Health{Account: acct, Webhook: "own-was-slow", Epoch: 1, SlowSince: at},
	)
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"})))
	if got := webhooksOf(k.delivered()); got != "own-open own-quick own-was-slow" {
		t.Errorf("the quick queue takes %s", got)
	}
	var slow []events.Delivery
	for _, m := range k.slow.Take().Records {
		d, err := deliveryqueue.Delivery(m, 0)
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, d)
	}
	if got := webhooksOf(slow); got != "own-slow" || !slow[0].Slow {
		t.Errorf("the slow queue takes %s", got)
	}
}

// However many there are, they are in no queue before others'. A repetition parks none of them twice.
func TestRule20_WhatABreakerHoldsIsParkedAndInNoQueue(t *testing.T) {
	k := newKit(t)
	soon := k.clock().Add(time.Minute)
	k.Given(
		&domain.Webhook{Account: acct, ID: "own-dead", URL: "https://example.com"},
		&domain.Webhook{Account: acct, ID: "own-was-dead", URL: "https://example.com", Epoch: 2},
		&domain.Webhook{Account: acct, ID: "own-well", URL: "https://example.com"},
		// which is recorded at once
		&domain.Webhook{Account: acct, ID: "own-paused", URL: "https://example.com", Paused: true},
		&domain.Health{Account: acct, Webhook: "own-dead", FailingSince: at,
			Breaker: domain.Breaker{OpenedAt: at, ProbeAt: soon}},
		&domain.Health{Account: acct, Webhook: "own-paused", FailingSince: at,
			Breaker: domain.Breaker{OpenedAt: at, ProbeAt: soon}},
		&domain.Health{Account: acct, Webhook: "own-was-dead", Epoch: 1, FailingSince: at,
			Breaker: domain.Breaker{OpenedAt: at, ProbeAt: soon}},
	)
	batch := k.commit(signed("1", domain.Contract{ID: "con_1"}), signed("2", domain.Contract{ID: "con_2"}))
	k.handle(batch)
	if got := webhooksOf(k.delivered()); got != "own-paused own-paused own-was-dead own-was-dead own-well own-well" {
		t.Errorf("the quick queue takes %s", got)
	}
	if got := len(k.slow.Take().Records); got != 0 {
		t.Errorf("the slow queue takes %d", got)
	}
	if !strings.Contains(k.measured.String(), `"Parked":[2]`) {
		t.Errorf("the metrics are %s", k.measured.String())
	}
	k.handle(batch)
	parked, err := k.Parked(t.Context(), acct, "own-dead", 10)
	if err != nil || len(parked) != 2 || webhooksOf(parked) != "own-dead own-dead" || parked[0].Attempt != 1 ||
		parked[0].Event == parked[1].Event {
		t.Errorf("parked is %+v, %v", parked, err)
	}
	// Who tries it out looks whether it is mended: that probes.
	tried, err := events.OfTest("evt_test", events.ContractSigned, domain.Webhook{Account: acct, ID: "own-dead"}, at)
	if err != nil {
		t.Fatal(err)
	}
	k.slow.Take()
	k.handle(k.commit(tried))
	var asked []events.Delivery
	for _, m := range k.slow.Take().Records {
		asked = append(asked, events.Delivery{})
		if err := json.Unmarshal([]byte(m.Body), &asked[len(asked)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 1 || asked[0].Webhook != "own-dead" || !asked[0].Slow || !asked[0].Asked {
		t.Errorf("the slow queue takes %+v", asked)
	}
	broken := New(k.At(k.clock, storetest.Failing("BatchWriteItem")), k.provisions, k.replays, k.queues(k.deliveries),
		k.metrics(), k.clock)
	if _, err := broken.Handle(t.Context(), batch); err == nil {
		t.Error("nothing could be parked, and the batch is done")
	}
}

// More messages than go into the calls of one flush: all arrive, each once.
func TestHandle_ManyWebhooks(t *testing.T) {
	k := newKit(t)
	for from := 0; from < 195; from += 65 {
		var some []any
		for i := range 65 {
			some = append(some, &domain.Webhook{Account: acct, ID: domain.WebhookID(fmt.Sprintf("whk_%03d", from+i))})
		}
		k.Given(some...)
	}
	k.handle(k.commit(signed("1", domain.Contract{ID: "con_1"}), signed("2", domain.Contract{ID: "con_2"})))
	got := map[domain.DeliveryID]int{}
	for _, d := range k.delivered() {
		got[d.ID]++
	}
	if len(got) != 390 {
		t.Errorf("got %d deliveries, want 390", len(got))
	}
}

type counting struct {
	Records
	webhooks, installations, blueprints, looks int
}

func (c *counting) StillPending(ctx context.Context, all []store.Pending) (map[store.Item]bool, error) {
	c.looks++
	return c.Records.StillPending(ctx, all)
}

func (c *counting) WebhooksAndHealth(ctx context.Context,
	a domain.AccountID) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error) {
	c.webhooks++
	return c.Records.WebhooksAndHealth(ctx, a)
}

func (c *counting) Installation(ctx context.Context, a domain.AccountID,
	e domain.ExtensionID) (domain.Installation, error) {
	c.installations++
	return c.Records.Installation(ctx, a, e)
}

func (c *counting) Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error) {
	c.blueprints++
	return c.Records.Blueprint(ctx, e, version)
}

// refusing spoils the second message, as SQS itself then refuses it and takes the others.
type refusing struct{ Queue }

func (r refusing) Send(ctx context.Context, messages []queue.Message) map[int]error {
	messages[1].Body += "\uffff"
	return r.Queue.Send(ctx, messages)
}
