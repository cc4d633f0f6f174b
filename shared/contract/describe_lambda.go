//go:build lambda.norpc

package contract

// describe is empty in a function: see describe.go.
func describe[I, O any](Op[I, O]) {}

// register compiles Huma's generic code in the function that serves the operation, and in no other.
func (op Op[I, O]) register(a *API, s *served) { registerTyped[I, O](a, s) }
