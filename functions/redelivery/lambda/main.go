package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"plugboard/functions/redelivery"
	"plugboard/shared/lane"
	"plugboard/shared/serve"
)

func main() {
	serve.Worker(func(p serve.Parts) (func(context.Context, any) (struct{}, error), error) {
		c, err := env.ParseAs[lane.Config]()
		return redelivery.New(p.Store, lane.New(sqs.NewFromConfig(p.AWS), c, p.Now), p.Metrics, p.Now).Handle, err
	})
}
