package storetest

import (
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"plugboard/shared/store"
)

// patience is how long a test waits for an expected record.
const patience = 10 * time.Second

// Outbox is the outbox items inserted since the last call, as Lambda hands them to fanout. It waits for at least n,
// since emulators fill a stream a moment after the write.
func (s *Tables) Outbox(n int) events.DynamoDBEvent {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		all := s.outbox()
		if len(all) >= s.handed+n {
			fresh := all[s.handed:]
			s.handed = len(all)
			return events.DynamoDBEvent{Records: fresh}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the stream shows %d new outbox items after %s, want %d", len(all)-s.handed, patience, n)
		}
	}
}

// outbox reads the whole stream.
func (s *Tables) outbox() []events.DynamoDBEventRecord {
	s.t.Helper()
	ctx, client := s.t.Context(), dynamodbstreams.NewFromConfig(s.AWS)
	table, err := s.DB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.Config.AccountsTable})
	if err != nil {
		s.t.Fatalf("describe the accounts table: %v", err)
	}
	arn := table.Table.LatestStreamArn
	stream, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		s.t.Fatalf("describe the stream: %v", err)
	}
	var inserted []events.DynamoDBEventRecord
	for _, shard := range stream.StreamDescription.Shards {
		at, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			s.t.Fatalf("open the stream: %v", err)
		}
		for next := at.ShardIterator; next != nil; {
			page, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
			if err != nil {
				s.t.Fatalf("read the stream: %v", err)
			}
			for _, r := range page.Records {
				if _, outbox := r.Dynamodb.NewImage[store.OutboxAttribute]; outbox &&
					r.EventName == types.OperationTypeInsert {
					inserted = append(inserted, record(r, aws.ToString(arn)))
				}
			}
			if next = page.NextShardIterator; len(page.Records) == 0 {
				break
			}
		}
	}
	return inserted
}

func record(r types.Record, arn string) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{
		EventID: aws.ToString(r.EventID), EventName: string(r.EventName), EventSource: aws.ToString(r.EventSource),
		EventVersion: aws.ToString(r.EventVersion), AWSRegion: aws.ToString(r.AwsRegion), EventSourceArn: arn,
		Change: events.DynamoDBStreamRecord{
			Keys: image(r.Dynamodb.Keys), NewImage: image(r.Dynamodb.NewImage),
			SequenceNumber: aws.ToString(r.Dynamodb.SequenceNumber), SizeBytes: aws.ToInt64(r.Dynamodb.SizeBytes),
			StreamViewType: string(r.Dynamodb.StreamViewType),
		},
	}
}

func image(item map[string]types.AttributeValue) map[string]events.DynamoDBAttributeValue {
	as := make(map[string]events.DynamoDBAttributeValue, len(item))
	for name, v := range item {
		as[name] = attribute(v)
	}
	return as
}

// attribute converts the types that the store writes.
func attribute(v types.AttributeValue) events.DynamoDBAttributeValue {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return events.NewStringAttribute(v.Value)
	case *types.AttributeValueMemberN:
		return events.NewNumberAttribute(v.Value)
	case *types.AttributeValueMemberB:
		return events.NewBinaryAttribute(v.Value)
	case *types.AttributeValueMemberBOOL:
		return events.NewBooleanAttribute(v.Value)
	case *types.AttributeValueMemberM:
		return events.NewMapAttribute(image(v.Value))
	case *types.AttributeValueMemberL:
		list := make([]events.DynamoDBAttributeValue, len(v.Value))
		for i, e := range v.Value {
			list[i] = attribute(e)
		}
		return events.NewListAttribute(list)
	default:
		return events.NewNullAttribute()
	}
}
