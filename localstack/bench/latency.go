package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

const (
	latencyAccount = domain.AccountID("bench-latency")

	// straggling is how long after the last event the last webhook may arrive.
	straggling = 30 * time.Second
)

// latency commits events to a deployed stack at a steady rate, one webhook each, to a receiver in this process. It
// prints the times from commit to arrival.
func latency(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench latency", flag.ContinueOnError)
	outputs := flags.String("outputs", "localstack/outputs.json", "the outputs file of `make up`")
	rate := flags.Int("rate", 50, "events a second")
	seconds := flags.Int("seconds", 20, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := client.Open(*outputs)
	if err != nil {
		return err
	}
	a, url, stop, err := receive(c.Outputs.ReceiverHost)
	if err != nil {
		return err
	}
	defer stop()
	hook, err := hear(ctx, c, url)
	if err != nil {
		return err
	}
	tables := store.New(dynamodb.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &c.Outputs.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), store.Config{AccountsTable: c.Outputs.AccountsTable, DeliveriesTable: c.Outputs.DeliveriesTable},
		domain.SystemClock)

	commit := func() error {
		id := domain.EventID("evt_" + strings.ToLower(rand.Text()))
		e, err := events.OfContract(id, events.ContractSigned, domain.Contract{ID: domain.ContractID("con_" + id),
			Account: latencyAccount, Name: "Order", UpdatedAt: time.Now()})
		if err != nil {
			return err
		}
		var tx store.Tx
		tx.Emit(e)
		if err := tables.Commit(ctx, &tx, nil); err != nil {
			return err
		}
		a.accepted(domain.DeliveryOf(id, hook), time.Now())
		return nil
	}
	for range *rate { // a first round, so that every function has started
		if err := commit(); err != nil {
			return err
		}
	}
	if _, err := a.all(ctx, *rate); err != nil {
		return err
	}
	n := *rate * *seconds
	failed := make([]error, n)
	var committing sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(*rate))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		committing.Go(func() { failed[i] = commit() })
	}
	committing.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	took, err := a.all(ctx, n)
	if err != nil {
		return err
	}
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100].Round(time.Millisecond) }
	fmt.Printf("\n%d events a second for %d s through the deployed stack, from an event's commit to its webhook: p50 "+
		"%s, p95 %s, p99 %s, at most %s\n",
		*rate, *seconds, at(50), at(95), at(99), at(100))
	return nil
}

// hear creates an account with a webhook for every contract event.
func hear(ctx context.Context, c *client.Client, url string) (domain.WebhookID, error) {
	account := contract.PutAccountInput{Account: latencyAccount}
	account.Body.Name = "Latency"
	if _, err := client.Call(ctx, c, c.Platform(), contract.PutAccount, account); err != nil {
		return "", err
	}
	user := contract.PutUserInput{Account: latencyAccount, User: "ada"}
	user.Body = contract.UserBody{Email: "ada@latency.example", Name: "Ada", Role: domain.Admin,
		Workspaces: []domain.WorkspaceID{}}
	if _, err := client.Call(ctx, c, c.Platform(), contract.PutUser, user); err != nil {
		return "", err
	}
	ada, err := c.User(latencyAccount, "ada")
	if err != nil {
		return "", err
	}
	in := contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL = "Latency", url
	hook, err := client.Call(ctx, c, ada, contract.CreateWebhook, in)
	return hook.Body.ID, err
}

// arrivals are when deliveries were accepted, and first arrived.
type arrivals struct {
	mu       sync.Mutex
	began    map[domain.DeliveryID]time.Time
	arrived  map[domain.DeliveryID]time.Time
	received chan struct{}
}

// receive starts the receiver, as the functions reach it at host.
func receive(host string) (a *arrivals, url string, stop func(), err error) {
	address := "127.0.0.1:0"
	if host != "127.0.0.1" {
		address = ":0" // the functions run in containers
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", nil, err
	}
	a = &arrivals{began: map[domain.DeliveryID]time.Time{}, arrived: map[domain.DeliveryID]time.Time{},
		received: make(chan struct{}, 1)}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if id := domain.DeliveryID(r.Header.Get(standardwebhooks.HeaderWebhookID)); a.arrived[id].IsZero() {
			a.arrived[id] = time.Now()
		}
		select {
		case a.received <- struct{}{}:
		default:
		}
	})}
	go server.Serve(l)
	return a, fmt.Sprintf("http://%s:%d/", host, l.Addr().(*net.TCPAddr).Port), func() { server.Close() }, nil
}

func (a *arrivals) accepted(d domain.DeliveryID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began[d] = at
}

// all waits for the n accepted deliveries, returns their durations, the shortest first, and starts over.
func (a *arrivals) all(ctx context.Context, n int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, straggling)
	defer cancel()
	for {
		a.mu.Lock()
		var took []time.Duration
		for d, began := range a.began {
			if at, ok := a.arrived[d]; ok {
				took = append(took, max(0, at.Sub(began))) // the stream may be faster than the commit's answer
			}
		}
		if len(took) == n {
			clear(a.began)
			a.mu.Unlock()
			slices.Sort(took)
			return took, nil
		}
		a.mu.Unlock()
		select {
		case <-a.received:
		case <-ctx.Done():
			return nil, fmt.Errorf("of %d events %d arrived within %s of the last", n, len(took), straggling)
		}
	}
}
