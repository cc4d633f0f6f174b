// Package client calls a deployed Plugboard over HTTP, with the credential of each kind of caller. An operation's
// method, path and parameters come from its declaration in shared/contract.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"plugboard/localstack/issuer"
	"plugboard/localstack/outputs"
	"plugboard/shared/contract"
)

// Client calls one stack. It is safe for concurrent use.
type Client struct {
	Outputs outputs.Outputs
	http    *http.Client
	issuer  *issuer.Issuer
}

// answerLimit is more than API Gateway waits for an answer (29 s).
const answerLimit = 35 * time.Second

// Open reads the outputs file of `make up`. It fails, naming that command, where nothing is deployed.
func Open(path string) (*Client, error) {
	out, err := outputs.Load(path)
	if err != nil {
		return nil, err
	}
	c := New(out)
	if c.issuer, err = issuer.Load(out.IssuerDir); err != nil {
		return nil, err
	}
	c.http.Transport.(*http.Transport).Proxy = nil // the stack is on this machine
	return c, nil
}

// New calls the stack of these outputs, of which it takes the API's address and the platform's key. It signs no JWTs.
func New(out outputs.Outputs) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	return &Client{Outputs: out, http: &http.Client{
		Transport: transport, Timeout: answerLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Problem is the answer's problem document. It fails when the answer has none.
func (a Answer) Problem() (contract.Problem, error) {
	var p contract.Problem
	if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
		return p, fmt.Errorf("status %d with a body of %q, which is no problem document: %.200s", a.Status, kind,
			a.Body)
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return p, fmt.Errorf("status %d with an unreadable problem document: %w", a.Status, err)
	}
	return p, nil
}

// Refusal is an answer whose status is not the operation's own.
type Refusal struct {
	Operation string
	Problem   contract.Problem
}

func (r *Refusal) Error() string {
	said := fmt.Sprintf("%s was refused: %d %s: %s", r.Operation, r.Problem.Status, r.Problem.Code, r.Problem.Detail)
	for _, f := range r.Problem.Errors {
		said += fmt.Sprintf(" [%s: %s]", f.Pointer, f.Detail)
	}
	return said + " (request " + r.Problem.RequestID + ")"
}

// Call calls a declared operation. The fields of in that are tagged path, query or header go there; Body is the
// body. The error is a *Refusal when the API refuses.
func Call[I, O any](ctx context.Context, c *Client, by Caller, op contract.Op[I, O], in I) (O, error) {
	var out O
	path, header, body, err := contract.RequestParts(op.Operation, in)
	if err != nil {
		return out, fmt.Errorf("%s: %w", op.ID, err)
	}
	for name, values := range header {
		by = by.With(name, values[0])
	}
	answer, err := c.Send(ctx, by, op.Method, path, body)
	if err != nil {
		return out, fmt.Errorf("%s: %w", op.ID, err)
	}
	if answer.Status != op.Status {
		p, err := answer.Problem()
		if err != nil {
			return out, fmt.Errorf("%s: %w", op.ID, err)
		}
		return out, &Refusal{Operation: op.ID, Problem: p}
	}
	return out, contract.ReadAnswer(answer.Header, answer.Body, &out)
}

// Send sends any request below the API's address, declared or not.
func (c *Client) Send(ctx context.Context, by Caller, method, path string, body []byte) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Outputs.APIURL+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range by.header {
		r.Header[name] = values // spelled as the caller spells it
	}
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: content}, err
}
