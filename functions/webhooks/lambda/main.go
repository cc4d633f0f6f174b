package main

import (
	"errors"

	"github.com/caarlos0/env/v11"

	"plugboard/functions/webhooks"
	"plugboard/shared/contract"
	"plugboard/shared/egress"
	"plugboard/shared/serve"
)

func main() {
	serve.HTTP(contract.Webhooks, func(p serve.Parts) (func(*contract.API), error) {
		c, err := env.ParseAs[egress.Config]()
		addresses, unread := env.ParseAs[webhooks.AddressConfig]()
		sealer, failed := p.Sealer()
		service := webhooks.New(p.Store, sealer, c, p.Now, p.NewID).SendingFrom(addresses)
		return service.Routes, errors.Join(err, unread, failed)
	})
}
