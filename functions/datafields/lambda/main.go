package main

import (
	"plugboard/functions/datafields"
	"plugboard/shared/contract"
	"plugboard/shared/serve"
)

func main() {
	serve.HTTP(contract.DataFields, func(p serve.Parts) (func(*contract.API), error) {
		return datafields.New(p.Store, p.Now, p.NewID).Routes, nil
	})
}
