package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"plugboard/functions/redelivery"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/serve"
)

func main() {
	serve.Worker(func(p serve.Parts) (func(context.Context, any) (struct{}, error), error) {
		c, err := env.ParseAs[redelivery.Config]()
		queues, fanout := deliveryqueue.New(sqs.NewFromConfig(p.AWS), c.Queues, p.Now),
			redelivery.NewFanout(p.AWS, c.Fanout)
		return redelivery.New(p.Store, queues, fanout, p.Metrics, p.Now).Handle, err
	})
}
