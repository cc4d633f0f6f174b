package contract

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// A list is always a list: `[]` when empty and never null, in requests and in answers. The same holds for a map. Only
// is the exception: its null means no filter.

// plainLists takes the null out of every array's type, where Huma puts it for Go's nil slices. Huma validates by
// the same schemas, so that a null for a list is refused too. It runs over the registry because the other way is
// a package variable of Huma's.
func plainLists(schemas huma.Registry) {
	for _, s := range schemas.Map() {
		plainList(s)
	}
}

func plainList(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray && s.Extensions[nullable] == nil {
		s.Nullable = false
	}
	plainList(s.Items)
	for _, p := range s.Properties {
		plainList(p)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		plainList(values)
	}
}

// fillLists makes nil slices and maps of an answer empty ones, except where the empty is left out of the JSON.
// It looks into structs, pointers and slices; what a map holds stays as it is.
func fillLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field, of := v.Field(i), v.Type().Field(i)
			if !of.IsExported() {
				continue
			}
			if !omittedWhenEmpty(of) {
				fillList(field)
			}
			fillLists(field)
		}
	case reflect.Pointer:
		fillLists(v.Elem())
	case reflect.Slice:
		if of := v.Type().Elem().Kind(); of != reflect.Struct && of != reflect.Pointer && of != reflect.Slice {
			return
		}
		for i := range v.Len() {
			fillLists(v.Index(i))
		}
	}
}

func fillList(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8: // bytes are a string
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case v.Kind() == reflect.Map && v.IsNil():
		v.Set(reflect.MakeMap(v.Type()))
	}
}

func omittedWhenEmpty(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
}
