package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// What is validated must be what is decoded. Go's decoder takes `NAME` for `name`, and of a name that comes twice
// merges both, where validation sees one: either would carry a value past its limits.

// Huma has no other switch for the case of names; nothing else of its package is ever assigned.
func init() { huma.ValidateStrictCasing = true }

var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}

// unmarshalStrict fails on an object that repeats a name, or has one of more than maxName characters. Huma decodes twice, into an any to validate and into the
// input's type; the first is enough to look at.
func unmarshalStrict(data []byte, v any) error {
	toValidate, is := v.(*any)
	if !is {
		return unmarshalNumbers(data, v)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	*toValidate = escapeNames(*toValidate)
	return checkNames(json.NewDecoder(bytes.NewReader(data)))
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

// maxName is more than any name of a schema, or any that a caller may choose, has. A name stands in the pointer to each
// mistake under it: without a limit, a body of 256 KB could have gigabytes of them.
const maxName = 256

// wrongName begins what is wrong with a name, for problemOfHuma to know it by.
const wrongName = "the name "

// checkNames reads one value. Its depth is bounded by Unmarshal's, which came first.
func checkNames(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		if open == json.Delim('{') {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			switch short := []rune(name); {
			case len(short) > maxName:
				return fmt.Errorf(wrongName+"%q… has more than %d characters", string(short[:20]), maxName)
			case seen[name]:
				return fmt.Errorf(wrongName+"%q comes twice in an object", name)
			}
			seen[name] = true
		}
		if err := checkNames(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
