package deployed_test

import (
	"encoding/json"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// A stream may hand the same batch to fanout again.
func TestFanOut_ARepeatedBatchIsTheSameDelivery(t *testing.T) { // rule 18
	c, _ := signedContract(t, deployed.integration())
	first, m := arrives(t, deployed.orders, c.ID, events.ContractSigned)
	const repeats = 2
	for range repeats {
		fanOut(t, c.ID, m.ID)
	}
	seen := func() (n int) {
		for _, a := range of(t, deployed.orders, c.ID) {
			if a.Delivery != first.Delivery {
				continue
			}
			if n++; a.Body != first.Body {
				t.Errorf("a repeat has another body:\n%s\nthe first was\n%s", a.Body, first.Body)
			}
		}
		return n
	}
	eventually(t, "the repeats arrived", func() bool { return seen() > repeats })
	eventually(t, "the repeats were logged", func() bool {
		return len(logged(t, deployed.orders, m).Attempts) > repeats
	})
	if got := deliveries(t, deployed.orders, m.Timestamp)[m.ID]; len(got) != 1 || got[0].ID != first.Delivery {
		t.Errorf("the log has %d deliveries of the event, want one, %s", len(got), first.Delivery)
	}
	if n := len(of(t, deployed.orders, c.ID)); n != len(moves)+repeats {
		t.Errorf("the endpoint got %d requests about the contract, want %d and %d repeats", n, len(moves), repeats)
	}
}

// fanOut invokes fanout with the outbox item of the event, as the stream's mapping does.
func fanOut(t *testing.T, c domain.ContractID, e domain.EventID) {
	t.Helper()
	item, err := dynamodb.NewFromConfig(deployed.aws()).GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &deployed.Outputs.AccountsTable,
		Key: map[string]types.AttributeValue{
			store.PartitionKey: &types.AttributeValueMemberS{Value: "CONTRACT#" + string(c)},
			store.SortKey:      &types.AttributeValueMemberS{Value: "EVENT#" + string(e)},
		},
	})
	must(t, err)
	if len(item.Item) == 0 {
		t.Fatalf("the table has no event %s of %s", e, c)
	}
	batch, err := json.Marshal(lambdaevents.DynamoDBEvent{Records: []lambdaevents.DynamoDBEventRecord{{
		EventID: "repeated", EventName: string(lambdaevents.DynamoDBOperationTypeInsert), EventSource: "aws:dynamodb",
		Change: lambdaevents.DynamoDBStreamRecord{NewImage: image(t, item.Item)},
	}}})
	must(t, err)
	function := deployed.Outputs.Functions["fanout"]
	out, err := lambda.NewFromConfig(deployed.aws()).Invoke(t.Context(),
		&lambda.InvokeInput{FunctionName: &function, Payload: batch})
	must(t, err)
	if out.FunctionError != nil {
		t.Fatalf("fanout failed: %s: %s", aws.ToString(out.FunctionError), out.Payload)
	}
}

// image is an item as the stream shows it. It knows the types that an outbox item has.
func image(t *testing.T, item map[string]types.AttributeValue) map[string]lambdaevents.DynamoDBAttributeValue {
	t.Helper()
	as := map[string]lambdaevents.DynamoDBAttributeValue{}
	for name, v := range item {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			as[name] = lambdaevents.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			as[name] = lambdaevents.NewNumberAttribute(v.Value)
		case *types.AttributeValueMemberB:
			as[name] = lambdaevents.NewBinaryAttribute(v.Value)
		case *types.AttributeValueMemberM:
			as[name] = lambdaevents.NewMapAttribute(image(t, v.Value))
		default:
			t.Fatalf("the outbox item's %s is a %T, which this test does not know", name, v)
		}
	}
	return as
}
