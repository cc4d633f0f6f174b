package main

import (
	"errors"

	"github.com/caarlos0/env/v11"

	"plugboard/functions/catalogue"
	"plugboard/shared/contract"
	"plugboard/shared/egress"
	"plugboard/shared/serve"
)

func main() {
	serve.HTTP(contract.Catalogue, func(p serve.Parts) (func(*contract.API), error) {
		c, err := env.ParseAs[egress.Config]()
		sealer, failed := p.Sealer()
		return catalogue.New(p.Store, sealer, c, p.Now, p.NewID).Routes, errors.Join(err, failed)
	})
}
