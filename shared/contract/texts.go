package contract

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// textFaults reports every string under v with characters that nobody types on purpose, and every e-mail address that
// holds more than one. A string is one line unless its field says otherwise: `text:"lines"` for long text,
// `text:"value"` for the values of a contract. A field with a pattern is left to Huma, which checks the pattern.
func textFaults(v reflect.Value, pointer string, tag reflect.StructTag) []fault.Field {
	var wrong []fault.Field
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			wrong = textFaults(v.Elem(), pointer, tag)
		}
	case reflect.Struct:
		if at, is := v.Interface().(Time); is {
			return at.faults(pointer)
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name, at := nameInJSON(f), pointer; f.IsExported() && name != "-" {
				if !f.Anonymous {
					at += "/" + name
				}
				wrong = append(wrong, textFaults(v.Field(i), at, f.Tag)...)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil // bytes: an item of an import, which Items.Read looks at
		}
		for i := range v.Len() {
			wrong = append(wrong, textFaults(v.Index(i), pointer+"/"+strconv.Itoa(i), tag)...)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			at := pointer + "/" + domain.EscapePointer(key.String())
			if problem := domain.LineProblem(key.String()); problem != "" {
				wrong = append(wrong, fault.Field{Pointer: at, Code: codeControl, Detail: problem})
				continue
			}
			wrong = append(wrong, textFaults(v.MapIndex(key), at, tag)...)
		}
	case reflect.String:
		return textFault(v.String(), pointer, tag)
	}
	return wrong
}

const codeControl = "control-character"

func textFault(text, pointer string, tag reflect.StructTag) []fault.Field {
	problem := ""
	switch tag.Get("text") {
	case "lines":
		problem = domain.TextProblem(text)
	case "value":
		problem = domain.ValueProblem(text)
	default:
		if tag.Get("pattern") == "" {
			problem = domain.LineProblem(text)
		}
	}
	if problem != "" {
		return []fault.Field{{Pointer: pointer, Code: codeControl, Detail: problem}}
	}
	if tag.Get("format") == "email" && text != "" {
		if problem := domain.EmailProblem(text); problem != "" {
			return []fault.Field{{Pointer: pointer, Code: "invalid", Detail: problem}}
		}
	}
	return nil
}

func nameInJSON(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
