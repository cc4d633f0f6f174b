package main

import (
	"plugboard/functions/contracts"
	"plugboard/shared/contract"
	"plugboard/shared/serve"
)

func main() {
	serve.HTTP(contract.Contracts, func(p serve.Parts) (func(*contract.API), error) {
		return contracts.New(p.Store, p.Now, p.NewID).Routes, nil
	})
}
