// Package memory says how much memory each function has, and with it how much CPU time. The CDK app gives it to them, and
// the bench computes costs by it.
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

// ofStages was chosen by `make bench`'s table of memory. Lambda gives CPU time in proportion to memory: 1,769 MB are one CPU
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). An API function answers in a third of the time at
// 512 MB compared with 128, for twice the price. A worker waits for endpoints, and pays for that wait by the MB; below 256 MB
// a hundred slow endpoints at once come near its memory (64 MB of Go's, as the bench holds it), and its batches take long.
var ofStages = map[string]Sizes{
	"local": {API: 512, Worker: 256},
	"dev":   {API: 512, Worker: 256},
	"prod":  {API: 512, Worker: 256},
}

// Of are the stage's sizes. It panics for a stage that has none.
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
