package store

import (
	"fmt"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/fault"
)

// What the accounts table's stream shows is what Commit wrote, in Lambda's own types for it.

// Outbox is what the stream record's item is in the outbox for: OutboxEvent, OutboxProvision, OutboxResend, or empty when
// it is none or was not inserted just now.
func Outbox(r lambda.DynamoDBEventRecord) string {
	purpose, ok := r.Change.NewImage[OutboxAttribute]
	if r.EventName != string(lambda.DynamoDBOperationTypeInsert) || !ok || purpose.DataType() != lambda.DataTypeString {
		return ""
	}
	return purpose.String()
}

// EventOf is the event that the record's item holds.
func EventOf(r lambda.DynamoDBEventRecord) (events.Event, error) { return imageOf[events.Event](r) }

// ProvisionOf is the message to provisioning that the record's item holds.
func ProvisionOf(r lambda.DynamoDBEventRecord) (events.Provision, error) {
	return imageOf[events.Provision](r)
}

// ResendOf is what the record's item asks to send again.
func ResendOf(r lambda.DynamoDBEventRecord) (events.Resend, error) { return imageOf[events.Resend](r) }

func imageOf[T any](r lambda.DynamoDBEventRecord) (T, error) {
	var v T
	item, err := attributes(r.Change.NewImage)
	if err == nil {
		err = unmarshal(item, &v)
	}
	return v, fault.Wrap(err, "decode the stream record %s", r.EventID)
}

func attributes(image map[string]lambda.DynamoDBAttributeValue) (map[string]types.AttributeValue, error) {
	item := make(map[string]types.AttributeValue, len(image))
	for name, v := range image {
		a, err := attribute(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		item[name] = a
	}
	return item, nil
}

// attribute knows the types that marshal writes; it writes no sets.
func attribute(v lambda.DynamoDBAttributeValue) (types.AttributeValue, error) {
	switch v.DataType() {
	case lambda.DataTypeString:
		return str(v.String()), nil
	case lambda.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}, nil
	case lambda.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: v.Binary()}, nil
	case lambda.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: v.Boolean()}, nil
	case lambda.DataTypeNull:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	case lambda.DataTypeMap:
		m, err := attributes(v.Map())
		return &types.AttributeValueMemberM{Value: m}, err
	case lambda.DataTypeList:
		list := make([]types.AttributeValue, len(v.List()))
		for i, e := range v.List() {
			a, err := attribute(e)
			if err != nil {
				return nil, err
			}
			list[i] = a
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	default:
		return nil, fmt.Errorf("an attribute type that the store never writes: %d", v.DataType())
	}
}
