//go:build !lambda.norpc

package contract

import "reflect"

// registrars registers each operation with Huma, by id.
var registrars = map[string]func(*API, *served){}

// describe keeps what OpenAPI needs of an operation. Lambda's builds leave it out, because Huma's generic code takes
// some 20 KB for each operation, and each function would carry all of it.
func describe[I, O any](op Op[I, O]) {
	registrars[op.ID] = func(a *API, s *served) { registerTyped[I, O](a, s) }
	document := func(a *API) { registrars[op.ID](a, op.served(a, nil, nil)) }
	handlers = append(handlers, handler{document, reflect.TypeFor[I](), reflect.TypeFor[O]()})
}

// register uses the code that describe compiled: Huma's generic code is slow to compile, and is so compiled once.
func (op Op[I, O]) register(a *API, s *served) { registrars[op.ID](a, s) }
