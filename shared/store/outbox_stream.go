package store

import (
	"fmt"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/fault"
)

// The accounts table's stream shows the items that Commit wrote, in Lambda's own types.

// Outbox is the kind of the stream record's outbox item: OutboxEvent, OutboxProvision or OutboxResend. It is empty
// when the item is not in the outbox or was not just inserted.
func Outbox(r lambda.DynamoDBEventRecord) string {
	purpose, ok := r.Change.NewImage[OutboxAttribute]
	if r.EventName != string(lambda.DynamoDBOperationTypeInsert) || !ok || purpose.DataType() != lambda.DataTypeString {
		return ""
	}
	return purpose.String()
}

// EventOf is the record's event.
func EventOf(r lambda.DynamoDBEventRecord) (events.Event, error) { return imageOf[events.Event](r) }

// ProvisionOf is the record's message to provisioning.
func ProvisionOf(r lambda.DynamoDBEventRecord) (events.Provision, error) {
	return imageOf[events.Provision](r)
}

// ResendOf is the record's request to send deliveries again.
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

// imageOfItem is the reverse of attributes.
func imageOfItem(item map[string]types.AttributeValue) (map[string]lambda.DynamoDBAttributeValue, error) {
	image := make(map[string]lambda.DynamoDBAttributeValue, len(item))
	for name, a := range item {
		v, err := imageOfAttribute(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		image[name] = v
	}
	return image, nil
}

func imageOfAttribute(a types.AttributeValue) (lambda.DynamoDBAttributeValue, error) {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		return lambda.NewStringAttribute(a.Value), nil
	case *types.AttributeValueMemberN:
		return lambda.NewNumberAttribute(a.Value), nil
	case *types.AttributeValueMemberB:
		return lambda.NewBinaryAttribute(a.Value), nil
	case *types.AttributeValueMemberBOOL:
		return lambda.NewBooleanAttribute(a.Value), nil
	case *types.AttributeValueMemberNULL:
		return lambda.NewNullAttribute(), nil
	case *types.AttributeValueMemberM:
		m, err := imageOfItem(a.Value)
		return lambda.NewMapAttribute(m), err
	case *types.AttributeValueMemberL:
		list := make([]lambda.DynamoDBAttributeValue, len(a.Value))
		for i, e := range a.Value {
			v, err := imageOfAttribute(e)
			if err != nil {
				return lambda.NewNullAttribute(), err
			}
			list[i] = v
		}
		return lambda.NewListAttribute(list), nil
	default:
		return lambda.NewNullAttribute(), fmt.Errorf("an attribute type that the store never writes: %T", a)
	}
}

// attribute converts the types that marshal writes; it writes no sets.
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
