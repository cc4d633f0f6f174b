//go:build lambda.norpc

package contract

// describe is nothing in a function: see describe.go.
func describe[I, O any](Op[I, O]) {}
