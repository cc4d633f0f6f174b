package contract

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The schemas' names in the document follow from the Go types by one rule, so that a new operation gets good ones:
//
//   - a body without a type of its own is CreateContractRequest or CreateContractResult;
//   - SomethingBody is SomethingRequest, and SomethingView is Something;
//   - Page[Something] is SomethingPage.
//
// No name ends in Response: oapi-codegen gives such names to the answers of whole operations.

// newSchemas is an empty set of schemas, whose names follow the rule.
func newSchemas(prefix string) huma.Registry { return huma.NewMapRegistry(prefix, schemaName) }

// componentSchemas is where an OpenAPI document keeps its schemas.
const componentSchemas = "#/components/schemas/"

// longerNames is for Go types whose name says enough inside their package, and too little in the document.
var longerNames = map[string]string{
	// Go generators name the constructor of Installation NewInstallation.
	"contract.NewInstallation": "CreatedInstallation",
	"fault.Field":              "ProblemError",
	"domain.Change":            "BlueprintChange",
	"domain.Failure":           "InstallationFailure",
	"domain.Finding":           "DriftFinding",
	"domain.Setup":             "InstallationSetup",
	"domain.Step":              "ProvisioningStep",
	"domain.Upgrade":           "InstallationUpgrade",
	"domain.Value":             "DataFieldValue",
}

var suffixes = []struct{ goType, schema string }{
	{"InputBody", "Request"}, {"OutputBody", "Result"}, {"Body", "Request"}, {"View", ""},
}

// schemaName is the name of the type's schema. The hint names types without a name; Huma builds it from the type
// around.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if longer, ok := longerNames[t.String()]; ok {
		return longer
	}
	name := t.Name()
	if name == "" {
		name = hint
	}
	generic, argument, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	return shorter(argument[strings.LastIndex(argument, ".")+1:]) + shorter(generic)
}

func shorter(name string) string {
	for _, s := range suffixes {
		if stem, ok := strings.CutSuffix(name, s.goType); ok && stem != "" {
			return stem + s.schema
		}
	}
	return name
}
