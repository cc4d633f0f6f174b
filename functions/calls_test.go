package functions_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// callsFile has every call of DynamoDB that the functions make in these tests: function, IAM action, table or index.
// The test of the roles in infra compares it with what the roles allow.
const callsFile = "../infra/testdata/calls.txt"

// calls records what the functions ask of DynamoDB. The context names the function.
type calls struct {
	mu   sync.Mutex
	made map[string]bool
	// tooLong are keys that DynamoDB refuses, and an emulator may take.
	tooLong []string
	read    map[domain.Record]bool // what the operations have read since the last call of reads
}

type functionKey struct{}

// as is a context in which the function calls AWS.
func as(ctx context.Context, f contract.Function) context.Context {
	return context.WithValue(ctx, functionKey{}, f)
}

func (w *world) in(f contract.Function) context.Context { return as(w.t.Context(), f) }

// served runs the handler as the function.
func served(f contract.Function, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(as(r.Context(), f)))
	})
}

// record is the option of a store's client.
func (c *calls) record(o *dynamodb.Options) {
	handle := func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		if f, ok := ctx.Value(functionKey{}).(contract.Function); ok {
			c.see(f, in.Parameters)
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if auth.From(ctx).Model != "" {
			c.hold(out.Result)
		}
		return out, metadata, err
	}
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("calls", handle), middleware.Before)
	})
}

func (c *calls) see(f contract.Function, parameters any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add := func(action string, table, index *string) {
		name := aws.ToString(table)
		name = name[strings.LastIndex(name, "-")+1:]
		if index != nil {
			name += "/index/" + *index
		}
		if c.made == nil {
			c.made = map[string]bool{}
		}
		c.made[fmt.Sprintf("%s dynamodb:%s %s", f, action, name)] = true
	}
	switch p := parameters.(type) {
	case *dynamodb.GetItemInput:
		add("GetItem", p.TableName, nil)
		c.checkKey(p.Key)
	case *dynamodb.QueryInput:
		add("Query", p.TableName, p.IndexName)
	case *dynamodb.PutItemInput:
		add("PutItem", p.TableName, nil)
		c.checkKey(p.Item)
	case *dynamodb.UpdateItemInput:
		add("UpdateItem", p.TableName, nil)
		c.checkKey(p.Key)
	case *dynamodb.DeleteItemInput:
		add("DeleteItem", p.TableName, nil)
		c.checkKey(p.Key)
	case *dynamodb.BatchGetItemInput:
		for table, items := range p.RequestItems {
			add("BatchGetItem", &table, nil)
			for _, k := range items.Keys {
				c.checkKey(k)
			}
		}
	case *dynamodb.BatchWriteItemInput:
		for table := range p.RequestItems {
			add("BatchWriteItem", &table, nil)
		}
	case *dynamodb.TransactWriteItemsInput:
		for _, item := range p.TransactItems {
			switch {
			case item.Put != nil:
				add("PutItem", item.Put.TableName, nil)
				c.checkKey(item.Put.Item)
			case item.Update != nil:
				add("UpdateItem", item.Update.TableName, nil)
				c.checkKey(item.Update.Key)
			case item.Delete != nil:
				add("DeleteItem", item.Delete.TableName, nil)
				c.checkKey(item.Delete.Key)
			case item.ConditionCheck != nil:
				add("ConditionCheckItem", item.ConditionCheck.TableName, nil)
				c.checkKey(item.ConditionCheck.Key)
			}
		}
	default:
		c.made[fmt.Sprintf("%s %T is a call that this test does not know", f, p)] = true
	}
}

// hold records what an operation read. What the gate reads is none of it.
func (c *calls) hold(result any) {
	var items []map[string]types.AttributeValue
	switch r := result.(type) {
	case *dynamodb.GetItemOutput:
		items = append(items, r.Item)
	case *dynamodb.QueryOutput:
		items = r.Items
	case *dynamodb.BatchGetItemOutput:
		for _, found := range r.Responses {
			items = append(items, found...)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range items {
		if record := text(item, "record"); record != "" {
			if c.read == nil {
				c.read = map[domain.Record]bool{}
			}
			c.read[domain.Record(record)] = true
		}
	}
}

// reads is what the operations have read since the last call of it, sorted.
func (c *calls) reads() []domain.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := slices.Sorted(maps.Keys(c.read))
	c.read = nil
	return read
}

func (c *calls) checkKey(item map[string]types.AttributeValue) {
	for name, most := range map[string]int{store.PartitionKey: 2048, store.SortKey: 1024} {
		if key, _ := item[name].(*types.AttributeValueMemberS); key != nil && len(key.Value) > most {
			c.tooLong = append(c.tooLong, fmt.Sprintf("%s of %d bytes: %.60s…", name, len(key.Value), key.Value))
		}
	}
}

// all is every recorded call, sorted.
func (c *calls) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.made))
}

// recordedAre compares the calls of those functions with the file's. WRITE_CALLS=1 writes them there instead.
func recordedAre(t *testing.T, made map[string]bool, functions ...contract.Function) {
	t.Helper()
	raw, err := os.ReadFile(callsFile)
	must(t, err)
	of := func(line string) bool {
		name, _, _ := strings.Cut(line, " ")
		return slices.Contains(functions, contract.Function(name))
	}
	known := strings.Split(strings.TrimSpace(string(raw)), "\n")
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(made)), func(l string) bool { return !of(l) })
	part := strings.Contains(flag.Lookup("test.run").Value.String(), "/") // which makes a part of the calls
	if os.Getenv("WRITE_CALLS") != "" {
		lines := append(slices.DeleteFunc(known, func(l string) bool { return of(l) && !part || l == "" }), got...)
		slices.Sort(lines)
		lines = slices.Compact(lines)
		must(t, os.WriteFile(callsFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
		return
	}
	for _, line := range got {
		if !slices.Contains(known, line) {
			t.Errorf("%s: the call is not in %s", line, callsFile)
		}
	}
	for _, line := range known {
		if of(line) && !made[line] && !part {
			t.Errorf("%s: nobody makes the call any more; take it out of %s", line, callsFile)
		}
	}
	if t.Failed() {
		t.Logf("WRITE_CALLS=1 go test ./functions -run '%s' writes it anew", t.Name())
	}
}
