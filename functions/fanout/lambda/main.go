package main

import (
	"context"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"plugboard/functions/fanout"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/queue"
	"plugboard/shared/serve"
)

func main() {
	serve.Worker(func(p serve.Parts) (func(context.Context, lambda.DynamoDBEvent) (struct{}, error), error) {
		c, err := env.ParseAs[fanout.Config]()
		client := sqs.NewFromConfig(p.AWS)
		return fanout.New(p.Store, queue.New(client, c.Provisions), queue.New(client, c.Replays),
			deliveryqueue.New(client, c.Queues, p.Now), p.Metrics, p.Now).Handle, err
	})
}
