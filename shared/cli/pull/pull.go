// Package pull fetches deliveries from Plugboard and forwards them to an endpoint that Plugboard cannot reach.
package pull

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Page is what a pull answers with.
type Page struct {
	Deliveries []Delivery `json:"deliveries"`
	Cursor     string     `json:"cursor"`
	AskAfter   int        `json:"ask_again_after_seconds"`
	Expired    int        `json:"expired"`
	Held       string     `json:"held"` // why an agent is given nothing
}

// Delivery is a request that is to be made, to the byte.
type Delivery struct {
	ID             string            `json:"id"`
	Event          string            `json:"event_id"`
	EventType      string            `json:"event_type"`
	EventAt        time.Time         `json:"event_at"`
	Attempt        int               `json:"attempt"`
	Receipt        string            `json:"receipt"`
	Headers        map[string]string `json:"headers"`
	Body           string            `json:"body"`
	TimeoutSeconds int               `json:"timeout_seconds"`
}

// Key tells deliveries that came twice from retries and replays.
func (d Delivery) Key() string { return fmt.Sprintf("%s/%d", d.ID, d.Attempt) }

// Result is what the endpoint answered, as it is acknowledged.
type Result struct {
	Receipt      string            `json:"receipt"`
	Status       int               `json:"status,omitempty"`
	Failure      Failure           `json:"failure,omitempty"`
	Milliseconds int64             `json:"milliseconds"`
	Headers      map[string]string `json:"headers,omitempty"`
	Body         string            `json:"body,omitempty"`
}

// Accepted tells whether the endpoint took the delivery (design rule 19).
func (r Result) Accepted() bool { return r.Status >= 200 && r.Status < 300 }

// Failure is why no answer came.
type Failure string

const (
	FailureDNS        Failure = "dns"
	FailureDial       Failure = "dial"
	FailureTLS        Failure = "tls"
	FailureTimeout    Failure = "timeout"
	FailureConnection Failure = "connection"
)

// Endpoint is where deliveries are forwarded to.
type Endpoint struct {
	URL       string
	Header    http.Header // that the endpoint wants besides, such as Authorization
	Transport http.RoundTripper
	Now       func() time.Time
}

const (
	// maxExcerpt is how much of an answer is acknowledged.
	maxExcerpt = 16 << 10
	// defaultTimeout is that of a webhook without a policy of its own.
	defaultTimeout = 5 * time.Second
)

// keptHeaders are the headers of an answer that help to understand a failure.
var keptHeaders = []string{"Retry-After", "Content-Type"}

// Forward makes the request of a delivery. A redirect is an answer, and is not followed.
func (e Endpoint) Forward(ctx context.Context, d Delivery) Result {
	timeout := time.Duration(d.TimeoutSeconds) * time.Second
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	started := e.Now()
	result := Result{Receipt: d.Receipt}
	response, err := e.post(ctx, d)
	if err == nil {
		defer response.Body.Close()
		var excerpt []byte
		excerpt, err = io.ReadAll(io.LimitReader(response.Body, maxExcerpt))
		result.Status = response.StatusCode
		if !result.Accepted() {
			result.Body, result.Headers = string(bytes.ToValidUTF8(excerpt, []byte("\uFFFD"))), kept(response.Header)
		}
	}
	if err != nil && result.Status == 0 {
		result.Failure = failureOf(err)
	}
	result.Milliseconds = e.Now().Sub(started).Milliseconds()
	return result
}

func (e Endpoint) post(ctx context.Context, d Delivery) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader([]byte(d.Body)))
	if err != nil {
		return nil, err
	}
	for name, value := range d.Headers {
		r.Header.Set(name, value)
	}
	for name, values := range e.Header {
		r.Header[name] = values
	}
	return e.Transport.RoundTrip(r)
}

func kept(h http.Header) map[string]string {
	all := map[string]string{}
	for _, name := range keptHeaders {
		if value := h.Get(name); value != "" {
			all[name] = value
		}
	}
	return all
}

func failureOf(err error) Failure {
	var dns *net.DNSError
	var timeout net.Error
	var operation *net.OpError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return FailureTimeout
	case errors.As(err, &dns):
		return FailureDNS
	case errors.As(err, &certificate), errors.As(err, &record):
		return FailureTLS
	case errors.As(err, &operation) && operation.Op == "dial":
		return FailureDial
	}
	return FailureConnection
}

// Says is the failure in words.
func (f Failure) Says() string {
	switch f {
	case FailureDNS:
		return "its name has no address"
	case FailureDial:
		return "nothing listens there"
	case FailureTLS:
		return "its certificate is not trusted"
	case FailureTimeout:
		return "no answer in time"
	}
	return "the connection broke"
}
