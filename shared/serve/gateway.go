package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"plugboard/shared/contract"
)

// gateway turns API Gateway's proxy events (REST, payload version 1) into HTTP requests and back. It is ours
// because the adapter that AWS publishes refuses paths with a decoded space or percent sign.
type gateway struct{ handler http.Handler }

func (g gateway) invoke(ctx context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	r, err := request(ctx, e)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	w := &response{header: http.Header{}, status: http.StatusOK}
	g.handler.ServeHTTP(w, r)
	if w.size() > contract.LambdaAnswer {
		return tooLarge(ctx, r, w), nil
	}
	return w.event(), nil
}

// tooLarge stands in for an answer that Lambda would refuse, of which API Gateway makes a 502 without any reason.
func tooLarge(ctx context.Context, r *http.Request, w *response) events.APIGatewayProxyResponse {
	slog.ErrorContext(ctx, "answer too large", "request_id", contract.RequestID(r.Context()), "method", r.Method,
		"bytes", w.body.Len(), "status", w.status)
	short := &response{header: http.Header{}, status: http.StatusOK}
	contract.WriteTooLarge(short, r)
	return short.event()
}

// size is what the answer takes of Lambda's.
func (w *response) size() int {
	size := contract.InLambda(w.body.Bytes())
	if w.binary() {
		size = base64.StdEncoding.EncodedLen(w.body.Len())
	}
	for name, values := range w.header {
		for _, v := range values {
			size += len(name) + contract.InLambda([]byte(v)) + len(`"":["",],`)
		}
	}
	return size + frame
}

// frame is more than the rest of Lambda's answer takes: the names of its parts, and the status.
const frame = 200

func request(ctx context.Context, e events.APIGatewayProxyRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded { // API Gateway encodes every body when the API's binary types are */*; emulators differ
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fmt.Errorf("decode the body: %w", err)
		}
		body = decoded
	}
	query := url.Values(e.MultiValueQueryStringParameters)
	if query == nil {
		query = url.Values{}
		for k, v := range e.QueryStringParameters {
			query.Set(k, v)
		}
	}
	header := http.Header{}
	for k, values := range e.MultiValueHeaders {
		for _, v := range values {
			header.Add(k, v)
		}
	}
	for k, v := range e.Headers { // one emulator fills only this map
		if header.Get(k) == "" {
			header.Set(k, v)
		}
	}
	path := withoutBase(e.Path, e.Resource)
	u := &url.URL{Path: path, RawQuery: query.Encode()}
	// The event's path is percent-encoded as it was sent; one emulator decodes it.
	if decoded, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = decoded, path
	}
	r := &http.Request{
		Method: strings.ToUpper(e.HTTPMethod), URL: u, RequestURI: u.RequestURI(), Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header, Host: header.Get("Host"), RemoteAddr: e.RequestContext.Identity.SourceIP,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	return r.WithContext(contract.WithRequestID(ctx, e.RequestContext.RequestID)), nil
}

// withoutBase takes from a path what comes before the route: under a custom domain the event's path begins with the
// base path of the domain's mapping, and the route (`/v1/contracts/{contract_id}`) does not.
func withoutBase(path, route string) string {
	fixed, _, _ := strings.Cut(route, "{")
	if at := strings.Index(path, fixed); fixed != "" && at > 0 {
		return path[at:]
	}
	return path
}

// response collects an answer. Text goes back as it is; other content goes back as Base64, which API Gateway decodes.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) WriteHeader(status int)      { w.status = status }
func (w *response) Write(b []byte) (int, error) { return w.body.Write(b) }

func (w *response) event() events.APIGatewayProxyResponse {
	e := events.APIGatewayProxyResponse{StatusCode: w.status, MultiValueHeaders: w.header}
	if !w.binary() {
		e.Body = w.body.String()
		return e
	}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	return e
}

func (w *response) binary() bool {
	kind, _, _ := strings.Cut(w.header.Get("Content-Type"), ";")
	return w.body.Len() > 0 && !strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "json")
}
