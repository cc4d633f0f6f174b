package functions_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/functions/delivery"
	"plugboard/functions/fanout"
	"plugboard/functions/redelivery"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/lane"
	"plugboard/shared/metric"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store/storetest"
)

// The fault suite: something breaks between an event's acceptance and its end, and one ledger is held against all that
// was accepted. The functions are the real ones, joined by real queues and the table's stream; a process that dies is a
// service whose next call of AWS fails. `make test-faults` prints what each fault came to.

const faultyEvents = 4

// staged is one fault. stage breaks something while the events are on their way, and mends it.
type staged struct {
	answer http.HandlerFunc // what the endpoint does; nil: it answers 200
	policy object
	stage  func(f *faulty)
	ends   []domain.DeliveryState // what deliveries to the endpoint may end as
	repeat bool                   // it repeats POSTs: the suite fails if it does not, since it staged nothing then
}

// faulty is a world in which one endpoint, or what leads to it, has a fault, and another is well.
type faulty struct {
	*actors
	endpoint, well *recorder
	hook, wellHook string
	events         []string
	again          []lambda.SQSMessage // that SQS will hand over again
	clock          time.Duration       // how far the delivery's is off
}

// recorder is an endpoint that keeps what it got.
type recorder struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string][]string // bodies, by webhook-id
}

