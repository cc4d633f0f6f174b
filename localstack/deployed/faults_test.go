package deployed_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/localstack/faults"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/queue/queuetest"
)

// staged is a fault that the deployed stack is put through. stage says what it did, for the line that is printed; then
// everything that was accepted must come to an end within the limit, and the ledger is closed.
type staged struct {
	name  string
	stage func(*trial) string
	limit time.Duration
}

// theFaults is every fault that is staged on the deployed stack; localstack/faults has the others. Another one is
// another line.
func theFaults() []staged {
	list := []staged{
		{"deployed: the same message delivered twice at once", deliveredTwiceAtOnce, patience},
		{"deployed: disabled and enabled again with a full queue", enabledAgain, patience},
		{"deployed: a secret rotated mid-flight", rotatedMidFlight, patience},
		{"deployed: a webhook deleted mid-flight", deletedMidFlight, patience},
		{"deployed: a webhook paused mid-flight", pausedMidFlight, patience},
		{"deployed: a webhook disabled mid-flight", disabledMidFlight, patience},
		{"deployed: an extension suspended mid-flight", suspendedMidFlight, patience},
		{"deployed: poison messages", poisoned, patience},
	}
	if killable() { // not on an emulator whose functions are in containers
		list = append(list,
			staged{"deployed: delivery killed between POST and acknowledgement", deliveryKilled, patience},
			// the sweep of what was not sent on comes within two
			staged{"deployed: fan-out killed half-way", fanOutKilled, 3 * time.Minute},
		)
	}
	if os.Getenv("FAULTS") == "all" { // minutes: `make test-faults`, and .ci/run
		list = append(list,
			staged{"deployed: receivers that hang, drip, reset, flood, redirect and are late", badReceivers,
				5 * time.Minute},
			staged{"deployed: 10,000 deliveries to a dead endpoint", func(f *trial) string {
				return deadEndpoint(f, 10_000)
			}, 10 * time.Minute},
		)
	}
	return list
}

func TestFaults(t *testing.T) {
	for _, c := range theFaults() {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			f := newTrial(t)
			said := c.stage(f)
			b := f.over(c.limit)
			fmt.Printf("fault: %s (%s)\n       %s; %.1f s\n", c.name, said, b, time.Since(began).Seconds())
		})
	}
}

// soon is tried again after two seconds, and then after three.
var soon = domain.SendPolicy{RetryWaitSeconds: []int{2, 3}}

func deliveryKilled(f *trial) string {
	f.visibility(deployed.Outputs.DeliveriesQueueURL, 3*time.Second)
	_, e := f.hook(soon)
	f.hook(soon)
	var killed atomic.Int64
	e.Behaves(func(w http.ResponseWriter, r *http.Request) {
		if killed.Load() < 3 {
			killed.Add(int64(kill("delivery")))
		}
		w.WriteHeader(http.StatusOK)
	})
	f.send(20)
	eventually(f.t, "three processes were killed", func() bool { return killed.Load() >= 3 })
	return fmt.Sprintf("%d processes", killed.Load())
}

func fanOutKilled(f *trial) string {
	for range 5 {
		f.hook(soon)
	}
	killed, done := 0, make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				killed += kill("fanout")
			}
		}
	})
	f.send(300)
	close(done)
	killing.Wait()
	if killed == 0 {
		f.t.Error("no process of fan-out was seen")
	}
	return fmt.Sprintf("%d processes, while 300 events were accepted", killed)
}

func deliveredTwiceAtOnce(f *trial) string {
	_, first := f.hook(soon)
	_, fails := f.hook(soon)
	eventually(f.t, "the pings arrived", func() bool {
		return len(first.Arrivals()) == 1 && len(fails.Arrivals()) == 1
	})
	fails.Behaves(faults.First(1, faults.Status(500), faults.Status(200)))
	f.feeding("delivery", false)
	const events = domain.BreakerOpensAt - 1 // one more that failed in one process would open a breaker
	f.send(events)
	var batch lambdaevents.SQSEvent
	eventually(f.t, "the messages were there", func() bool {
		got, err := f.sqs.ReceiveMessage(f.t.Context(),
			&sqs.ReceiveMessageInput{QueueUrl: &deployed.Outputs.DeliveriesQueueURL, MaxNumberOfMessages: 10,
				MessageAttributeNames: []string{"All"},
				MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{
					sqstypes.MessageSystemAttributeNameAll}})
		must(f.t, err)
		batch.Records = append(batch.Records, queuetest.Received(got.Messages...).Records...)
		for _, m := range got.Messages {
			_, err := f.sqs.DeleteMessage(f.t.Context(),
				&sqs.DeleteMessageInput{QueueUrl: &deployed.Outputs.DeliveriesQueueURL, ReceiptHandle: m.ReceiptHandle})
			must(f.t, err)
		}
		return len(batch.Records) >= 2*events
	})
	payload, err := json.Marshal(batch)
	must(f.t, err)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			name := deployed.Outputs.Functions["delivery"]
			out, err := lambda.NewFromConfig(deployed.aws()).Invoke(f.t.Context(),
				&lambda.InvokeInput{FunctionName: &name, Payload: payload})
			var answer lambdaevents.SQSEventResponse
			if err == nil {
				err = json.Unmarshal(out.Payload, &answer)
			}
			if err != nil || out.FunctionError != nil || len(answer.BatchItemFailures) > 0 {
				f.t.Errorf("delivery failed: %v, %v", err, answer)
			}
		})
	}
	both.Wait()
	f.feeding("delivery", true)
	return fmt.Sprintf("%d messages", len(batch.Records))
}

