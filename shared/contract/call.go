package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"plugboard/shared/fault"
)

// How a Go program calls an operation: from its input to an HTTP request, from the answer to its output.

// RequestParts puts each field of an operation's input where its tag says: into the path with its query, the headers,
// the body.
func RequestParts(o Operation, input any) (string, http.Header, []byte, error) {
	path, in := o.Path, reflect.ValueOf(input)
	query, header := url.Values{}, http.Header{}
	var body []byte
	for _, f := range reflect.VisibleFields(in.Type()) {
		value := in.FieldByIndex(f.Index)
		text := textOf(value.Interface())
		switch {
		case f.Name == "Body" && len(f.Index) == 1:
			encoded, err := json.Marshal(value.Interface())
			if err != nil {
				return "", nil, nil, err
			}
			body = encoded
		case f.Tag.Get("path") != "":
			path = strings.ReplaceAll(path, "{"+f.Tag.Get("path")+"}", url.PathEscape(text))
		case f.Tag.Get("query") != "" && !value.IsZero():
			name, explode, _ := strings.Cut(f.Tag.Get("query"), ",")
			if explode == "" {
				query.Set(name, text)
				continue
			}
			for n := range value.Len() { // `explode`: a list, as the parameter repeated
				query.Add(name, textOf(value.Index(n).Interface()))
			}
		case f.Tag.Get("header") != "" && !value.IsZero():
			header.Set(f.Tag.Get("header"), text)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, header, body, nil
}

// textOf is a value as a parameter has it: a time by RFC 3339.
func textOf(v any) string {
	if t, ok := v.(Time); ok {
		return t.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// ReadAnswer fills an operation's output, to which out points: its Body, and the fields that are tagged header.
func ReadAnswer(header http.Header, content []byte, out any) error {
	v := reflect.ValueOf(out).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name := f.Tag.Get("header"); name != "" {
			v.FieldByIndex(f.Index).SetString(header.Get(name))
		}
	}
	body := v.FieldByName("Body")
	if !body.IsValid() {
		return nil
	}
	if raw, ok := body.Addr().Interface().(*[]byte); ok {
		*raw = content
		return nil
	}
	return fault.Wrap(json.Unmarshal(content, body.Addr().Interface()), "read the answer")
}
