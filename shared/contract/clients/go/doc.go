// Package clients is where `make test-document` has oapi-codegen write a Go client and a server of the API, with its
// default settings, to see that they compile. It is a module of its own, so that the project's does not carry what they
// need.
package clients

import ( // of the generated code, which is not committed
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/labstack/echo/v4"
	_ "github.com/oapi-codegen/runtime"
)
