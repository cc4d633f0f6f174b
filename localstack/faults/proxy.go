package faults

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"plugboard/shared/domain"
)

// Proxy stands between the functions and an emulator, and lets a test decide the fate of every call. It also keeps
// delayed messages, so that their time comes by the test's clock and not by the emulator's.
type Proxy struct {
	URL string

	server  *httptest.Server
	forward *httputil.ReverseProxy
	now     domain.Clock

	mu   sync.Mutex
	rule Rule
	held []held
}

// Call is an AWS call as the SDK makes it: each try is a call.
type Call struct {
	Service   string // as in X-Amz-Target: DynamoDB_20120810, AmazonSQS, TrentService
	Operation string
}

// DynamoDB is true for a call of DynamoDB, SQS for one of SQS.
func (c Call) DynamoDB() bool { return strings.HasPrefix(c.Service, "DynamoDB") }
func (c Call) SQS() bool      { return c.Service == "AmazonSQS" }

// Reads is true when the call has no effect.
func (c Call) Reads() bool {
	switch c.Operation {
	case "GetItem", "BatchGetItem", "Query", "Decrypt":
		return true
	}
	return false
}

// Rule decides the fate of a call; nil lets it pass.
type Rule func(Call) Fate

// Fate answers a call. pass has the emulator answer it.
type Fate func(w http.ResponseWriter, pass func(http.ResponseWriter))

// Refuse answers with an AWS error, without effect.
func Refuse(status int, code string) Fate {
	return func(w http.ResponseWriter, _ func(http.ResponseWriter)) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":"as the test wants it"}`, "com.amazonaws#"+code)
	}
}

// Cut ends the connection before the call has an effect.
func Cut(w http.ResponseWriter, _ func(http.ResponseWriter)) { Reset(w, nil) }

// Unanswered ends the connection after the call had its effect: the caller does not know.
func Unanswered(w http.ResponseWriter, pass func(http.ResponseWriter)) {
	pass(httptest.NewRecorder())
	Reset(w, nil)
}

// NewProxy stands before that endpoint.
func NewProxy(endpoint string, now domain.Clock) (*Proxy, error) {
	to, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	p := &Proxy{now: now, forward: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		// the caller is gone
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	p.URL = p.server.URL
	return p, nil
}

// Close ends it.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// Follow sets the rule; nil lets every call pass.
func (p *Proxy) Follow(r Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = r
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	p.mu.Lock()
	call, rule := Call{Service: service, Operation: operation}, p.rule
	p.mu.Unlock()
	pass := func(w http.ResponseWriter) {
		if call.SQS() && operation == "SendMessageBatch" {
			p.send(w, r, body)
			return
		}
		p.forward.ServeHTTP(w, r)
	}
	if rule != nil {
		if fate := rule(call); fate != nil {
			fate(w, pass)
			return
		}
	}
	pass(w)
}

// held is a delayed message.
type held struct {
	queue string
	entry map[string]any
	until time.Time
}

// send keeps the delayed messages, and passes the others on.
func (p *Proxy) send(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct {
		QueueURL string           `json:"QueueUrl"`
		Entries  []map[string]any `json:"Entries"`
	}
	var out struct{ Successful, Failed []map[string]any }
	if err := json.Unmarshal(body, &in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var now, later []map[string]any
	for _, e := range in.Entries {
		if delay, _ := e["DelaySeconds"].(float64); delay > 0 {
			later = append(later, e)
		} else {
			now = append(now, e)
		}
	}
	if len(now) > 0 {
		sent := httptest.NewRecorder()
		p.forward.ServeHTTP(sent, entries(r, in.QueueURL, now))
		if err := json.Unmarshal(sent.Body.Bytes(), &out); sent.Code != http.StatusOK || err != nil {
			w.WriteHeader(sent.Code)
			w.Write(sent.Body.Bytes())
			return
		}
	}
	for _, e := range later {
		delay := time.Duration(e["DelaySeconds"].(float64)) * time.Second
		delete(e, "DelaySeconds")
		p.mu.Lock()
		p.held = append(p.held, held{in.QueueURL, e, p.now().Add(delay)})
		p.mu.Unlock()
		sum := md5.Sum([]byte(e["MessageBody"].(string))) // the SDK checks it
		out.Successful = append(out.Successful,
			map[string]any{"Id": e["Id"], "MessageId": "held", "MD5OfMessageBody": hex.EncodeToString(sum[:])})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	json.NewEncoder(w).Encode(out)
}

// entries is the request with these entries alone.
func entries(r *http.Request, queue string, some []map[string]any) *http.Request {
	body, _ := json.Marshal(map[string]any{"QueueUrl": queue, "Entries": some}) // the values came as JSON
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}

// NextHeld is the time of the next delayed message; false when there is none.
func (p *Proxy) NextHeld() (next time.Time, any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, h := range p.held {
		if i == 0 || h.until.Before(next) {
			next = h.until
		}
	}
	return next, len(p.held) > 0
}

// Release sends the delayed messages whose time has come.
func (p *Proxy) Release(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var still []held
	for _, h := range p.held {
		if h.until.After(p.now()) {
			still = append(still, h)
			continue
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
		if err != nil {
			return err
		}
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessageBatch")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		// an emulator reads region and service from it
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "+
			"SignedHeaders=host, Signature=none")
		sent := httptest.NewRecorder()
		p.forward.ServeHTTP(sent, entries(r, h.queue, []map[string]any{h.entry}))
		if sent.Code != http.StatusOK || !strings.Contains(sent.Body.String(), "MessageId") {
			return fmt.Errorf("send what was held: %d %s", sent.Code, sent.Body)
		}
	}
	p.held = still
	return nil
}
