package functions_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/functions/redelivery"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// puller is a customer's account with a webhook whose deliveries are fetched, and a template to make contracts from.
type puller struct {
	*actors
	hook, secret, typeID, template string
	token                          who // the account's own, with the scope
}

// newPuller creates the webhook with that URL. It hears of created contracts alone.
func newPuller(t *testing.T, url string) *puller {
	t.Helper()
	p := &puller{actors: newActors(newWorld(t))}
	return p.in("customer", url)
}

func (p *puller) in(account domain.AccountID, url string) *puller {
	p.t.Helper()
	p.account, p.admin = account, p.dashboard(account, "ada")
	if url == "" {
		url = p.receiver.URL
	}
	made := p.want(p.call(p.admin, "POST", "/v1/webhooks",
		object{"name": "Pulled", "url": url, "event_types": []string{"contract.created"}}), 201)
	p.hook, p.secret = made.str("id"), made.str("signing_secret")
	own := p.want(p.call(p.admin, "POST", "/v1/tokens",
		object{"name": "Pull", "scopes": []string{"deliveries:pull"}}), 201)
	p.token = bearer("listener", own.str("token"))
	p.typeID = p.want(p.call(p.admin, "POST", "/v1/template-types", object{"name": "Ours",
		"fields": []object{{"custom_id": "note", "name": "Note", "kind": "text"}}}), 201).str("id")
	p.template = p.actors.template(p.typeID)
	p.settle()
	p.receiver.take() // the ping
	return p
}

// happen makes a contract, and has its event delivered.
func (p *puller) happen() {
	p.t.Helper()
	p.want(p.call(p.dashboard(p.account, "ada"), "POST", "/v1/contracts", contractOf(p.template)), 201)
	p.settle()
}

// fetched is the answer to a pull.
type fetched struct {
	Mode       string
	Deliveries []fetchedDelivery
	Cursor     string
	AskAgain   int `json:"ask_again_after_seconds"`
	Expired    int
	Held       string
	Lease      *struct{ Held bool }
}

type fetchedDelivery struct {
	ID, Receipt, Body string
	EventType         string `json:"event_type"`
	Attempt           int
	Headers           map[string]string
}

// request is the delivery as the client would forward it.
func (d fetchedDelivery) request() received {
	h := http.Header{}
	for name, value := range d.Headers {
		h.Set(name, value)
	}
	return received{h, []byte(d.Body)}
}

func (f fetched) ids() []string {
	ids := []string{}
	for _, d := range f.Deliveries {
		ids = append(ids, d.ID)
	}
	return ids
}

func (p *puller) pull(by who, cursor string, limit ...int) fetched {
	p.t.Helper()
	return p.pullOf(p.hook, by, cursor, limit...)
}

func (p *puller) pullOf(hook string, by who, cursor string, limit ...int) fetched {
	p.t.Helper()
	body := object{}
	if cursor != "" {
		body["cursor"] = cursor
	}
	if len(limit) > 0 {
		body["limit"] = limit[0]
	}
	var f fetched
	must(p.t, json.Unmarshal(p.want(p.call(by, "POST", "/v1/webhooks/"+hook+"/pull", body), 200).raw, &f))
	return f
}

// ack acknowledges deliveries with a status; 0 for no answer.
func (p *puller) ack(by who, status int, all ...fetchedDelivery) answer {
	p.t.Helper()
	var results []object
	for _, d := range all {
		r := object{"receipt": d.Receipt, "milliseconds": 12, "body": "says the endpoint"}
		if status > 0 {
			r["status"] = status
		}
		results = append(results, r)
	}
	got := p.want(p.call(by, "POST", "/v1/webhooks/"+p.hook+"/pull/ack", object{"results": results}), 200)
	p.settle()
	return got
}

// agent pairs an agent with the webhook.
func (p *puller) agent(name string) who {
	p.t.Helper()
	return p.agentOf(p.hook, name)
}

func (p *puller) agentOf(hook, name string) who {
	p.t.Helper()
	code := p.want(p.call(p.admin, "POST", "/v1/webhooks/"+hook+"/agent-codes", object{}), 201).str("code")
	paired := p.want(p.call(bearer("code", code), "POST", "/v1/agents", object{"name": name}), 201)
	return bearer("agent "+name, paired.str("key"))
}

func (p *puller) read(id string) answer {
	p.t.Helper()
	return p.want(p.call(p.dashboard(p.account, "ada"), "GET", "/v1/webhooks/"+p.hook+"/deliveries/"+id, nil), 200)
}

// lines is how many lines the delivery's log has.
func (p *puller) lines(id string) int {
	p.t.Helper()
	return len(p.read(id).at("attempts").([]any))
}

// waiting is how many deliveries wait for an agent.
func (p *puller) waiting() int {
	p.t.Helper()
	got := p.want(p.call(p.dashboard(p.account, "ada"), "GET", "/v1/webhooks/"+p.hook+"/parked-deliveries", nil), 200)
	return len(got.at("items").([]any))
}

// sweep is a run of redelivery, with what follows from it.
func (p *puller) sweep() {
	p.t.Helper()
	must(p.t, p.tables.At(p.now).SweptTo(p.t.Context(), p.now().Truncate(store.DueBucket)))
	sweeper := redelivery.New(p.tables.At(p.now), p.workers.queues, past{p.workers.fanout},
		metric.New("test", io.Discard, p.now), p.now)
	_, err := sweeper.Handle(p.t.Context(), nil)
	must(p.t, err)
	p.settle()
}

// told is how many events of that type are in the outbox.
func (p *puller) told(eventType string) int {
	p.t.Helper()
	n := 0
	for _, i := range p.scan(p.tables.Config.AccountsTable) {
		if subject, ok := i["subject"].(*types.AttributeValueMemberM); ok &&
			text(subject.Value, "event_type") == eventType {
			n++
		}
	}
	return n
}
