package contract

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/domain"
)

// BlueprintSchema is the JSON Schema (draft 2020-12) of a blueprint, from the same types as the OpenAPI document and
// the validation. check-draft also checks references and reserved names, which a schema cannot.
func BlueprintSchema() *huma.Schema {
	schemas := newSchemas("#/$defs/")
	root := *schemas.Schema(reflect.TypeFor[domain.BlueprintSpec](), false, "")
	plainLists(schemas)
	sayLimits(schemas).members(reflect.TypeFor[domain.BlueprintSpec](), &root)
	definitions := schemas.Map()
	definitions["Parameters"].Properties["properties"].Extensions = map[string]any{
		"propertyNames": map[string]any{"pattern": domain.ParameterKeyPattern}}
	delete(definitions, "BlueprintSpec") // the root itself
	root.Title, root.Description = "Plugboard blueprint",
		"One version of what an extension provisions in every account that enables it."
	root.Extensions = map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:plugboard:blueprint:v1",
		"$defs":   definitions,
	}
	return &root
}

// EncodeBlueprintSchema is BlueprintSchema as it is committed.
func EncodeBlueprintSchema() ([]byte, error) { return indented(BlueprintSchema()) }
