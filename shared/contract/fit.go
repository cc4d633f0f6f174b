package contract

import (
	"context"
	"encoding/json"
	"reflect"

	"plugboard/shared/fault"
)

// An answer must fit into Lambda's, which has 6 MB:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const (
	// LambdaAnswer is Lambda's limit in bytes of the JSON that a function returns.
	LambdaAnswer = 6 << 20

	// pageBudget is the part of an answer that a page's items may take, in bytes. Headers and the rest of the body
	// take the remainder.
	pageBudget = 5 << 20
)

// InLambda is how many bytes a body takes inside Lambda's answer, which holds the body as a JSON string.
func InLambda(body []byte) int {
	size := len(body)
	for i, c := range body {
		switch {
		case c == '"' || c == '\\':
			size++
		case c < ' ' || c == '<' || c == '>' || c == '&': // \u000a, \u003c, as Go writes them
			size += 5
		case c == 0xA8 || c == 0xA9:
			if i >= 2 && body[i-1] == 0x80 && body[i-2] == 0xE2 { // the line ends U+2028 and U+2029
				size += 3
			}
		}
	}
	return size
}

// fit asks the handler again for fewer items when a page takes more bytes than an answer may have. The cursor of the
// shorter page goes on where that one ends. At least one item is answered.
func (s *served) fit(ctx context.Context, in, out any) (any, error) {
	limit := reflect.ValueOf(in).Elem().FieldByName("Limit")
	body := reflect.ValueOf(out).Elem().FieldByName("Body")
	if s.Mutates() || !limit.IsValid() || !body.IsValid() || body.Kind() != reflect.Struct {
		return out, nil
	}
	items := body.FieldByName("Items")
	if !items.IsValid() || items.Kind() != reflect.Slice {
		return out, nil
	}
	size := 0
	for i := range items.Len() {
		encoded, err := json.Marshal(items.Index(i).Interface())
		if err != nil {
			return nil, fault.Wrap(err, "measure the answer of %s", s.ID)
		}
		if size += InLambda(encoded); size > pageBudget {
			limit.SetInt(int64(max(1, i)))
			return s.checked(ctx, in)
		}
	}
	return out, nil
}
