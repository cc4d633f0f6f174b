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
		c, err := env.ParseAs[redelivery.Config]()
		lanes, fanout := lane.New(sqs.NewFromConfig(p.AWS), c.Lanes, p.Now), redelivery.NewFanout(p.AWS, c.Fanout)
		return redelivery.New(p.Store, lanes, fanout, p.Metrics, p.Now).Handle, err
	})
}
