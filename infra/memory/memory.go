// Package memory says how much memory each function has, and with it how much CPU time. The CDK app gives it to them,
// and the bench computes costs by it.
package memory

import (
	"fmt"
	"slices"

	"plugboard/shared/contract"
)

// Sizes are a stage's, in MB.
type Sizes struct {
	API    int // functions that somebody waits for
	Worker int // functions behind a queue, a stream or a schedule
}

// ofStages was chosen by the table in infra/README.md, which `make bench` prints. Lambda gives CPU time in proportion
// to memory: 1,769 MB are one CPU (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). An API
// request takes 21 ms with 512 MB instead of 54 with 128, for a sixth more. A worker waits for endpoints and pays for
// that wait by the MB; less than 256 would come near the 64 MB that the bench lets the function have.
var ofStages = map[string]Sizes{
	"local": {API: 512, Worker: 256},
	"dev":   {API: 512, Worker: 256},
	"prod":  {API: 512, Worker: 256},
}

// Of returns the stage's sizes. It panics for an unknown stage.
func Of(stage string) Sizes {
	sizes, ok := ofStages[stage]
	if !ok {
		panic(fmt.Sprintf("memory: the stage %q has no sizes", stage))
	}
	return sizes
}

// MB is the function's.
func (s Sizes) MB(function contract.Function) int {
	if slices.Contains(contract.Functions, function) {
		return s.API
	}
	return s.Worker
}
