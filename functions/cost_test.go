package functions_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/trace"
)

// cost counts what the store asks of DynamoDB. Capacity is billed by items: a read for each read, a write for each
// put, two for each in a transaction (of up to 1 KB).
type cost struct {
	read, written, transacted, checked atomic.Int64
	besides                            atomic.Int64 // reads that no operation made
	queries                            atomic.Int64

	mu     sync.Mutex
	busy   int // calls that have no answer yet
	since  time.Time
	waited time.Duration // while any call had no answer
}

func (c *cost) count(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("cost",
			func(ctx context.Context, in middleware.InitializeInput,
				next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				switch p := in.Parameters.(type) {
				case *dynamodb.GetItemInput, *dynamodb.QueryInput:
					if _, query := p.(*dynamodb.QueryInput); query {
						c.queries.Add(1)
					}
					c.read.Add(1)
					if trace.From(ctx) == "" {
						c.besides.Add(1)
					}
				case *dynamodb.BatchGetItemInput:
					for _, items := range p.RequestItems {
						c.read.Add(int64(len(items.Keys)))
					}
				case *dynamodb.PutItemInput, *dynamodb.UpdateItemInput, *dynamodb.DeleteItemInput:
					c.written.Add(1)
				case *dynamodb.BatchWriteItemInput:
					for _, items := range p.RequestItems {
						c.written.Add(int64(len(items)))
					}
				case *dynamodb.TransactWriteItemsInput:
					for _, item := range p.TransactItems {
						if item.ConditionCheck != nil {
							c.checked.Add(1)
						} else {
							c.transacted.Add(1)
						}
					}
				}
				c.begin()
				defer c.end()
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
	})
}

// report says what each of n operations took since the call of reset before.
func (c *cost) report(b *testing.B, n int) {
	for unit, sum := range map[string]*atomic.Int64{
		"reads/op": &c.read, "writes/op": &c.written, "transacted/op": &c.transacted, "checks/op": &c.checked,
	} {
		b.ReportMetric(float64(sum.Load())/float64(n), unit)
	}
	b.ReportMetric(0, "ns/op") // an emulator's time says nothing
}

// begin and end are around a call. Calls may be under way side by side.
func (c *cost) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy++; c.busy == 1 {
		c.since = time.Now()
	}
}

func (c *cost) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy--; c.busy == 0 {
		c.waited += time.Since(c.since)
	}
}

func (c *cost) reset() {
	c.mu.Lock()
	c.waited = 0
	c.mu.Unlock()
	for _, n := range []*atomic.Int64{&c.read, &c.written, &c.transacted, &c.checked, &c.besides, &c.queries} {
		n.Store(0)
	}
}

// BenchmarkCost_ContractThroughAnExtension is the request alone: the gate, the checks, the transaction.
func BenchmarkCost_ContractThroughAnExtension(b *testing.B) {
	a := newActors(newWorld(b))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	a.cost.reset()
	for b.Loop() {
		a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	}
	a.cost.report(b, b.N)
}

// BenchmarkCost_EventToOneWebhook is what follows: fan-out and a delivery that succeeds at once.
func BenchmarkCost_EventToOneWebhook(b *testing.B) {
	a := newActors(newWorld(b))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	for range b.N {
		a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	}
	a.cost.reset()
	a.settle()
	a.cost.report(b, b.N)
	if got := len(a.receiver.take()); got != b.N {
		b.Fatalf("%d webhooks arrived of %d events", got, b.N)
	}
}

// BenchmarkCost_Enable is the click and the provisioning: two template types with their webhooks, one dependency.
func BenchmarkCost_Enable(b *testing.B) {
	for range b.N {
		a := newActors(newWorld(b))
		a.cost.reset()
		a.enable()
		a.cost.report(b, 1)
	}
}

// BenchmarkCost_Import is 1,000 users with two workspaces each, in 10 accounts, at a call: what each takes, and how
// many a second the emulator lets through, which is no measure of AWS.
func BenchmarkCost_Import(b *testing.B) {
	a := newActors(newWorld(b))
	calls := 0
	send := func(call int, role string) {
		var items []object
		for n := range 10 {
			items = append(items, users(100, fmt.Sprintf("bench-%d-%d", call, n),
				object{"workspaces": []string{"sales", "legal"}, "role": role})...)
		}
		if got := a.want(a.call(platform, "POST", "/v1/import/users", object{"items": items}),
			200); got.at("failed") != 0.0 || got.at("not_tried") != 0.0 {
			b.Fatalf("not all was done: %.300s", got.raw)
		}
	}
	for name, roles := range map[string][]string{"create": {"member"}, "update": {"member", "admin"},
		"unchanged": {"member", "member"}} {
		b.Run(name, func(b *testing.B) {
			first := calls
			calls += b.N
			for call := first; call < calls; call++ {
				for n := range 10 {
					account := fmt.Sprintf("/v1/accounts/bench-%d-%d", call, n)
					a.want(a.call(platform, "PUT", account, object{"name": "Bench"}), 200)
					for _, w := range []string{"sales", "legal"} {
						a.want(a.call(platform, "PUT", account+"/workspaces/"+w, object{"name": w}), 200)
					}
				}
				if len(roles) > 1 {
					send(call, roles[0])
				}
			}
			a.cost.reset()
			began := time.Now()
			for call := first; call < calls; call++ {
				send(call, roles[len(roles)-1])
			}
			b.ReportMetric(float64(1000*b.N)/time.Since(began).Seconds(), "items/s")
			a.cost.report(b, 1000*b.N)
		})
	}
}
