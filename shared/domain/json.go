package domain

import (
	"bytes"
	"encoding/json"
)

// JSON is v as JSON without encoding/json's escapes for HTML. They make a `<` six bytes, which would count against
// the 400 KB of a DynamoDB item.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
