package delivery

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

func TestDelivery_TheReceiverVerifiesItWithThePublishedLibrary(t *testing.T) {
	k := newKit(t)
	d := k.to(k.own("whk_own", k.receiver.URL+"/hooks"), "1")
	k.deliver(d)
	got := k.receiver.take()
	if len(got) != 1 {
		t.Fatalf("got %d requests, want 1", len(got))
	}
	verifier, err := standardwebhooks.NewWebhook(signingSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify([]byte(got[0].body), got[0].header); err != nil {
		t.Errorf("the published library: %v", err)
	}
	if err := verifier.Verify([]byte(got[0].body+" "), got[0].header); err == nil {
		t.Error("the published library takes another body, too")
	}
	for name, want := range map[string]string{
		"Webhook-Id": string(d.ID), "Webhook-Timestamp": strconv.FormatInt(k.clock.read().Unix(), 10),
		"Content-Type": "application/json", "User-Agent": userAgent, "Authorization": "", "Idempotency-Key": "",
		"Accept-Encoding": "identity",
	} {
		if got := got[0].header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got[0].url != "/hooks" || got[0].body != d.Body {
		t.Errorf("got %s with %s", got[0].url, got[0].body)
	}
	line := k.outcome(d, 1)
	line.Milliseconds = 0
	want := domain.Attempt{
		Account: acct, Webhook: "whk_own", Event: "evt_1", EventType: "contract.signed", EventDay: d.Day(),
		EventAt: d.EventAt, Contract: "con_1", Number: 1,
		Outcome: domain.OutcomeDelivered, Status: 200, At: k.clock.read(), URL: k.receiver.URL + "/hooks",
	}
	if !reflect.DeepEqual(line, want) {
		t.Errorf("got the line %+v, want %+v", line, want)
	}
	k.nothingSent()
}

func TestDelivery_ExampleInvocation(t *testing.T) {
	k := newKit(t)
	var batch lambda.SQSEvent
	if err := json.Unmarshal(events.Invocation("delivery"), &batch); err != nil {
		t.Fatal(err)
	}
	var d events.Delivery
	if err := json.Unmarshal([]byte(batch.Records[0].Body), &d); err != nil {
		t.Fatal(err)
	}
	w, _ := k.managed(string(d.Webhook))
	if failed := k.work(batch); failed != nil || len(k.receiver.take()) != 1 {
		t.Fatalf("failed: %v", failed)
	}
	if got := k.outcome(d, 1); got.Outcome != domain.OutcomeDelivered || got.Webhook != w.ID {
		t.Errorf("got %+v", got)
	}
}

func TestRule18_SameIDAndBodyOnEveryAttempt_HeadersResolvedAtEach(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	d := k.to(w, "1")
	d.Context = `{"customer":"C 1"}`
	k.receiver.answers(status(500, ""))
	k.deliver(d)
	second, delay := k.next()
	first := k.receiver.take()[0]

	i.Parameters = map[string]domain.ParameterValue{"customer_id": "C 2&more"}
	i.Secrets["api_key"] = k.seal(domain.ParameterResource("acme-crm", "api_key"), "key-two")
	k.change(i)
	w.URL = k.receiver.URL + "/elsewhere"
	k.change(w)
	k.clock.forward(delay)
	k.deliver(second)
	again := k.receiver.take()[0]

	if again.body != first.body || !strings.HasSuffix(first.body, `,"context":{"customer":"C 1"}}`) {
		t.Errorf("got the bodies\n%s\n%s", first.body, again.body)
	}
	for name, want := range map[string][2]string{
		"Webhook-Id":    {string(d.ID), string(d.ID)},
		"X-Customer":    {"customer C 1", "customer C 2&more"},
		"X-Key":         {"key-one", "key-two"},
		"Authorization": {"Bearer key-one", "Bearer key-two"},
	} {
		if got := [2]string{first.header.Get(name), again.header.Get(name)}; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	// A secret parameter never goes into the query, whatever a blueprint says (rule 7).
	if first.url != "/hooks?v=1&customer=C+1&key=" || again.url != "/elsewhere?customer=C+2%26more&key=" {
		t.Errorf("got %s, then %s", first.url, again.url)
	}
	if first.header.Get("Webhook-Timestamp") == again.header.Get("Webhook-Timestamp") ||
		first.header.Get("Webhook-Signature") == again.header.Get("Webhook-Signature") {
		t.Error("both attempts have one timestamp or one signature")
	}
}

func TestDelivery_BasicAuth(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	b := domain.Blueprint{Extension: "acme-crm", Version: 2,
		BlueprintSpec: domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{{
			Key: "contracts", Auth: domain.WebhookAuth{Scheme: domain.AuthBasic, Username: "{{customer_id}}",
				Password: "{{api_key}}"},
		}}}}
	k.Given(&b)
	w.Version, i.Version = 2, 2
	k.change(w)
	k.change(i)
	k.deliver(k.to(w, "1"))
	r := http.Request{Header: k.receiver.take()[0].header}
	if user, password, _ := r.BasicAuth(); user != "C 1" || password != "key-one" {
		t.Errorf("got %q, %q", user, password)
	}
}

func TestDelivery_AControlCharacterInAHeaderIsNoRequest(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	for n, parameters := range []map[string]domain.ParameterValue{{"customer_id": "a\r\nX-Injected: yes"},
		{"customer_id": "a\x7f"}, {"customer_id": "a\u0085b"}} {
		i.Parameters = parameters
		k.change(i)
		k.clock.forward(targetKept)
		d := k.to(w, strconv.Itoa(n))
		k.deliver(d)
		if got := k.receiver.take(); len(got) != 0 {
			t.Errorf("%q: the receiver got %v", parameters, got)
		}
		if got := k.outcome(d, 1); got.Outcome != domain.OutcomeFailed || !strings.Contains(got.Reason, "X-Customer") {
			t.Errorf("%q: got %+v", parameters, got)
		}
		k.next()
	}
	i.Parameters = map[string]domain.ParameterValue{"customer_id": "healed"}
	i.Secrets["api_key"] = k.seal(domain.ParameterResource("acme-crm", "api_key"), "a\nb")
	k.change(i)
	k.clock.forward(targetKept)
	d := k.to(w, "secret")
	k.deliver(d)
	if got := k.outcome(d, 1); len(k.receiver.take()) != 0 || got.Outcome != domain.OutcomeFailed {
		t.Errorf("a secret one: got %+v", got)
	}
}

func TestDelivery_ABigBodyIsReadFromItsEvent(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	e := k.event("1", strings.Repeat("x", 100<<10))
	var tx store.Tx
	tx.Emit(e)
	if err := k.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	d := events.DeliveryTo(*w, e)
	d.Context = `{"a":"b"}`
	k.deliver(d)
	if got, want := k.receiver.take()[0].body, string(d.Payload(e.Body)); got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func TestRule19_AFailedPostIsLoggedRescheduledAndDone(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(503, "try later"))
	d := k.to(w, "1")
	k.deliver(d)
	line := k.outcome(d, 1)
	line.Milliseconds = 0
	want := domain.Attempt{
		Account: acct, Webhook: "whk_own", Event: "evt_1", EventType: "contract.signed", EventDay: d.Day(),
		EventAt: d.EventAt, Contract: "con_1", Number: 1, Outcome: domain.OutcomeFailed,
		URL: k.receiver.URL, Status: 503, Failure: domain.FailureStatus,
		Reason: "The answer was 503 Service Unavailable.", Excerpt: "try later",
		Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Date": line.Headers["Date"]},
		At:      k.clock.read(), NextAt: k.clock.read().Add(5 * time.Second),
	}
	if !reflect.DeepEqual(line, want) {
		t.Errorf("got the line\n%+v, want\n%+v", line, want)
	}
	next, delay := k.next()
	d.Attempt, d.NotBefore = 2, want.NextAt
	if next != d || delay != 5*time.Second {
		t.Errorf("got\n%+v after %s, want\n%+v after 5s", next, delay, d)
	}
	if got := k.queue.Waiting(); got != "1" {
		t.Errorf("%s messages wait in the queue, want 1", got)
	}
	k.receiver.answers(nil)
	k.clock.forward(delay)
	k.deliver(next)
	if got := k.outcome(d, 2); got.Outcome != domain.OutcomeDelivered || got.Number != 2 {
		t.Errorf("got %+v", got)
	}
	k.nothingSent()
}

func TestRule19_OnlyA2xxIsSuccess(t *testing.T) {
	k := newKit(t)
	for code, want := range map[int]domain.Outcome{
		200: domain.OutcomeDelivered, 201: domain.OutcomeDelivered, 204: domain.OutcomeDelivered,
		299: domain.OutcomeDelivered,
		300: domain.OutcomeFailed, 304: domain.OutcomeFailed, 400: domain.OutcomeFailed, 401: domain.OutcomeFailed,
		404: domain.OutcomeFailed,
		429: domain.OutcomeFailed, 500: domain.OutcomeFailed, 599: domain.OutcomeFailed, 410: domain.OutcomeExhausted,
	} {
		k.receiver.answers(status(code, ""))
		w := k.own("whk_"+strconv.Itoa(code), k.receiver.URL) // each its own: 410 disables
		d := k.to(w, "1")
		k.deliver(d)
		if got := k.outcome(d, 1); got.Outcome != want || got.Status != code {
			t.Errorf("%d: got %s with status %d, want %s", code, got.Outcome, got.Status, want)
		}
		if sent := len(k.queue.Sent()); (sent == 1) != (want == domain.OutcomeFailed) {
			t.Errorf("%d: %d messages were sent on", code, sent)
		}
	}
}

func TestRule19_TheLastFailureExhausts(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(500, ""))
	d := k.to(w, "1")
	total := time.Duration(0)
	for number := 1; number < 10; number++ {
		k.deliver(d)
		var delay time.Duration
		d, delay = k.next()
		if d.Attempt != number+1 {
			t.Fatalf("after attempt %d comes %d", number, d.Attempt)
		}
		d.Slow = true // as a probe, once the breaker is open
		total += delay
		k.clock.forward(delay)
	}
	k.deliver(d)
	k.nothingSent()
	if got := k.outcome(d, 10); got.Outcome != domain.OutcomeExhausted || got.Number != 10 || !got.NextAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	if total != 75*time.Hour+35*time.Minute+5*time.Second {
		t.Errorf("ten attempts took %s", total)
	}
	if got := domain.StateOf(k.attempts(d)); got != domain.DeliveryExhausted {
		t.Errorf("got %s, want exhausted", got)
	}
}

func TestRule19_TheListOfFailuresIsNeverNull(t *testing.T) {
	k := newKit(t)
	for name, batch := range map[string]lambda.SQSEvent{"nothing": {},
		"a success": k.batch(k.to(k.own("whk_own", k.receiver.URL), "1"))} {
		answer, err := k.Handle(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(answer); string(got) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// A message comes again for a fault of the pipeline, and only the one that is concerned.
func TestRule19_UnreadableMessagesFailAlone(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	good := k.batch(k.to(w, "1"))
	forged := k.to(w, "2")
	forged.ID = "dlv_2_forged"
	zeroth := k.to(w, "3")
	zeroth.Attempt = 0
	bad := queuetest.Batch(queue.Message{Body: "not json"}, queue.Message{Body: "{}"}, queue.Message{Body: "null"},
		queue.Message{Body: `{"attempt":"one"}`})
	bad.Records = append(bad.Records, k.batch(forged, zeroth).Records...)
	failed := k.work(lambda.SQSEvent{Records: append(bad.Records, good.Records...)})
	if len(failed) != len(bad.Records) || len(k.receiver.take()) != 1 {
		t.Errorf("%d messages failed, want %d", len(failed), len(bad.Records))
	}
}

func TestRule19_WhileTheLogIsDownNothingIsForgotten(t *testing.T) {
	k := newKit(t)
	var d events.Delivery
	var batch lambda.SQSEvent
	for _, code := range []int{200, 410, 500} {
		d = k.to(k.own("whk_"+strconv.Itoa(code), k.receiver.URL), "1")
		batch = k.batch(d)
		k.receiver.answers(status(code, ""))
		k.on(k.At(k.clock.read, storetest.Failing("BatchWriteItem", "PutItem")), k.queue)
		if failed := k.work(batch); len(failed) != 1 {
			t.Fatalf("%d, the log down: %d messages failed, want 1", code, len(failed))
		}
		k.nothingSent() // or every repeat would send one more
		k.receiver.take()
	}
	k.receiver.answers(status(500, ""))
	k.on(k.At(k.clock.read), k.queue)
	if failed := k.work(batch); failed != nil || len(k.receiver.take()) != 1 {
		t.Fatalf("with the log up again, the message failed: %v", failed)
	}
	if next, _ := k.next(); next.Attempt != 2 || k.outcome(d, 1).Outcome != domain.OutcomeFailed {
		t.Errorf("got attempt %d next", next.Attempt)
	}
}

func TestRule19_WhileTheQueueIsDownNothingIsForgotten(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(500, ""))
	d := k.to(w, "1")
	batch := k.batch(d)
	k.on(k.At(k.clock.read), k.queue.Broken())
	if failed := k.work(batch); len(failed) != 1 || failed[0] != batch.Records[0].MessageId {
		t.Fatalf("with the queue down, these failed: %v", failed)
	}
	k.on(k.At(k.clock.read), k.queue)
	k.clock.forward(time.Minute)
	if failed := k.work(batch); failed != nil {
		t.Fatalf("with the queue up again, the message failed: %v", failed)
	}
	k.next()
	if got := k.attempts(d); len(got) != 2 || got[0].Number != 1 || got[1].Number != 1 ||
		domain.StateOf(got) != domain.DeliveryRetrying {
		t.Errorf("got %+v, want two lines of attempt 1", got)
	}
}

func TestRule19_WhileStateOrKeysAreDownTheMessageComesAgain(t *testing.T) {
	k := newKit(t)
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	k.on(k.At(k.clock.read, storetest.Failing("GetItem", "BatchGetItem")), k.queue)
	if failed := k.work(k.batch(d)); len(failed) != 1 {
		t.Error("the table cannot be read, and the message is done")
	}
	k.on(k.At(k.clock.read), k.queue)
	k.Service.open = closed{}
	if failed := k.work(k.batch(d)); len(failed) != 1 {
		t.Error("no secret can be opened, and the message is done")
	}
	if got := k.receiver.take(); len(got) != 0 {
		t.Errorf("the receiver got %v", got)
	}
	if got, err := k.Attempts(t.Context(), acct, d.Webhook, d.Day(), d.Event); err == nil {
		t.Errorf("got the lines %+v, want none", got)
	}
	k.nothingSent()
}

// closed is a sealer that is broken: for this one, so much that it panics.
type closed struct{}

func (closed) Open(context.Context, domain.AccountID, string, domain.Sealed) (domain.Secret, error) {
	panic("no key")
}

// The dead endpoint comes first and does not answer until all the others were reached.
func TestRule20_ADeadEndpointDelaysNobodyInItsBatch(t *testing.T) {
	k := newKit(t)
	reached := make(chan struct{}, 9)
	all := make(chan struct{})
	k.receiver.answers(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dead" {
			reached <- struct{}{}
			return
		}
		select {
		case <-all:
		case <-r.Context().Done():
			t.Error("the dead endpoint's time was up before the others were reached")
		}
	})
	batch := []events.Delivery{k.to(k.own("whk_dead", k.receiver.URL+"/dead"), "1")}
	for i := range cap(reached) {
		batch = append(batch, k.to(k.own("whk_"+strconv.Itoa(i), k.receiver.URL), "1"))
	}
	go func() {
		for range cap(reached) {
			<-reached
		}
		close(all)
	}()
	k.deliver(batch...)
	for _, d := range batch {
		if got := k.outcome(d, 1); got.Outcome != domain.OutcomeDelivered {
			t.Errorf("%s: got %s, %s", d.Webhook, got.Outcome, got.Reason)
		}
	}
}

// What is counted is what was done: an attempt whose line was not written is made again, and counted then.
func TestHandle_CountsAttemptsAndTimesTheFirst(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	paused := &domain.Webhook{Account: acct, ID: "whk_paused", Paused: true}
	k.Given(paused)
	k.deliver(k.to(w, "1"), k.to(w, "2"), k.to(paused, "3"))
	retry := k.to(w, "4")
	retry.Attempt = 2
	k.receiver.answers(status(500, ""))
	k.deliver(retry)
	k.on(k.At(k.clock.read, storetest.Failing("BatchWriteItem")), k.queue)
	if failed := k.work(k.batch(k.to(w, "5"))); len(failed) != 1 {
		t.Fatalf("%d messages failed, want the one whose line was not written", len(failed))
	}
	var counted struct{ Delivered, Failed, Skipped, FirstAttempt, AttemptTime []float64 }
	for _, line := range strings.SplitAfter(k.measured.String(), "\n") {
		var l struct{ Delivered, Failed, Skipped, FirstAttempt, AttemptTime []float64 }
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		counted.Delivered, counted.Failed = append(counted.Delivered, l.Delivered...),
			append(counted.Failed, l.Failed...)
		counted.Skipped, counted.FirstAttempt = append(counted.Skipped, l.Skipped...),
			append(counted.FirstAttempt, l.FirstAttempt...)
		counted.AttemptTime = append(counted.AttemptTime, l.AttemptTime...)
	}
	if !slices.Equal(counted.Delivered, []float64{2}) || !slices.Equal(counted.Failed, []float64{1}) ||
		!slices.Equal(counted.Skipped, []float64{1}) {
		t.Errorf("got %+v", counted)
	}
	if len(counted.FirstAttempt) != 2 || len(counted.AttemptTime) != 3 {
		t.Errorf("timed %d first attempts and %d attempts, want 2 and 3", len(counted.FirstAttempt),
			len(counted.AttemptTime))
	}
}
