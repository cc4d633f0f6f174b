// Package capture reads webhook requests that somebody captured, and says why a signature does not verify.
package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Request is a captured webhook request: what a signature covers, to the byte.
type Request struct {
	ID, Timestamp, Signature string
	Body                     []byte
}

// Parse reads a raw HTTP request, with or without its first line, or a JSON object {"headers": {…}, "body": "…"}.
func Parse(raw []byte) (Request, error) {
	if r, ok := parseJSON(raw); ok {
		return r, nil
	}
	return parseHTTP(raw)
}

func parseJSON(raw []byte) (Request, bool) {
	var captured struct {
		Headers map[string]any `json:"headers"`
		Body    *string        `json:"body"`
	}
	if json.Unmarshal(raw, &captured) != nil || captured.Body == nil {
		return Request{}, false
	}
	header := http.Header{}
	for name, value := range captured.Headers {
		if list, is := value.([]any); is && len(list) > 0 {
			value = list[0]
		}
		header.Set(name, fmt.Sprint(value))
	}
	return request(header, []byte(*captured.Body)), true
}

func parseHTTP(raw []byte) (Request, error) {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if plainHead, plainBody, plain := bytes.Cut(raw, []byte("\n\n")); plain && (!found || len(plainHead) < len(head)) {
		head, body, found = plainHead, plainBody, true
	}
	if !found {
		return Request{}, errors.New("no empty line stands between headers and body")
	}
	header := http.Header{}
	for i, line := range strings.Split(string(head), "\n") {
		line = strings.TrimSuffix(line, "\r")
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			if i == 0 {
				continue // the request line
			}
			return Request{}, fmt.Errorf("line %d is no header", i+1)
		}
		header.Set(name, strings.TrimSpace(value))
	}
	return request(header, body), nil
}

func request(h http.Header, body []byte) Request {
	return Request{
		ID:        h.Get("webhook-id"),
		Timestamp: h.Get("webhook-timestamp"),
		Signature: h.Get("webhook-signature"),
		Body:      body,
	}
}
