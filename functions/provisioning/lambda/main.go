package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"plugboard/functions/provisioning"
	"plugboard/shared/serve"
)

func main() {
	serve.Worker(func(p serve.Parts) (func(context.Context, events.SQSEvent) (events.SQSEventResponse, error), error) {
		sealer, err := p.Sealer()
		return provisioning.New(p.Store, sealer, p.Now, p.NewID).Handle, err
	})
}
