package main

import (
	"context"
	"runtime/debug"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"plugboard/functions/delivery"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/serve"
)

func main() {
	debug.SetMemoryLimit(delivery.MemoryLimit)
	serve.Worker(func(p serve.Parts) (func(context.Context, lambda.SQSEvent) (lambda.SQSEventResponse, error), error) {
		c, err := env.ParseAs[delivery.Config]()
		if err != nil {
			return nil, err
		}
		sealer, err := p.Sealer()
		return delivery.New(p.Store, sealer, deliveryqueue.New(sqs.NewFromConfig(p.AWS), c.Queues, p.Now), c.Egress,
			p.Metrics,
			p.Now).Handle, err
	})
}