func newRecorder(t *testing.T, answer http.HandlerFunc) *recorder {
	r := &recorder{got: map[string][]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got[q.Header.Get("Webhook-Id")] = append(r.got[q.Header.Get("Webhook-Id")], string(body))
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func newFaulty(t *testing.T, s staged) *faulty {
	f := &faulty{actors: newActors(newWorld(t))}
	f.endpoint, f.well = newRecorder(t, s.answer), newRecorder(t, nil)
	policy := object{"timeout_seconds": 1, "retry_wait_seconds": []int{5, 60}}
	maps.Copy(policy, s.policy)
	f.hook = f.want(f.call(f.admin, "POST", "/v1/webhooks", object{"name": "Faulty", "url": f.endpoint.URL, "policy": policy}), 201).str("id")
	f.wellHook = f.want(f.call(f.admin, "POST", "/v1/webhooks", object{"name": "Well", "url": f.well.URL}), 201).str("id")
	f.newInOutbox() // the pings
	f.tables.Outbox(2)
	var items []object
	for n := range faultyEvents {
		items = append(items, f.external(fmt.Sprint("e-", n), object{"extension_id": "", "extension_type": ""}))
	}
	sent := f.want(f.sendEvents(items...), 200)
	for n := range items {
		f.events = append(f.events, sent.str("items", n, "event_id"))
	}
	return f
}

// fanOut has fanout take what was accepted from the stream.
func (f *faulty) fanOut() {
	f.t.Helper()
	_, err := f.workers.fanout.Handle(f.t.Context(), f.tables.Outbox(f.newInOutbox()))
	must(f.t, err)
}

// deliverer is a process of delivery, whose store fails at these operations.
func (f *faulty) deliverer(l lane.Lanes, failing ...string) *delivery.Service {
	now := func() time.Time { return f.now().Add(f.clock) }
	return delivery.New(f.tables.At(now, storetest.Failing(failing...)), f.sealer, l, egress.Config{AllowPrivate: true}, metric.New("test", io.Discard, now), now)
}

// taken is what the queues hand over, and what they hand over again.
func (f *faulty) taken() lambda.SQSEvent {
	batch := f.workers.deliveries.Take()
	batch.Records = slices.Concat(f.again, batch.Records, f.workers.slow.Take().Records)
	f.again = nil
	return batch
}

// work has a process work a batch. What it reports as failed comes again.
func (f *faulty) work(by *delivery.Service, batch lambda.SQSEvent) {
	f.t.Helper()
	done, err := by.Handle(f.t.Context(), batch)
	must(f.t, err)
	for _, failed := range done.BatchItemFailures {
		at := slices.IndexFunc(batch.Records, func(m lambda.SQSMessage) bool { return m.MessageId == failed.ItemIdentifier })
		f.again = append(f.again, batch.Records[at])
	}
}

// goOn lets time pass, and every function do its work, until all deliveries have ended.
func (f *faulty) goOn() {
	f.t.Helper()
	for range 40 {
		if f.newInOutboxHandled(); f.ended() {
			return
		}
		f.work(f.deliverer(f.workers.lanes), f.taken())
		for _, q := range []*queuetest.Queue{f.workers.deliveries, f.workers.slow} {
			for _, m := range q.Sent() {
				if m.Delay > 0 {
					f.again = append(f.again, queuetest.Batch(m).Records...)
				}
			}
		}
		f.pass(time.Minute)
		sweeper := redelivery.New(f.tables.At(f.now), f.workers.lanes, past{f.workers.fanout}, metric.New("test", io.Discard, f.now), f.now)
		_, err := sweeper.Handle(f.t.Context(), nil)
		must(f.t, err)
	}
}

// newInOutboxHandled fans out what the work itself told of.
func (f *faulty) newInOutboxHandled() {
	f.t.Helper()
	if n := f.newInOutbox(); n > 0 {
		_, err := f.workers.fanout.Handle(f.t.Context(), f.tables.Outbox(n))
		must(f.t, err)
	}
}

func (f *faulty) state(hook, event string) domain.DeliveryState {
	f.t.Helper()
	id := domain.DeliveryOf(domain.EventID(event), domain.WebhookID(hook))
	lines, err := f.tables.Attempts(f.t.Context(), "customer", domain.WebhookID(hook), f.dayOf(event), domain.EventID(event))
	if err != nil || len(lines) == 0 {
		return domain.DeliveryState("nowhere to be found: " + string(id))
	}
	return domain.StateOf(lines)
}

func (f *faulty) dayOf(event string) string {
	at, _ := domain.EventID(event).Made()
	return at.Format(time.DateOnly)
}

func (f *faulty) ended() bool {
	final := []domain.DeliveryState{domain.DeliveryDelivered, domain.DeliveryExhausted, domain.DeliverySkipped, domain.DeliveryCancelled}
	for _, e := range f.events {
		for _, hook := range []string{f.hook, f.wellHook} {
			if !slices.Contains(final, f.state(hook, e)) {
				return false
			}
		}
	}
	return true
}

// ledger holds what was accepted against what became of it: every delivery has ended as it may, what was delivered has
// arrived, repeats have the same id and body, and the well endpoint got everything.
func (f *faulty) ledger(name string, s staged) {
	f.t.Helper()
	states, repeats := map[domain.DeliveryState]int{}, 0
	for _, e := range f.events {
		if got := f.state(f.wellHook, e); got != domain.DeliveryDelivered {
			f.t.Errorf("%s: the well endpoint's delivery of %s is %s", name, e, got)
		}
		got := f.state(f.hook, e)
		if states[got]++; !slices.Contains(s.ends, got) {
			f.t.Errorf("%s: the delivery of %s is %s, want one of %v", name, e, got, s.ends)
		}
		for hook, r := range map[string]*recorder{f.hook: f.endpoint, f.wellHook: f.well} {
			bodies := r.got[string(domain.DeliveryOf(domain.EventID(e), domain.WebhookID(hook)))]
			repeats += max(0, len(bodies)-1)
			if f.state(hook, e) == domain.DeliveryDelivered && len(bodies) == 0 {
				f.t.Errorf("%s: %s is delivered by the log, and did not arrive", name, e)
			}
			if len(slices.Compact(slices.Sorted(slices.Values(bodies)))) > 1 {
				f.t.Errorf("%s: a repeat of %s has another body", name, e)
			}
		}
	}
	if s.repeat && repeats == 0 {
		f.t.Errorf("%s: no POST was repeated: the fault was not staged", name)
	}
	for _, m := range f.again {
		if !strings.Contains(m.Body, "poison") {
			f.t.Errorf("%s: a message comes again for ever, and would die: %s", name, m.Body)
		}
	}
	for _, i := range f.ofRecord(domain.RecordPending) {
		if id := strings.TrimPrefix(text(i, "item_sk"), "EVENT#"); slices.Contains(f.events, id) {
			f.t.Errorf("%s: %s is pending", name, id)
		}
	}
	f.t.Logf("%s: %d events accepted for each of two endpoints; at the faulty one %v, %d POSTs repeated", name, len(f.events), states, repeats)
}

var delivered, givenUp = []domain.DeliveryState{domain.DeliveryDelivered}, []domain.DeliveryState{domain.DeliveryExhausted}

func TestFaults(t *testing.T) {
	for name, s := range map[string]staged{
		"none": {stage: func(f *faulty) { f.fanOut() }, ends: delivered},
		"killed between the POST and the log": {stage: func(f *faulty) {
			f.fanOut()
			f.work(f.deliverer(f.workers.lanes, "BatchWriteItem"), f.taken())
		}, ends: delivered, repeat: true},
		"the same messages twice at once": {stage: func(f *faulty) {
			f.fanOut()
			batch := f.taken()
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if done, err := f.deliverer(f.workers.lanes).Handle(t.Context(), batch); err != nil || len(done.BatchItemFailures) > 0 {
						f.t.Errorf("%d failed, %v", len(done.BatchItemFailures), err)
					}
				})
			}
			both.Wait()
		}, ends: delivered, repeat: true},
		"fan-out killed half-way, and its stream gives up": {stage: func(f *faulty) {
			dying := lane.Of(f.workers.deliveries.Broken(), f.workers.slow, f.now)
			if _, err := fanout.New(f.tables.Store, f.workers.provisions, f.workers.replays, dying, metric.New("test", io.Discard, f.now), f.now).Handle(t.Context(), f.tables.Outbox(f.newInOutbox())); err == nil {
				f.t.Error("it did not die")
			}
			f.pass(2 * time.Minute)
		}, ends: delivered},
		"fan-out killed before it notes what it sent": {stage: func(f *faulty) {
			forgetful := f.tables.At(f.now, storetest.Failing("BatchWriteItem"))
			_, err := fanout.New(forgetful, f.workers.provisions, f.workers.replays, f.workers.lanes, metric.New("test", io.Discard, f.now), f.now).Handle(t.Context(), f.tables.Outbox(f.newInOutbox()))
			must(f.t, err)
			f.pass(2 * time.Minute)
		}, ends: delivered},
		"DynamoDB answers no read": {stage: func(f *faulty) {
			f.fanOut()
			f.work(f.deliverer(f.workers.lanes, "Query", "GetItem", "BatchGetItem"), f.taken())
			if len(f.endpoint.got) > 0 {
				f.t.Error("something was posted to whom nobody could read")
			}
		}, ends: delivered},
		"the queue is unreachable": {answer: failing(2), stage: func(f *faulty) {
			f.fanOut()
			f.work(f.deliverer(lane.Of(f.workers.deliveries.Broken(), f.workers.slow.Broken(), f.now)), f.taken())
		}, ends: delivered, repeat: true},
		"a poison message": {stage: func(f *faulty) {
			f.fanOut()
			f.again = append(f.again, lambda.SQSMessage{MessageId: "poison", Body: `{"poison":true}`}, lambda.SQSMessage{MessageId: "more", Body: "poison"})
		}, ends: delivered},
		"the endpoint hangs":           {answer: hangs, stage: (*faulty).fanOut, ends: givenUp, repeat: true},
		"it drips":                     {answer: drips, stage: (*faulty).fanOut, ends: delivered},
		"it resets the connection":     {answer: resets, stage: (*faulty).fanOut, ends: givenUp, repeat: true},
		"it redirects to the metadata": {answer: redirects, stage: (*faulty).fanOut, ends: givenUp, repeat: true},
		"it answers 500 with 10 MB":    {answer: talks, stage: (*faulty).fanOut, ends: givenUp, repeat: true},
		"it fails twice and is back":   {answer: failing(2 * faultyEvents), stage: (*faulty).fanOut, ends: delivered, repeat: true},
		"its webhook is deleted": {stage: func(f *faulty) {
			f.fanOut()
			f.want(f.call(f.admin, "DELETE", "/v1/webhooks/"+f.hook, nil), 204)
		}, ends: []domain.DeliveryState{domain.DeliveryCancelled}},
		"its webhook is paused": {stage: func(f *faulty) {
			f.fanOut()
			f.want(f.call(f.admin, "PATCH", "/v1/webhooks/"+f.hook, object{"paused": true}), 200)
		}, ends: []domain.DeliveryState{domain.DeliverySkipped}},
		"its secret is rotated": {stage: func(f *faulty) {
			f.fanOut()
			f.want(f.call(f.admin, "POST", "/v1/webhooks/"+f.hook+"/secret", object{}), 201)
		}, ends: delivered},
		"delivery's clock is ten minutes behind": {answer: failing(faultyEvents), stage: func(f *faulty) {
			f.fanOut()
			f.clock = -10 * time.Minute
		}, ends: delivered, repeat: true},
		"delivery's clock is ten minutes ahead": {answer: failing(faultyEvents), stage: func(f *faulty) {
			f.fanOut()
			f.clock = 10 * time.Minute
		}, ends: delivered, repeat: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFaulty(t, s)
			s.stage(f)
			f.goOn()
			f.ledger(name, s)
		})
	}
}

