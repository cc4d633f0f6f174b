package main

import (
	"plugboard/functions/enablement"
	"plugboard/shared/contract"
	"plugboard/shared/serve"
)

func main() {
	serve.HTTP(contract.Enablement, func(p serve.Parts) (func(*contract.API), error) {
		sealer, err := p.Sealer()
		return enablement.New(p.Store, sealer, p.Now, p.NewID).Routes, err
	})
}
