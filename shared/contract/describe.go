//go:build !lambda.norpc

package contract

import "reflect"

// describe keeps what OpenAPI needs of an operation. Lambda's builds leave it out: Huma's generic code takes some 20 KB
// for each operation, and so every function would carry that of all.
func describe[I, O any](op Op[I, O]) {
	handlers = append(handlers, handler{func(a *API) { op.register(a, nil, nil) }, reflect.TypeFor[O]()})
}
