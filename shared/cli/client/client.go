// Package client sends requests to Plugboard's API. It repeats a request that was throttled or got no answer, under
// the same Idempotency-Key, and turns a refusal into a *Problem.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const headerIdempotencyKey = "Idempotency-Key"

const (
	// answerLimit is more than API Gateway waits for an answer (29 s).
	answerLimit = 35 * time.Second
	// maxAnswer is more than Lambda's longest answer (6 MB).
	maxAnswer = 8 << 20
)

// Client is safe for concurrent use.
type Client struct {
	Transport http.RoundTripper
	UserAgent string
	// Wait sleeps between two tries. It returns early with the context's error.
	Wait func(context.Context, time.Duration) error
	// Now is the clock to which a Retry-After date is compared.
	Now func() time.Time
	// Retrying hears of each wait. It may be nil.
	Retrying func(after time.Duration, reason string)
}

// Request is one call. Path is below the base URL.
type Request struct {
	Base, Method, Path string
	Query              url.Values
	Header             http.Header
	Body               []byte
	ContentType        string
	// Keyless sends no Idempotency-Key: the operation is safe to repeat without.
	Keyless bool
}

// Answer is a 2xx or 3xx answer. Redirects are not followed: they would carry the credential elsewhere.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the request, and repeats it while that is safe and promises success. The error is a *Problem for a refusal,
// an *Unreachable without an answer, or the context's.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if mutates(r.Method) && !r.Keyless && header.Get(headerIdempotencyKey) == "" {
		header.Set(headerIdempotencyKey, "cli-"+rand.Text())
	}
	r.Header = header
	for try := 1; ; try++ {
		answer, err := c.once(ctx, r)
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
		wait, again := c.waitAfter(err, try)
		if !again {
			return answer, err
		}
		if c.Retrying != nil {
			c.Retrying(wait, err.Error())
		}
		if err := c.Wait(ctx, wait); err != nil {
			return Answer{}, err
		}
	}
}

func mutates(method string) bool { return method != http.MethodGet && method != http.MethodHead }

func (c *Client) once(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	address := strings.TrimSuffix(r.Base, "/") + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, &Unreachable{Base: r.Base, Err: err}
	}
	request.Header = r.Header.Clone()
	request.Header.Set("User-Agent", c.UserAgent)
	if r.Body != nil {
		request.Header.Set("Content-Type", r.ContentType)
	}
	response, err := c.Transport.RoundTrip(request)
	if err != nil {
		return Answer{}, &Unreachable{Base: r.Base, Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	if err != nil {
		return Answer{}, &Unreachable{Base: r.Base, Err: err}
	}
	if response.StatusCode >= 400 {
		return Answer{}, problemOf(response, body)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Sleep is Wait on the machine's clock.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