// felt is how long after a disable an attempt may still start (design rule 5).
const felt = 5 * time.Second

// enabledAgain fills the queue, and nothing of what is in it is sent in the next life of the installation, once the
// disable is felt: what fan-out has just read of an endpoint holds for two seconds.
func enabledAgain(f *trial) string {
	const full = 40
	e := f.listen()
	slug := f.extension(e)
	before := f.enable(slug, e)
	f.feeding("delivery", false)
	old := f.send(full, slug)
	eventually(f.t, "the queue was full", func() bool { return f.waiting(deployed.Outputs.DeliveriesQueueURL) >= full })
	call(f.t, f.ada, contract.DisableExtension, contract.InstallationInput{Extension: slug})
	disabled := time.Now()
	f.becomes(slug, domain.Disabled)
	after := f.enable(slug, e)
	eventually(f.t, "the disable was felt", func() bool { return time.Since(disabled) > felt })
	f.feeding("delivery", true)
	f.send(5, slug)
	eventually(f.t, "the new events arrived", func() bool { return len(e.Arrivals()) >= 5 })
	f.over(patience)
	for _, a := range e.Arrivals() {
		for _, id := range old {
			if a.Delivery == domain.DeliveryOf(id, before) || a.Delivery == domain.DeliveryOf(id, after) {
				f.t.Errorf("%s of the old life was sent", id)
			}
		}
	}
	return fmt.Sprintf("%d messages in the queue", full)
}

// waiting is how many deliveries wait for their retries mid-flight: with two more, a ping among them, the breaker would
// open.
const waiting = domain.BreakerOpensAt - 2

// midFlight has an endpoint's first attempts fail, does something while their retries wait, and sends some more.
func midFlight(f *trial, e *faults.Endpoint, do func(), through ...domain.ExtensionID) string {
	f.t.Helper()
	e.Behaves(faults.Status(500))
	f.send(waiting, through...)
	eventually(f.t, "the first attempts failed", func() bool { return len(e.Arrivals()) >= waiting })
	e.Behaves(faults.Status(200))
	do()
	f.send(waiting, through...)
	return fmt.Sprintf("%d of its deliveries waiting", waiting)
}

func rotatedMidFlight(f *trial) string {
	w, e := f.hook(soon)
	midFlight(f, e, func() {
		made := call(f.t, f.ada, contract.RotateWebhookSecret, contract.RotateWebhookSecretInput{Webhook: w})
		must(f.t, e.Trust(string(made.Body.SigningSecret)))
	})
	f.over(patience)
	signatures := map[int]int{}
	for _, a := range e.Arrivals() {
		signatures[len(slices.DeleteFunc([]byte(a.Header.Get("Webhook-Signature")),
			func(b byte) bool { return b != ' ' }))+1]++
	}
	if signatures[1] == 0 || signatures[2] == 0 {
		f.t.Errorf("requests had so many signatures: %v; want some with one, and then some with two", signatures)
	}
	return fmt.Sprintf("%d requests with one signature, %d with two", signatures[1], signatures[2])
}

func deletedMidFlight(f *trial) string {
	w, e := f.hook(soon)
	f.hook(soon)
	return midFlight(f, e, func() {
		call(f.t, f.ada, contract.DeleteWebhook, contract.WebhookInput{Webhook: w})
		f.ledger.Ends(w, time.Now())
	})
}

func pausedMidFlight(f *trial) string {
	w, e := f.hook(soon)
	return midFlight(f, e, func() { f.pause(w) })
}

