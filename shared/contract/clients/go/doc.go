// Package clients is a module of its own, in which `make test-document` has oapi-codegen write a Go client and server
// of the API and compiles them. The project's module does not carry their dependencies.
package clients

import ( // of the generated code, which is not committed
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/labstack/echo/v4"
	_ "github.com/oapi-codegen/runtime"
)
