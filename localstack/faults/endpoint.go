package faults

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/shared/domain"
)

// Endpoint is the endpoint of one webhook: a real server that records its requests and answers as told, with 200 by
// default.
type Endpoint struct {
	URL    string
	server *httptest.Server

	mu       sync.Mutex
	behave   http.HandlerFunc
	trusted  []*standardwebhooks.Webhook
	arrivals []*Arrival
}

// Arrival is one request.
type Arrival struct {
	At       time.Time
	Delivery domain.DeliveryID // its webhook-id
	Header   http.Header
	Body     string
	Signed   bool // with a secret that the endpoint trusts by now; the request may be older than that
	Status   int  // of the answer; 0: none was sent
}

// taken is true when the endpoint accepted the request, as far as it can know.
func (a Arrival) taken() bool { return a.Status/100 == 2 }

// Listen opens an endpoint reachable at host. A host other than 127.0.0.1 means that the functions run in containers,
// and it listens on all addresses. With a certificate it speaks HTTPS.
func Listen(host string, certificate ...tls.Certificate) (*Endpoint, error) {
	address := "127.0.0.1:0"
	if host != "127.0.0.1" {
		address = ":0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open an endpoint: %w", err)
	}
	e := &Endpoint{behave: Status(http.StatusOK)}
	e.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(e.serve)},
		TLS: &tls.Config{Certificates: certificate}}
	scheme := "http"
	if len(certificate) > 0 {
		scheme = "https"
		e.server.StartTLS()
	} else {
		e.server.Start()
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	e.URL = scheme + "://" + net.JoinHostPort(host, port) + "/hooks"
	return e, nil
}

// Close also ends hanging requests.
func (e *Endpoint) Close() {
	e.server.CloseClientConnections()
	e.server.Close()
}

// Trust adds a secret whose signatures count as valid.
func (e *Endpoint) Trust(secret string) error {
	hook, err := standardwebhooks.NewWebhook(secret)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trusted = append(e.trusted, hook)
	return err
}

// Behaves changes how it answers.
func (e *Endpoint) Behaves(b http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behave = b
}

// Arrivals are the requests so far.
func (e *Endpoint) Arrivals() []Arrival {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Arrival, len(e.arrivals))
	for i, a := range e.arrivals {
		all[i] = *a
		for _, t := range e.trusted { // the library knows no clock of a test
			all[i].Signed = all[i].Signed || t.VerifyIgnoringTimestamp([]byte(a.Body), a.Header) == nil
		}
	}
	return all
}

func (e *Endpoint) took(id domain.DeliveryID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.arrivals, func(a *Arrival) bool { return a.Delivery == id && a.taken() })
}

func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the request broke off: nothing arrived
	}
	a := &Arrival{At: time.Now(), Delivery: domain.DeliveryID(r.Header.Get(standardwebhooks.HeaderWebhookID)),
		Header: r.Header, Body: string(body)}
	e.mu.Lock()
	e.arrivals = append(e.arrivals, a)
	behave := e.behave
	e.mu.Unlock()
	behave(&answering{ResponseWriter: w, note: func(status int) {
		e.mu.Lock()
		defer e.mu.Unlock()
		a.Status = status
	}}, r)
}

// answering records the status before it is sent, so that a test that sees the attempt in the log sees the arrival
// too.
type answering struct {
	http.ResponseWriter
	note func(status int)
}

func (a *answering) WriteHeader(status int) {
	a.note(status)
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Status answers with a status and no body.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// First behaves one way for the first n requests of each delivery, and another way afterwards.
func First(n int, b, then http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(standardwebhooks.HeaderWebhookID)
		mu.Lock()
		seen[id]++
		now := b
		if seen[id] > n {
			now = then
		}
		mu.Unlock()
		now(w, r)
	}
}

// Hang answers nothing while the client waits.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Late answers 200 after the client has given up.
func Late(w http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	w.WriteHeader(http.StatusOK)
}

// Drip sends a 200 answer one byte a second, header first.
func Drip(w http.ResponseWriter, r *http.Request) {
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: " + strings.Repeat("x", 100) +
		"\r\n\r\n") {
		stream.WriteByte(b)
		if stream.Flush() != nil {
			return
		}
		time.Sleep(time.Second) // the fault itself
	}
}

// Reset resets the connection instead of answering.
func Reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // RST, not FIN
	}
	conn.Close()
}

// Flood answers with a status and 10 MB.
func Flood(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		chunk := make([]byte, 1<<20)
		for range 10 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// Redirect redirects to another address, keeping method and body.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}
