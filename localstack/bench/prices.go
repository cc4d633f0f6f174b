package main

import (
	"fmt"
	"io"

	"plugboard/infra/memory"
)

// List prices of us-east-1 in dollars, as of 2026-11-24: https://aws.amazon.com/lambda/pricing (arm64, first tier),
// https://aws.amazon.com/sqs/pricing (standard queues, after the free million), https://aws.amazon.com/dynamodb/pricing
// (on demand; standard storage), https://aws.amazon.com/cloudwatch/pricing (logs, standard class),
// https://aws.amazon.com/api-gateway/pricing (REST, first tier), https://aws.amazon.com/ec2/pricing/on-demand (data out
// to the Internet, first 10 TB). Free tiers are left out.
const (
	pricesOf       = "2026-11-24"
	lambdaRequest  = 0.20 / 1e6
	lambdaGBSecond = 0.0000133334
	sqsRequest     = 0.40 / 1e6
	writeUnit      = 0.625 / 1e6
	readUnit       = 0.125 / 1e6
	storedGBMonth  = 0.25
	loggedGB       = 0.50
	sentGB         = 0.09
	apiRequest     = 3.50 / 1e6
)

const (
	// apiSeconds is the assumed time of an API function for a request; it is not measured here.
	apiSeconds = 0.025

	// keptMonths is how long the log and the outbox are kept.
	keptMonths = 1
)

// What functions of prod are given, in GB.
var (
	workerGB = float64(memory.Of("prod").Worker) / 1024
	apiGB    = float64(memory.Of("prod").API) / 1024
)

var perMillionHeld = fmt.Sprintf("a million deliveries in\nLambda (%d MB, arm64), SQS and DynamoDB requests, at list "+
	"prices of %s; the message's sending is fan-out's.",
	memory.Of("prod").Worker, pricesOf)

// perMillion is the price of a million deliveries. A batch is one invocation, one request to delete it, and the
// billed requests to receive it.
func perMillion(r result) float64 {
	return r.perDelivery(worked(r)+requests(r)) * 1e6
}

func worked(r result) float64 {
	return float64(r.Batches)*lambdaRequest + r.Wall.Seconds()*workerGB*lambdaGBSecond
}

func requests(r result) float64 {
	return (float64(r.Batches+r.Received)+float64(r.Counts.SQSBilled))*sqsRequest + r.Counts.WriteUnits*writeUnit +
		r.Counts.ReadUnits*readUnit
}

// bill prints the whole price of a million deliveries, for one and for ten deliveries an event. An event's own cost
// is the rest of its pipeline without deliveries.
func bill(out io.Writer, delivered, one, ten result, sent float64) {
	fmt.Fprintf(out, "\nA million deliveries, in dollars (batch 10, 1 KB, endpoints take 200 ms)%12s%12s\n",
		"fan-out 1", "fan-out 10")
	var total [2]float64
	line := func(name string, sums ...float64) {
		if len(sums) == 1 {
			sums = append(sums, sums[0])
		}
		for i := range total {
			total[i] += sums[i] * 1e6
		}
		fmt.Fprintf(out, "%-72s%12.2f%12.2f\n", name, sums[0]*1e6, sums[1]*1e6)
	}
	before := func(r result) float64 {
		return r.perDelivery(r.Counts.WriteUnits)*writeUnit + r.perDelivery(r.Counts.ReadUnits)*readUnit +
			r.perDelivery(float64(r.Counts.SQSBilled))*sqsRequest -
			delivered.perDelivery(delivered.Counts.WriteUnits)*writeUnit
	}
	gb := func(bytes float64) float64 { return bytes / 1e9 }
	line("delivery: Lambda", delivered.perDelivery(worked(delivered)))
	line("delivery: SQS and DynamoDB requests", delivered.perDelivery(requests(delivered)))
	line("the event's commit and fan-out: SQS and DynamoDB requests", before(one), before(ten))
	line("fan-out: Lambda, 10 events at once", 0.1*(lambdaRequest+apiSeconds*workerGB*lambdaGBSecond),
		0.01*(lambdaRequest+apiSeconds*workerGB*lambdaGBSecond))
	line("the API: a request an event, 25 ms of Lambda", apiRequest+lambdaRequest+apiSeconds*apiGB*lambdaGBSecond,
		(apiRequest+lambdaRequest+apiSeconds*apiGB*lambdaGBSecond)/10)
	line(fmt.Sprintf("logs: %.0f bytes", delivered.perDelivery(float64(delivered.Logged))),
		gb(delivered.perDelivery(float64(delivered.Logged)))*loggedGB)
	line("storage: the log and the event, 30 days",
		gb(one.perDelivery(float64(one.Counts.Stored)))*storedGBMonth*keptMonths,
		gb(ten.perDelivery(float64(ten.Counts.Stored)))*storedGBMonth*keptMonths)
	line(fmt.Sprintf("egress: %.0f bytes, without TLS", sent), gb(sent)*sentGB)
	fmt.Fprintf(out, "%-72s%12.2f%12.2f\n", "in all", total[0], total[1])
}