func (f *trial) pause(w domain.WebhookID) {
	f.t.Helper()
	paused := true
	in := contract.UpdateWebhookInput{Webhook: w}
	in.Body.Paused = &paused
	call(f.t, f.ada, contract.UpdateWebhook, in)
}

func disabledMidFlight(f *trial) string {
	w, e := f.hook(soon)
	said := midFlight(f, e, func() { e.Behaves(faults.Status(http.StatusGone)) })
	f.over(patience)
	if h := call(f.t, f.ada, contract.ReadWebhook, contract.WebhookInput{Webhook: w}).Body.Health.State; h !=
		domain.HealthDisabled {
		f.t.Errorf("after 410 Gone the webhook is %s", h)
	}
	return "by 410 Gone, " + said
}

func suspendedMidFlight(f *trial) string {
	e := f.listen()
	slug := f.extension(e)
	f.enable(slug, e)
	return midFlight(f, e, func() {
		call(f.t, f.ada, contract.SuspendExtension, contract.InstallationInput{Extension: slug})
	}, slug)
}

func poisoned(f *trial) string {
	f.visibility(deployed.Outputs.DeliveriesQueueURL, time.Second)
	f.hook(soon)
	f.send(3)
	bodies := []string{"no JSON " + unique("x"), `{"id":"` + unique("dlv") + `"}`}
	for _, body := range bodies {
		f.ledger.Poisoned(body)
		_, err := f.sqs.SendMessage(f.t.Context(),
			&sqs.SendMessageInput{QueueUrl: &deployed.Outputs.DeliveriesQueueURL, MessageBody: &body})
		must(f.t, err)
	}
	f.send(3)
	return fmt.Sprintf("%d among the deliveries of 6 events", len(bodies))
}

// badReceivers waits out the minute that an endpoint gets which was too slow. By then its breaker may open at the first
// retry of the two, of the ping and of one event, and the other waits for a probe: more events would be as many probes,
// each twice as late.
func badReceivers(f *trial) string {
	bad := []http.HandlerFunc{
		faults.Hang, faults.Late, faults.Drip, faults.Reset, faults.Flood(500), faults.Flood(200),
		faults.Redirect("http://169.254.169.254/latest/meta-data/"),
	}
	for _, does := range bad {
		_, e := f.hook(domain.SendPolicy{TimeoutSeconds: 1, RetryWaitSeconds: []int{1}})
		e.Behaves(does)
	}
	f.hook(soon)
	f.send(1)
	return fmt.Sprintf("%d endpoints", len(bad))
}

// deadEndpoint has one account flood a dead endpoint, while another's is healthy: how long that one's deliveries take,
// from acceptance to arrival, before and meanwhile, and beside as many to an endpoint that lives: so much is the load's
// doing. At last the dead one's webhook is paused, so that what is parked for it comes to its end, too.
func deadEndpoint(f *trial, n int) string {
	w, dead := f.hook(domain.SendPolicy{RetryWaitSeconds: []int{1}})
	dead.Close()
	healthy := newTrial(f.t)
	_, e := healthy.hook(soon)
	const sample = 40
	alone := healthy.p95(e, sample)
	living := newTrial(f.t)
	living.hook(soon)
	living.send(n)
	without := healthy.p95(e, sample)
	living.over(3 * time.Minute)
	f.send(n)
	with := healthy.p95(e, sample)
	if b := healthy.over(patience); b.States[domain.DeliveryDelivered] != b.Deliveries {
		f.t.Errorf("of the healthy account: %s", b)
	}
	f.pause(w)
	return fmt.Sprintf("the healthy endpoint's p95 is %d ms alone, %d ms beside as many to an endpoint that lives, "+
		"and %d ms beside these", alone.Milliseconds(), without.Milliseconds(), with.Milliseconds())
}

// p95 sends so many events, one every 50 ms, and tells how long 95 of 100 take until they arrive, at most.
func (f *trial) p95(e *faults.Endpoint, n int) time.Duration {
	f.t.Helper()
	sent := map[domain.EventID]time.Time{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	before := len(e.Arrivals())
	for range n {
		<-tick.C
		began := time.Now()
		for _, id := range f.send(1) {
			sent[id] = began
		}
	}
	eventually(f.t, "the healthy endpoint has them", func() bool { return len(e.Arrivals()) >= before+n })
	var took []time.Duration
	for _, a := range e.Arrivals() {
		var body struct {
			ID domain.EventID `json:"id"`
		}
		must(f.t, json.Unmarshal([]byte(a.Body), &body))
		if began, mine := sent[body.ID]; mine {
			took = append(took, a.At.Sub(began))
		}
	}
	slices.Sort(took)
	return took[len(took)*95/100]
}
