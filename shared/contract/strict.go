package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The decoder must see the same members as the validation. Go's decoder also takes `NAME` for `name`, which would
// carry a value past its limits. The scan has already refused text that the decoder would change or merge.

// Huma has no other switch for the case of names; nothing else of its package is ever assigned.
func init() { huma.ValidateStrictCasing = true }

var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}

// unmarshalStrict is called twice by Huma: into an any to validate, and into the input's type.
func unmarshalStrict(data []byte, v any) error {
	toValidate, is := v.(*any)
	if !is {
		return unmarshalNumbers(data, v)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	*toValidate = escapeNames(*toValidate)
	return nil
}

// unmarshalNumbers takes an integer however it is written: to JSON Schema 1e3 and 1000.0 are integers, to Go they are
// none.
func unmarshalNumbers(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var other *json.UnmarshalTypeError
	if !errors.As(err, &other) || !strings.HasPrefix(other.Value, "number") {
		return err
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	written, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	return json.Unmarshal(written, v)
}

// escapeNames escapes the names of objects, so that pointerOf knows a name's own dots and brackets from those that
// Huma puts between names. No name of a schema has any of these characters.
func escapeNames(v any) any {
	switch v := v.(type) {
	case map[string]any:
		escaped := make(map[string]any, len(v))
		for name, inner := range v {
			escaped[nameEscapes.Replace(name)] = escapeNames(inner)
		}
		return escaped
	case []any:
		for i := range v {
			v[i] = escapeNames(v[i])
		}
	}
	return v
}

// nameEscapes begins as JSON pointers do (RFC 6901).
var nameEscapes = strings.NewReplacer("~", "~0", "/", "~1", ".", "~2", "[", "~3", "]", "~4")

// decodeBeside decodes what the schema found no fault with. A value of another type would end the decoding at its
// place, and what comes after it would seem to be absent.
func decodeBeside(raw []byte, into any, shape []shapeFault) error {
	err := unmarshalNumbers(raw, into)
	if err == nil || len(shape) == 0 {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	for _, s := range shape {
		if s.final {
			v = withNull(v, strings.Split(s.Pointer, "/")[1:])
		}
	}
	beside, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return unmarshalNumbers(beside, into)
}

// withNull is v with null for the value at that path, if there is one.
func withNull(v any, path []string) any {
	if len(path) == 0 {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
		if inner, is := v[name]; is {
			v[name] = withNull(inner, path[1:])
		}
	case []any:
		if place, err := strconv.Atoi(path[0]); err == nil && place >= 0 && place < len(v) {
			v[place] = withNull(v[place], path[1:])
		}
	}
	return v
}

// nullFaultsIn is nullFaults of a JSON text.
func nullFaultsIn(schemas huma.Registry, s *huma.Schema, raw []byte) []shapeFault {
	var v any
	if s == nil || !bytes.Contains(raw, []byte("null")) || json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return nullFaults(schemas, s, v, "")
}

// nullFaults reports each null that the schema does not allow. Huma takes one of an optional name for an absent value.
func nullFaults(schemas huma.Registry, s *huma.Schema, v any, pointer string) []shapeFault {
	if s != nil && s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil {
		return nil
	}
	var wrong []shapeFault
	switch v := v.(type) {
	case nil:
		if s.Type != "" && !s.Nullable {
			wrong = append(wrong, shapeFault{fault.Field{Pointer: pointer, Code: "invalid",
				Detail: "expected " + s.Type}, true})
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			of := s.Properties[name]
			if of == nil {
				of, _ = s.AdditionalProperties.(*huma.Schema)
			}
			wrong = append(wrong, nullFaults(schemas, of, v[name], pointer+"/"+domain.EscapePointer(name))...)
		}
	case []any:
		for i := range v {
			wrong = append(wrong, nullFaults(schemas, s.Items, v[i], pointer+"/"+strconv.Itoa(i))...)
		}
	}
	return wrong
}
