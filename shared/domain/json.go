package domain

import (
	"bytes"
	"encoding/json"
)

// JSON is v as JSON, without the escapes that encoding/json adds for HTML: they make a `<` six bytes, which in an
// event or a recorded answer would count against DynamoDB's 400 KB an item.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
