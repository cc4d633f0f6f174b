package capture

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"plugboard/events"
)

// bodies are what the body may have been before something changed its blanks or its encoding.
func bodies(body []byte) []variant {
	var all []variant
	add := func(part, value, detail string) {
		if value != string(body) {
			all = append(all, variant{value, Finding{part, detail}})
		}
	}
	text := string(body)
	bare := strings.TrimPrefix(text, "\ufeff")
	add(PartWhitespace, bare, "The body begins with a byte order mark, which was not sent.")
	add(
		PartWhitespace,
		strings.TrimRight(text, "\r\n"),
		"The body ends with a line end, which was not sent. Editors and `echo` add one.",
	)
	add(PartWhitespace, strings.TrimSpace(bare), "The body has blanks around it, which were not sent.")
	add(PartWhitespace, text+"\n", "The body lacks the line end that was sent.")
	add(PartWhitespace, strings.ReplaceAll(text, "\r\n", "\n"), "The body's line ends were changed to CR LF.")
	const anew = "The JSON was decoded and written anew"
	for _, form := range []struct{ value, how string }{
		{compacted(body), "with blanks between its values"},
		{escaped(compacted(body)), "with other escapes"},
		{unescaped(compacted(body)), "with other escapes"},
		{inOrder(body), "with its names in another order"},
	} {
		if form.value != "" {
			add(
				PartEncoding,
				form.value,
				anew+", "+form.how+". Verify the bytes as they came, before anything parses them.",
			)
		}
	}
	return all
}

func compact(body []byte) bool { return compacted(body) == string(body) }

func compacted(body []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, body) != nil {
		return ""
	}
	return b.String()
}

// escaped has the escapes that Go's encoder makes of <, >, & and line separators.
func escaped(text string) string {
	var b bytes.Buffer
	json.HTMLEscape(&b, []byte(unescaped(text)))
	return b.String()
}

// unescaped has characters in place of their \u escapes, as most encoders write them.
func unescaped(text string) string {
	if !json.Valid([]byte(text)) {
		return ""
	}
	var b strings.Builder
	for len(text) > 0 {
		start := strings.IndexByte(text, '"')
		if start < 0 {
			break
		}
		end := start + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		b.WriteString(text[:start])
		b.WriteString(plain(text[start : end+1]))
		text = text[end+1:]
	}
	b.WriteString(text)
	return b.String()
}

// plain is a JSON string encoded without needless escapes.
func plain(quoted string) string {
	var value string
	if json.Unmarshal([]byte(quoted), &value) != nil {
		return quoted
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(value)
	return strings.TrimSuffix(b.String(), "\n")
}

// inOrder writes the event anew with the names in the order in which Plugboard sends them: those of the types in
// package events. It is empty for a body that is no event.
func inOrder(body []byte) string {
	var top map[string]json.RawMessage
	var e events.Envelope
	if json.Unmarshal(body, &top) != nil || json.Unmarshal(body, &e) != nil {
		return ""
	}
	row := slices.IndexFunc(events.Catalogue, func(r events.Row) bool { return r.Type == e.Type })
	if row < 0 {
		return ""
	}
	data := reflect.New(reflect.TypeOf(events.Catalogue[row].Payload))
	if json.Unmarshal(top["data"], data.Interface()) != nil {
		return ""
	}
	e.Data = data.Interface()
	raw, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	if context, has := top["context"]; has {
		raw = append(raw[:len(raw)-1], `,"context":`...)
		raw = append(append(raw, compacted(context)...), '}')
	}
	return string(raw)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