// Nothing of the old epoch is sent, however full the queue is.
func TestFaults_DisabledAndEnabledAgainWithAFullQueue(t *testing.T) {
	for name, act := range map[string]func(f *faulty){
		"disabled and enabled again": func(f *faulty) {
			f.want(f.call(f.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
			f.provision()
			f.enableAgain()
		},
		"suspended": func(f *faulty) {
			f.want(f.call(f.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
		},
	} {
		f := &faulty{actors: newActors(newWorld(t))}
		f.enable()
		f.settle()
		hook := f.hookOf(f.templateType(mainExtension))
		f.receiver.take()
		sent := f.want(f.sendEvents(f.external("1"), f.external("2")), 200)
		f.fanOut()
		act(f)
		f.work(f.deliverer(f.workers.lanes), f.taken())
		if got := f.receiver.take(); len(got) > 0 {
			t.Errorf("%s: %d requests, want none", name, len(got))
		}
		for n := range 2 {
			event := sent.str("items", n, "event_id")
			if got := f.state(hook, event); got != domain.DeliveryCancelled && got != domain.DeliverySkipped {
				t.Errorf("%s: the delivery of %s is %s", name, event, got)
			}
		}
	}
}

// provision has provisioning do what the table asks of it, and leaves deliveries where they are.
func (f *faulty) provision() {
	f.t.Helper()
	f.newInOutboxHandled()
	done, err := f.workers.provisioning.Handle(f.t.Context(), f.workers.provisions.Take())
	must(f.t, err)
	if len(done.BatchItemFailures) > 0 {
		f.t.Fatal("provisioning failed; the log says why")
	}
}

func (f *faulty) enableAgain() {
	f.t.Helper()
	f.want(f.call(f.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	f.provision()
}

// failing answers 503 so many times, and then 200.
func failing(times int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if times--; times >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drips answers 200 and then a byte at a time, for longer than anybody waits: the status has said it.
func drips(w http.ResponseWriter, r *http.Request) {
	for drop := time.NewTicker(100 * time.Millisecond); ; {
		if _, err := io.WriteString(w, "."); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-drop.C:
		}
	}
}

func resets(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		c.Close()
	}
}

func redirects(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
}

func talks(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusInternalServerError)
	io.CopyN(w, endless{}, 10<<20)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
