package contract

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Only is a filter in a body, which lets through the listed values alone. JSON null means no filter. An empty list is
// refused, because it would mean "nothing", which nobody wants. In Go, nil is an absent member and an empty Only is
// null.
type Only[T ~string] []T

// maxOnly is the limit of a filter's list: each id is checked when it is set, and read with every event.
const maxOnly = 50

// nullable marks, in the document, the lists in which null has a meaning; plainLists removes null from all others.
const nullable = "x-plugboard-null-is-no-filter"

// Schema is a list or null.
func (Only[T]) Schema(r huma.Registry) *huma.Schema {
	least, most := 1, maxOnly
	return &huma.Schema{
		Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[T](), true, ""), MinItems: &least, MaxItems: &most,
		Nullable: true, Extensions: map[string]any{nullable: true},
	}
}

func (o Only[T]) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return json.Marshal([]T(o))
}

// UnmarshalJSON skips an element of another type, which the schema refuses, so that all other errors of the body are
// found too.
func (o *Only[T]) UnmarshalJSON(raw []byte) error {
	var list []T
	err := json.Unmarshal(raw, &list)
	if other := new(json.UnmarshalTypeError); err != nil && !errors.As(err, &other) {
		return err
	}
	*o = append(Only[T]{}, list...)
	return nil
}
