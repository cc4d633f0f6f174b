package main

import (
	"context"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"plugboard/functions/replay"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/serve"
)

func main() {
	serve.Worker(func(p serve.Parts) (func(context.Context, lambda.SQSEvent) (lambda.SQSEventResponse, error), error) {
		c, err := env.ParseAs[replay.Config]()
		return replay.New(p.Store, queue.New(sqs.NewFromConfig(p.AWS), c.SlowDeliveries),
			p.Now, domain.NewID).Handle, err
	})
}
