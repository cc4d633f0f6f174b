package contract

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// What is validated must be what is decoded. Go's decoder takes `NAME` for `name`, and of a name that comes twice
// merges both, where validation sees one: either would carry a value past its limits.

// Huma has no other switch for the case of names; nothing else of its package is ever assigned.
func init() { huma.ValidateStrictCasing = true }

var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}

// unmarshalStrict fails on an object that repeats a name. Huma decodes twice, into an any to validate and into the
// input's type; the first is enough to look at.
func unmarshalStrict(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	if _, toValidate := v.(*any); !toValidate {
		return nil
	}
	return noNameTwice(json.NewDecoder(bytes.NewReader(data)))
}

// noNameTwice reads one value. Its depth is bounded by Unmarshal's, which came first.
func noNameTwice(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return err
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if open == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("the name %q comes twice in an object", name)
			}
			seen[name] = true
		}
		if err := noNameTwice(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
