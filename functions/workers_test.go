package functions_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/functions/delivery"
	"plugboard/functions/fanout"
	"plugboard/functions/provisioning"
	"plugboard/functions/replay"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
)

// workers are the functions behind the API, with real queues between them.
type workers struct {
	fanout       *fanout.Service
	provisioning *provisioning.Service
	delivery     *delivery.Service
	provisions   *queuetest.Queue
	deliveries   *queuetest.Queue
	slow         *queuetest.Queue
	replay       *replay.Service
	replays      *queuetest.Queue
	queues       deliveryqueue.Queues
}

func (w *world) newWorkers() workers {
	w.t.Helper()
	provisions, deliveries, slow, replays := queuetest.New(w.t), queuetest.New(w.t), queuetest.New(w.t),
		queuetest.New(w.t)
	queues := deliveryqueue.On(deliveries, slow, w.now)
	return workers{
		fanout: fanout.New(w.tables.Store, provisions, replays, queues, metric.New("test", io.Discard, w.now),
			w.now),
		provisioning: provisioning.New(w.tables.Store, w.sealer, w.now, domain.NewID),
		delivery: delivery.New(w.tables.Store, w.sealer, queues, egress.Config{AllowPrivate: true},
			metric.New("test", io.Discard, w.now), w.now),
		replay:     replay.New(w.tables.Store, slow, w.now, domain.NewID),
		provisions: provisions, deliveries: deliveries, slow: slow, replays: replays, queues: queues,
	}
}

// past is fanout as redelivery calls it, past the stream.
type past struct{ *fanout.Service }

func (p past) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	_, err := p.Service.Handle(as(ctx, "fanout"), batch)
	return err
}

// settle runs the workers until nothing is left to do: what Lambda does with the stream and the queues.
func (w *world) settle() {
	w.t.Helper()
	for {
		pending := w.newInOutbox()
		if pending > 0 {
			_, err := w.workers.fanout.Handle(w.in("fanout"), w.tables.Outbox(pending))
			must(w.t, err)
		}
		toProvision, toDeliver := w.workers.provisions.Take(), w.workers.deliveries.Take()
		toDeliver.Records = append(toDeliver.Records, w.workers.slow.Take().Records...)
		toReplay := w.workers.replays.Take()
		if pending == 0 && len(toProvision.Records)+len(toDeliver.Records)+len(toReplay.Records) == 0 {
			return
		}
		again, err := w.workers.replay.Handle(w.in("replay"), toReplay)
		must(w.t, err)
		done, err := w.workers.provisioning.Handle(w.in("provisioning"), toProvision)
		must(w.t, err)
		sent, err := w.workers.delivery.Handle(w.in("delivery"), toDeliver)
		must(w.t, err)
		if failures := slices.Concat(done.BatchItemFailures, sent.BatchItemFailures,
			again.BatchItemFailures); len(failures) > 0 {
			w.t.Fatalf("%d messages failed; the log says why", len(failures))
		}
	}
}

// retry makes the attempts that wait, as if their time had come. The queue will hand the same messages over again when
// it really has: a test that may last so long must expect a repeat.
func (w *world) retry() {
	w.t.Helper()
	var waiting []queue.Message
	for _, m := range w.workers.deliveries.Sent() {
		if m.Delay > 0 {
			waiting = append(waiting, m)
			w.pass(m.Delay)
		}
	}
	done, err := w.workers.delivery.Handle(w.in("delivery"), queuetest.Batch(waiting...))
	must(w.t, err)
	if len(waiting) == 0 || len(done.BatchItemFailures) > 0 {
		w.t.Fatalf("of %d attempts that waited, %d messages failed", len(waiting), len(done.BatchItemFailures))
	}
}

// replayOn works the pages of replays that wait for their pause, and what comes of them, until none does.
func (w *world) replayOn() {
	w.t.Helper()
	for w.settle(); ; w.settle() {
		var waiting []queue.Message
		for _, m := range w.workers.replays.Sent() {
			if m.Delay > 0 {
				waiting = append(waiting, m)
			}
		}
		if len(waiting) == 0 {
			return
		}
		done, err := w.workers.replay.Handle(w.in("replay"), queuetest.Batch(waiting...))
		must(w.t, err)
		if len(done.BatchItemFailures) > 0 {
			w.t.Fatal("a page of a replay failed; the log says why")
		}
	}
}

// newInOutbox is how many outbox items were written since the call before: none expires while a test runs, and none is
// erased before fanout has it.
func (w *world) newInOutbox() int {
	w.t.Helper()
	n := 0
	for _, i := range w.scan(w.tables.Config.AccountsTable) {
		k := text(i, store.PartitionKey) + " " + text(i, store.SortKey)
		if text(i, store.OutboxAttribute) != "" && !w.fanned[k] {
			w.fanned[k] = true
			n++
		}
	}
	return n
}

// receiver is a partner's endpoint: a real HTTP server that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	status int // what it answers
}

// answer is what it answers from now on.
func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.Header, body})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// take is what arrived since the call before.
func (r *receiver) take() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// verified checks a request by the published library, as a partner would; at is the test's clock.
func (r received) verified(t *testing.T, secret string, at time.Time) {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	must(t, err)
	if time.Since(at).Abs() > time.Minute {
		err = hook.VerifyIgnoringTimestamp(r.body, r.header)
	} else {
		err = hook.Verify(r.body, r.header)
	}
	must(t, err)
}
