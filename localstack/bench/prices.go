package main

// List prices of us-east-1 in dollars, as of 2026-11-24: https://aws.amazon.com/lambda/pricing (arm64, first tier),
// https://aws.amazon.com/sqs/pricing (standard queues, after the free million), https://aws.amazon.com/dynamodb/pricing
// (on demand).
const (
	lambdaRequest  = 0.20 / 1e6
	lambdaGBSecond = 0.0000133334
	sqsRequest     = 0.40 / 1e6
	writeUnit      = 0.625 / 1e6
	readUnit       = 0.125 / 1e6
)

// memoryGB is what the delivery function is given for this sum.
const memoryGB = 0.25

// perMillion is what a million deliveries cost in Lambda, SQS and DynamoDB requests: a batch is one invocation, received
// and deleted by one request each. The message's sending is fan-out's.
func perMillion(l load, r result) float64 {
	batches := float64(r.Deliveries) / float64(l.Batch)
	sum := batches*(lambdaRequest+2*sqsRequest) + r.Wall.Seconds()*memoryGB*lambdaGBSecond +
		float64(r.Counts.SQSBilled)*sqsRequest + r.Counts.WriteUnits*writeUnit + r.Counts.ReadUnits*readUnit
	return r.perDelivery(sum) * 1e6
}
